// DPM-Solver++ of second order, multistep.
import type * as tf from '@tensorflow/tfjs';
import { sampleDpmpp } from './dpmpp-multistep.js';
import type { SamplerOptions } from './sampler.js';

/**
 * Samples by DPM-Solver++ 2M, second order. The first step and the step to sigma 0 are of first order.
 *
 * Source: Lu et al., "DPM-Solver++" (2022), algorithm 2, divided by the signal amplitude.
 */
export function sampleDpmpp2m<C>(options: SamplerOptions<C>): Promise<tf.Tensor4D> {
  return sampleDpmpp(options);
}

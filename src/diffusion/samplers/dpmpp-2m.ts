// DPM-Solver++ of second order, multistep: extrapolates the denoised sample from the last two steps.
import type * as tf from '@tensorflow/tfjs';
import { runSampler, type SamplerOptions, type StepState, type StepUpdate } from './sampler.js';

/**
 * Samples by DPM-Solver++ 2M, second order. The first step and the step to sigma 0 are of first order.
 *
 * Source: Lu et al., "DPM-Solver++" (2022), algorithm 2, divided by the signal amplitude.
 */
export function sampleDpmpp2m<C>(options: SamplerOptions<C>): Promise<tf.Tensor4D> {
  return runSampler(options, dpmpp2mUpdate);
}

function dpmpp2mUpdate({ sigma, nextSigma, previousSigma }: StepState): StepUpdate {
  const keep = nextSigma / sigma;
  if (previousSigma === undefined) return { keep };
  const stepSize = Math.log(sigma / nextSigma);
  const previousStepSize = Math.log(previousSigma / sigma);
  return { keep, extrapolate: stepSize / (2 * previousStepSize) };
}

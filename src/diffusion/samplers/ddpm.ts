// Denoising diffusion probabilistic models: ancestral sampling, a draw from the posterior of each step.
import type * as tf from '@tensorflow/tfjs';
import { runSampler, type SamplerOptions, type StepState, type StepUpdate } from './sampler.js';

/**
 * Samples by DDPM, over any number of steps.
 *
 * Source: Ho et al., "Denoising diffusion probabilistic models" (2020), equations 6 and 7, the lower of the two variances,
 * divided by the signal amplitude; between two kept timesteps the formulas hold as they are.
 */
export function sampleDdpm<C>(options: SamplerOptions<C>): Promise<tf.Tensor4D> {
  return runSampler(options, ddpmUpdate);
}

function ddpmUpdate({ sigma, nextSigma }: StepState): StepUpdate {
  const ratio = nextSigma / sigma;
  return { keep: ratio * ratio, addedNoise: nextSigma * Math.sqrt((1 - ratio) * (1 + ratio)) };
}

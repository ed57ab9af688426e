// Euler's method on the ordinary differential equation of diffusion.
import type * as tf from '@tensorflow/tfjs';
import { runSampler, type SamplerOptions, type StepState, type StepUpdate } from './sampler.js';

/**
 * Samples by Euler steps in sigma, first order. On noisy = clean + sigma · noise this is DDIM with eta 0, and for a flow it is
 * Euler's method on the flow.
 *
 * Source: Karras et al. 2022, algorithm 2 without churn: noisy + (next sigma - sigma) · (noisy - denoised) / sigma.
 */
export function sampleEuler<C>(options: SamplerOptions<C>): Promise<tf.Tensor4D> {
  return runSampler(options, eulerUpdate);
}

function eulerUpdate({ sigma, nextSigma }: StepState): StepUpdate {
  return { keep: nextSigma / sigma };
}

// Euler's method to a lower sigma than the next, and fresh noise up to it.
import type * as tf from '@tensorflow/tfjs';
import { ddpmUpdate } from './ddpm.js';
import { runSampler, type SamplerOptions } from './sampler.js';

/**
 * Samples by ancestral Euler steps. On noisy = clean + sigma · noise these are DDPM's: going down to next² / sigma by Euler and
 * adding next · sqrt(1 - (next / sigma)²) of noise is the draw from the posterior.
 *
 * Source: Karras et al. 2022, appendix C, for the step; k-diffusion for the split into the two.
 */
export function sampleEulerAncestral<C>(options: SamplerOptions<C>): Promise<tf.Tensor4D> {
  return runSampler(options, ddpmUpdate);
}

// Denoising diffusion implicit models: a step along the ordinary differential equation, with a chosen share of fresh noise.
import type * as tf from '@tensorflow/tfjs';
import { requireNumber } from '../../base/checks.js';
import { runSampler, type SamplerOptions, type StepState, type StepUpdate } from './sampler.js';

/**
 * Samples by DDIM. `eta` 0 (default) adds no noise and is of first order; 1 adds as much as DDPM.
 *
 * Source: Song et al., "Denoising diffusion implicit models" (2021), equations 12 and 16, both divided by the signal amplitude.
 */
export function sampleDdim<C>(options: SamplerOptions<C> & { readonly eta?: number }): Promise<tf.Tensor4D> {
  const eta = requireNumber('eta', options.eta ?? 0, { min: 0, max: 1 });
  return runSampler(options, (state) => ddimUpdate(state, eta));
}

/** Adds eta of the noise of the true posterior, and keeps as much of the noise there is as fills up to the next sigma. */
export function ddimUpdate({ sigma, nextSigma }: StepState, eta: number): StepUpdate {
  const ratio = nextSigma / sigma;
  const addedNoise = eta * nextSigma * Math.sqrt((1 - ratio) * (1 + ratio));
  return { keep: Math.sqrt(nextSigma * nextSigma - addedNoise * addedNoise) / sigma, addedNoise };
}

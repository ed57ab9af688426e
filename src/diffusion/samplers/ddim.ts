// Denoising diffusion implicit models: a step along the ordinary differential equation, with a chosen share of fresh noise.
import type * as tf from '@tensorflow/tfjs';
import { requireNumber } from '../../base/checks.js';
import { runSampler, type SamplerOptions, type StepState, type StepUpdate } from './sampler.js';

interface DdimOptions {
  /** 0 adds no noise, 1 as much as DDPM. Default 0. */
  readonly eta?: number;
  /** Holds the denoised sample to [-clipRange, clipRange] while the noise stays as it was found. Default null: no limit. */
  readonly clipRange?: number | null;
}

/**
 * Samples by DDIM. `eta` 0 (default) adds no noise and is of first order; 1 adds as much as DDPM.
 *
 * Source: Song et al., "Denoising diffusion implicit models" (2021), equations 12 and 16, both divided by the signal amplitude.
 */
export function sampleDdim<C>(options: SamplerOptions<C> & DdimOptions): Promise<tf.Tensor4D> {
  const eta = requireNumber('eta', options.eta ?? 0, { min: 0, max: 1 });
  const isClipped = (options.clipRange ?? null) !== null;
  return runSampler(options, (state) => {
    const update = ddimUpdate(state, eta);
    return isClipped ? { ...update, denoised: [-update.keep], limited: 1 } : update;
  });
}

/** Adds eta of the noise of the true posterior, and keeps as much of the noise there is as fills up to the next sigma. */
export function ddimUpdate({ sigma, nextSigma }: Pick<StepState, 'sigma' | 'nextSigma'>, eta: number): StepUpdate {
  const ratio = nextSigma / sigma;
  const addedNoise = eta * nextSigma * Math.sqrt((1 - ratio) * (1 + ratio));
  return { keep: Math.sqrt(nextSigma * nextSigma - addedNoise * addedNoise) / sigma, addedNoise };
}

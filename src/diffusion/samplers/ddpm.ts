// Denoising diffusion probabilistic models: ancestral sampling, a draw from the posterior of each step.
import type * as tf from '@tensorflow/tfjs';
import { clipped, runSampler, type SamplerOptions, type StepState, type StepUpdate } from './sampler.js';

interface DdpmOptions {
  /** Variance of the noise that is added: the posterior's (small, default) or the forward step's (large). */
  readonly variance?: 'small' | 'large';
  /** Whether a last step to sigma 0 adds noise too, which only the large variance has there. Default false. */
  readonly addsNoiseAtEnd?: boolean;
  /** Holds the denoised sample to [-clipRange, clipRange]. Default null: no limit. */
  readonly clipRange?: number | null;
}

/**
 * Samples by DDPM, over any number of steps.
 *
 * Source: Ho et al., "Denoising diffusion probabilistic models" (2020), equations 6 and 7, with the lower of the two variances of
 * section 3.2 or the upper one, divided by the signal amplitude; between two kept timesteps the formulas hold as they are.
 */
export function sampleDdpm<C>({ variance = 'small', addsNoiseAtEnd = false, clipRange, ...options }: SamplerOptions<C> & DdpmOptions): Promise<tf.Tensor4D> {
  return runSampler({ ...options, denoise: clipped(options.denoise, clipRange) }, (state) => {
    const update = ddpmUpdate(state);
    if (variance === 'small') return update;
    return { ...update, addedNoise: state.isLast && !addsNoiseAtEnd ? 0 : forwardNoise(state) };
  });
}

/** The draw from the posterior, with its own variance. In sigma it is also the ancestral step along the noise's own path. */
export function ddpmUpdate({ sigma, nextSigma }: Pick<StepState, 'sigma' | 'nextSigma'>): StepUpdate {
  const ratio = nextSigma / sigma;
  return { keep: ratio * ratio, addedNoise: nextSigma * Math.sqrt((1 - ratio) * (1 + ratio)) };
}

/** Deviation that the forward process adds between the two, where signal² + noise² = 1, over the signal after the step. */
function forwardNoise({ sigma, nextSigma }: StepState): number {
  return Math.sqrt((((sigma - nextSigma) * (sigma + nextSigma)) / (1 + sigma * sigma)) * (1 + nextSigma * nextSigma));
}

// The way back: which noise a deterministic sampler would have turned into a given clean sample.
import * as tf from '@tensorflow/tfjs';
import { requireInteger } from '../base/checks.js';
import type { Denoiser } from './denoiser.js';
import { breathe, weightedSum, type SigmaPath } from './samplers/sampler.js';

export interface InversionOptions<C> extends SigmaPath {
  readonly denoise: Denoiser<C>;
  /** Shape: [B, H, W, C]. */
  readonly clean: tf.Tensor4D;
  readonly condition: C;
  /** Calls of the denoiser per step beyond the first, in [0, 100]. More: the sampler leads back nearer to the clean sample. Default 3. */
  readonly corrections?: number;
  /** Called after each step with the number of steps done. */
  readonly onStep?: (done: number) => void;
  readonly signal?: AbortSignal;
}

/** Deviation that what is diffused is taken to have: latents are scaled to about 1. Only the speed of convergence depends on it. */
const ASSUMED_DEVIATION = 1;
/** Above this sigma a network's answer follows chance in the noise more than the data: its slope is taken to be at least 1 / sigma there. */
const LARGEST_TELLING_SIGMA = 20;

/**
 * Inverts DDIM without fresh noise, which is Euler's method, along a path. Each step solves for the noisier sample whose own Euler
 * step would lead back: with `corrections` 0 by the noise found in the less noisy one, as is usual, and then by correcting what is
 * still missed. The first step leaves sigma 0, where no noise can be found yet: it begins with the clean sample itself.
 *
 * Memory: the caller disposes.
 * @returns the initial noise of the path, near unit normal where the denoiser fits the data
 * @throws the signal's reason when aborted between two steps
 *
 * Source: Song et al., "Denoising diffusion implicit models" (2021), section 4.3; the corrections are a damped fixed-point iteration
 * as in Pan et al., "Effective real image editing with accelerated iterative diffusion inversion" (2023).
 */
export async function invertDdim<C>(options: InversionOptions<C>): Promise<tf.Tensor4D> {
  const { sigmas, targets, rescale, initialScale, clean, corrections = 3, onStep, signal } = options;
  requireInteger('corrections', corrections, { min: 0, max: 100 });
  const steps = sigmas.length - 1;
  let sample = tf.clone(clean);
  try {
    for (let step = steps - 1; step >= 0; step -= 1) {
      signal?.throwIfAborted();
      const less = sample;
      const sigma = sigmas[step];
      sample = tf.tidy(() => undoStep(options, { after: tf.div(less, rescale?.[step] ?? 1), sigma, nextSigma: targets?.[step] ?? sigmas[step + 1] }, corrections));
      less.dispose();
      onStep?.(steps - step);
      await breathe();
    }
    return tf.div(sample, initialScale ?? sigmas[0]);
  } finally {
    sample.dispose();
  }
}

interface UndoneStep {
  /** The sample after the step. */
  readonly after: tf.Tensor4D;
  readonly sigma: number;
  readonly nextSigma: number;
}

/**
 * The sample before an Euler step: x with ratio · x + (1 - ratio) · denoised(x) = after, ratio = nextSigma / sigma. Newton's method
 * with the slope that a denoiser of Gaussian data has, so that it converges wherever the true slope lies between none and that.
 */
function undoStep<C>({ denoise, condition }: InversionOptions<C>, { after, sigma, nextSigma }: UndoneStep, corrections: number): tf.Tensor4D {
  const ratio = nextSigma / sigma;
  const gaussian = ratio + ((1 - ratio) * ASSUMED_DEVIATION ** 2) / (ASSUMED_DEVIATION ** 2 + sigma * sigma);
  const slope = sigma > LARGEST_TELLING_SIGMA ? Math.max(gaussian, 1 / sigma) : gaussian;
  let before = nextSigma === 0 ? after : carryUp(after, denoise(after, nextSigma, condition), ratio);
  const count = corrections + (nextSigma === 0 ? 1 : 0);
  for (let correction = 0; correction < count; correction += 1) {
    const from = before;
    before = tf.tidy(() => weightedSum([[1 - ratio / slope, from], [1 / slope, after], [-(1 - ratio) / slope, denoise(from, sigma, condition)]]));
  }
  return before;
}

/** The explicit step up, by the noise that the denoiser finds in the less noisy sample. */
function carryUp(after: tf.Tensor4D, denoised: tf.Tensor4D, ratio: number): tf.Tensor4D {
  return weightedSum([[1 / ratio, after], [1 - 1 / ratio, denoised]]);
}

// Classifier-free guidance: pushes a denoiser away from what it would answer without the condition.
import * as tf from '@tensorflow/tfjs';
import type { Denoiser } from './denoiser.js';

/** Noise levels from the first to the second, as shares of noise in the deviation of a noisy sample: 0 is clean, 1 nothing but noise. */
export type NoiseInterval = readonly [low: number, high: number];

export const ALL_NOISE: NoiseInterval = [0, 1];

/** @param sigma deviation of the noise over that of the sample, up to Infinity */
export function liesWithin(sigma: number, [low, high]: NoiseInterval): boolean {
  const share = sigma === Infinity ? 1 : sigma / Math.hypot(sigma, 1);
  return share >= low && share <= high;
}

/** How guidance is done. */
export interface GuidanceOptions<C> {
  /** 0 ignores the condition, 1 is the denoiser as it is, more is purer and less varied. */
  readonly scale: number;
  /** The condition of the second branch, for as many items as the given one. */
  readonly unconditional: (condition: C) => C;
  /** Puts two batches' conditions one behind the other. */
  readonly join: (first: C, second: C) => C;
  /** Share, 0 to 1, of the gained contrast and level that is taken back. Default 0. */
  readonly rescale?: number;
  /** Where it is guided; elsewhere the denoiser answers as it is, at half the cost. Default everywhere. */
  readonly interval?: NoiseInterval;
}

/**
 * Wraps a denoiser so that it runs with and without the condition in one batch and extrapolates from the one to the other.
 * At scale 1 the denoiser itself comes back, and at 0 it runs without the condition only.
 *
 * Source: Ho and Salimans 2022, equation 6, on the denoised sample; rescale after Lin et al. 2024, section 3.4, where here both
 * mean and deviation of an item go back to those of the conditional branch, because on a spectrogram the mean is the level; interval
 * after Kynkäänniemi et al. 2024: at the noisiest levels guidance makes all samples alike and loud, at the cleanest it does nothing.
 */
export function withGuidance<C>(denoise: Denoiser<C>, options: GuidanceOptions<C>): Denoiser<C> {
  const { scale, unconditional, join, rescale = 0, interval = ALL_NOISE } = options;
  if (scale === 1) return denoise;
  if (scale === 0) return (noisy, sigma, condition) => denoise(noisy, sigma, unconditional(condition));
  return (noisy, sigma, condition) => {
    if (!liesWithin(sigma, interval)) return denoise(noisy, sigma, condition);
    return tf.tidy(() => {
      const both = denoise(tf.concat([noisy, noisy], 0), sigma, join(condition, unconditional(condition)));
      const [conditional, free] = tf.split(both, 2, 0) as tf.Tensor4D[];
      const guided = tf.add(free, tf.mul(tf.sub(conditional, free), scale)) as tf.Tensor4D;
      return rescale === 0 ? guided : takeBack({ guided, conditional, rescale });
    });
  };
}

const SMALLEST_DEVIATION = 1e-8;

/** Takes mean and deviation of each guided item back to those of the conditional one, by a share. */
export function takeBack({ guided, conditional, rescale }: { guided: tf.Tensor4D; conditional: tf.Tensor4D; rescale: number }): tf.Tensor4D {
  const from = tf.moments(guided, [1, 2, 3], true);
  const to = tf.moments(conditional, [1, 2, 3], true);
  const gain = tf.div(tf.sqrt(to.variance), tf.maximum(tf.sqrt(from.variance), SMALLEST_DEVIATION));
  const matched = tf.add(tf.mul(tf.sub(guided, from.mean), gain), to.mean);
  return tf.add(tf.mul(matched, rescale), tf.mul(guided, 1 - rescale)) as tf.Tensor4D;
}

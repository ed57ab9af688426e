// Gaussian data, for which the ideal denoiser and the solution of the sampling equation are closed formulas.
import * as tf from '@tensorflow/tfjs';
import type { Denoiser } from '../../src/diffusion/index.js';

export interface Gaussian {
  readonly mean: number;
  readonly deviation: number;
}

/** Expected clean value for noisy = clean + sigma · noise: the mean, weighed by the two variances. */
export function idealDenoiser({ mean, deviation }: Gaussian): Denoiser<unknown> {
  return (noisy, sigma) =>
    tf.tidy(() => {
      // Written as a weighted mean, since (noisy - mean) loses the mean at a sigma of 4096.
      const share = 1 / (1 + (sigma / deviation) ** 2);
      return tf.add(tf.mul(noisy, share), mean * (1 - share)) as tf.Tensor4D;
    });
}

/** Where the sampling equation leads from unit noise at the first sigma to sigma 0, in float64. */
export function exactEnd({ mean, deviation }: Gaussian, unitNoise: ArrayLike<number>, sigma: number): number[] {
  return Array.from(unitNoise, (noise) => mean + ((noise * sigma - mean) * deviation) / Math.hypot(deviation, sigma));
}

/** Sigmas even in their logarithm, then 0. */
export function geometricSigmas(steps: number, largest: number, smallest: number): Float64Array {
  return Float64Array.from({ length: steps + 2 }, (_, step) => (step > steps ? 0 : largest * (smallest / largest) ** (step / steps)));
}

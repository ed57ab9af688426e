// A sample of which a part is given: the given part is put back at every noise level, and the rest is drawn to go with it.
import * as tf from '@tensorflow/tfjs';
import { requireInteger } from '../base/checks.js';
import type { Random } from '../base/random.js';
import type { Denoiser } from './denoiser.js';
import { drawNoise, weightedSum } from './samplers/sampler.js';

/** Memory: the caller's. */
export interface KnownRegion {
  /** The clean sample; what it holds where nothing is known does not matter. Shape: [B, H, W, C], or [1, H, W, C] for all items. */
  readonly clean: tf.Tensor4D;
  /** 1 where the clean sample is known, else 0. Shape: any that spreads over [B, H, W, C]. */
  readonly isKnown: tf.Tensor4D;
}

/**
 * Wraps a denoiser so that it sees the known part as clean + sigma · noise at every sigma, and answers with the clean part itself: a
 * sampler then carries that part from its noise to what is known, and ends on it.
 *
 * Source: Lugmayr et al., "RePaint" (2022), equation 8, with one noise for all levels.
 * @param noise unit noise that the known part is seen under, that of the sample's own start. Shape: [B, H, W, C]
 */
export function withKnown<C>(denoise: Denoiser<C>, region: KnownRegion, noise: tf.Tensor4D): Denoiser<C> {
  return (noisy, sigma, condition) =>
    tf.tidy(() => {
      const drawn = denoise(held(region, { noisy, noise, sigma }), sigma, condition);
      return tf.add(tf.mul(region.isKnown, region.clean), tf.mul(tf.sub(1, region.isKnown), drawn)) as tf.Tensor4D;
    });
}

export interface Resampling<C> {
  /** The denoiser without the known region. */
  readonly denoise: Denoiser<C>;
  readonly condition: C;
  /** Times at each noise level; 0 for none. */
  readonly resamples: number;
  /** One sequence per item. */
  readonly random: readonly Random[];
}

/** Share of a sample's variance that one resampling keeps. Less mixes faster and draws too narrow. */
const KEPT_SHARE = 0.7;
/** Above this sigma a cell of unit deviation says next to nothing of its neighbour. What is common to many cells is decided above it: heedKnown sees to that, at less cost. */
const LARGEST_SIGMA = 5;

/**
 * What a sampler does to the noisy sample before each step so that the drawn part heeds the known one: it goes down a little and back up
 * with fresh noise, several times, the known part under fresh noise each time. Without it the sampler only ever sees the known part under
 * much noise while it decides what follows, and heeds about half of it.
 *
 * Source: Lugmayr et al. (2022), section 4.2, down and up again in one update: the noisy sample keeps a share k of itself, takes 1 - k
 * of the denoised one, and noise of variance sigma² · (1 - k²).
 */
export function resampleKnown<C>(region: KnownRegion, { denoise, condition, resamples, random }: Resampling<C>): (noisy: tf.Tensor4D, sigma: number) => tf.Tensor4D {
  requireInteger('resamples', resamples, { min: 0, max: 100 });
  return (noisy, sigma) => {
    if (sigma > LARGEST_SIGMA) return noisy;
    let corrected = noisy;
    for (let count = 0; count < resamples; count += 1) {
      const before = corrected;
      corrected = tf.tidy(() => {
        const seen = held(region, { noisy: before, noise: drawNoise(random, noisy.shape), sigma });
        const fresh = drawNoise(random, noisy.shape);
        return weightedSum([[KEPT_SHARE, seen], [1 - KEPT_SHARE, denoise(seen, sigma, condition)], [sigma * Math.sqrt(1 - KEPT_SHARE ** 2), fresh]]);
      });
    }
    return corrected;
  };
}

interface Seen {
  readonly noisy: tf.Tensor4D;
  readonly noise: tf.Tensor4D;
  readonly sigma: number;
}

/** The noisy sample with clean + sigma · noise where that is known. */
function held({ clean, isKnown }: KnownRegion, { noisy, noise, sigma }: Seen): tf.Tensor4D {
  return tf.add(tf.mul(isKnown, tf.add(clean, tf.mul(noise, sigma))), tf.mul(tf.sub(1, isKnown), noisy)) as tf.Tensor4D;
}

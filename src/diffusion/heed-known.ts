// A denoiser whose answer heeds the part of a sample that is given. Knows no network, and takes no gradient.
import * as tf from '@tensorflow/tfjs';
import { requireInteger } from '../base/checks.js';
import type { Denoiser } from './denoiser.js';
import type { KnownRegion } from './known-region.js';

/** How far a sample is moved to see how the answer moves along, in deviations of its noise. Less loses digits, more leaves what is linear. */
const REACH = 0.3;
/** A denoiser is followed where its answer moves in the direction in which it was pushed: by the cosine between the two. That of an ideal one is above 0, of a trained UNet 0.7 to 1. */
const LEAST_AGREEMENT = 0.25;
/** Stands for nothing under a root. */
const TINY = 1e-20;

/**
 * Wraps a denoiser so that its answer is the clean sample that is expected given both the noisy one and the known part: by what it misses the
 * known part, the rest is moved too, as far as the denoiser holds that the two hang together. Without it the known part is seen only
 * through as much noise as the rest, and counts for little while that is much.
 *
 * With missed = known - denoised there, and V the covariance of the clean sample given the noisy one, denoised + V Kᵀ (K V Kᵀ)⁻¹ missed, where K
 * takes the known part. V is sigma² times the denoiser's derivative, and symmetric: its product with a direction is had from the answer to
 * a sample that is pushed that way. So each round, one of conjugate gradients, asks the denoiser once more. For Gaussian data
 * enough rounds are exact; a few do most, since what hangs together over many cells comes first. Each item has its own.
 *
 * Source: Rozet et al., "Learning diffusion priors from observations by expectation maximization" (2024), moment matching posterior
 * sampling, with differences of answers in place of vector-Jacobian products.
 */
export function heedKnown<C>(denoise: Denoiser<C>, { clean, isKnown }: KnownRegion, rounds: number): Denoiser<C> {
  requireInteger('heedRounds', rounds, { min: 0, max: 100 });
  if (rounds === 0) return denoise;
  return (noisy, sigma, condition) =>
    tf.tidy(() => {
      const denoised = denoise(noisy, sigma, condition);
      const onKnown = (x: tf.Tensor): tf.Tensor => tf.mul(x, isKnown);
      const knownCount = dot(onKnown(tf.onesLike(noisy)), tf.onesLike(noisy));
      let heeded: tf.Tensor = denoised;
      let missed = onKnown(tf.sub(clean, denoised));
      let direction = missed;
      for (let round = 0; round < rounds; round += 1) {
        const left = dot(missed, missed);
        const push = tf.divNoNan(REACH * sigma, tf.sqrt(tf.divNoNan(dot(direction, direction), knownCount)));
        const moved = tf.divNoNan(tf.sub(denoise(tf.add(noisy, tf.mul(push, direction)), sigma, condition), denoised), push);
        const share = shareOf(direction, onKnown(moved), left);
        heeded = tf.add(heeded, tf.mul(share, moved));
        missed = tf.sub(missed, tf.mul(share, onKnown(moved)));
        direction = tf.add(missed, tf.mul(tf.divNoNan(dot(missed, missed), left), direction));
      }
      return heeded as tf.Tensor4D;
    });
}

/** How much of a move makes up for what is missed; nothing where the answer did not go along with the push. Shape: [B, 1, 1, 1]. */
function shareOf(direction: tf.Tensor, moved: tf.Tensor, left: tf.Tensor): tf.Tensor {
  const along = dot(direction, moved);
  const least = tf.mul(LEAST_AGREEMENT, tf.sqrt(tf.add(tf.mul(dot(direction, direction), dot(moved, moved)), TINY)));
  return tf.where(tf.greater(along, least), tf.divNoNan(left, along), tf.zerosLike(along));
}

/** Shape: [B, H, W, C] and the same -> [B, 1, 1, 1]. */
function dot(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  return tf.sum(tf.mul(a, b), [1, 2, 3], true);
}

// Guidance by several conditions at weights, away from several others.
import * as tf from '@tensorflow/tfjs';
import type { Denoiser } from './denoiser.js';
import { ALL_NOISE, liesWithin, takeBack, type NoiseInterval } from './guidance.js';

/** A condition for a whole batch, and how much of it each item has. */
export interface Share<C> {
  readonly condition: C;
  /** One per item; those of one item add up to 1 over all shares. */
  readonly weights: ArrayLike<number>;
}

/** What a batch is drawn toward, and what it is led away from: what is meant by no condition, or conditions not wanted. */
export interface SharedMix<C> {
  readonly toward: readonly Share<C>[];
  readonly away: readonly Share<C>[];
}

export interface MixedGuidanceOptions<C, M> {
  /** 0 draws what is to be led away from, 1 the mix itself, more is purer and less varied. */
  readonly scale: number;
  readonly sharesOf: (mixed: M) => SharedMix<C>;
  /** Puts several batches' conditions one behind the other. */
  readonly join: (conditions: readonly C[]) => C;
  /** Share, 0 to 1, of the gained contrast and level that is taken back. Default 0. */
  readonly rescale?: number;
  /** Where it is guided; elsewhere the mix itself is drawn. Default everywhere. */
  readonly interval?: NoiseInterval;
}

/**
 * Wraps a denoiser so that it runs once for each share, all in one batch: guided = away + scale · (toward - away), where each side is
 * the weighted mean of its shares' denoised samples. One share on each side is withGuidance; a scale of 0 or 1 runs one side only.
 *
 * Source: Liu et al., "Compositional visual generation with composable diffusion models" (2022), equation 11, on the denoised sample
 * and with weights that add up to 1, so that the scale alone says how far; rescale as in withGuidance, to the mean of what is wanted.
 */
export function withMixedGuidance<C, M>(denoise: Denoiser<C>, { scale: asWished, sharesOf, join, rescale = 0, interval = ALL_NOISE }: MixedGuidanceOptions<C, M>): Denoiser<M> {
  return (noisy, sigma, mixed) =>
    tf.tidy(() => {
      const scale = asWished === 0 || liesWithin(sigma, interval) ? asWished : 1;
      const { toward, away } = sharesOf(mixed);
      const asked = [...(scale === 0 ? [] : toward), ...(scale === 1 ? [] : away)];
      const answers = tf.split(denoise(tf.concat(asked.map(() => noisy), 0), sigma, join(asked.map(({ condition }) => condition))), asked.length, 0) as tf.Tensor4D[];
      const mean = (shares: readonly Share<C>[]): tf.Tensor4D => weighted(shares, shares.map((share) => answers[asked.indexOf(share)]));
      if (scale === 0 || scale === 1) return mean(asked);
      const [conditional, free] = [mean(toward), mean(away)];
      const guided = tf.add(free, tf.mul(tf.sub(conditional, free), scale)) as tf.Tensor4D;
      return rescale === 0 ? guided : takeBack({ guided, conditional, rescale });
    });
}

/** The answers' mean, each item by its own weights. */
function weighted<C>(shares: readonly Share<C>[], answers: readonly tf.Tensor4D[]): tf.Tensor4D {
  if (shares.length === 1) return answers[0];
  return answers
    .map((answer, index) => tf.mul(answer, tf.tensor4d(Float32Array.from(shares[index].weights), [answer.shape[0], 1, 1, 1])) as tf.Tensor4D)
    .reduce((sum, part) => tf.add(sum, part) as tf.Tensor4D);
}

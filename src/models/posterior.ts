// The distribution over latents that the encoder answers with: a normal distribution per element.
import * as tf from '@tensorflow/tfjs';

/** Shape: both [B, H, W, C]. */
export interface Posterior {
  readonly mean: tf.Tensor4D;
  /** Natural logarithm of the variance, within -30 and 20. */
  readonly logVariance: tf.Tensor4D;
}

/** The most probable latent. */
export function posteriorMode(posterior: Posterior): tf.Tensor4D {
  return posterior.mean;
}

/**
 * mean + deviation·noise.
 *
 * @param noise standard normal, of the mean's shape
 * Source: Kingma and Welling, "Auto-encoding variational Bayes" (2013), section 2.4.
 */
export function samplePosterior({ mean, logVariance }: Posterior, noise: tf.Tensor4D): tf.Tensor4D {
  return tf.add(mean, tf.mul(tf.exp(tf.mul(logVariance, 0.5)), noise));
}

/**
 * The Kullback-Leibler divergence from the standard normal distribution, summed over the elements of each item.
 *
 * Shape: [B]. Unit: nats.
 * Source: Kingma and Welling (2013), appendix B.
 */
export function klPerItem({ mean, logVariance }: Posterior): tf.Tensor1D {
  const terms = tf.sub(tf.sub(tf.add(tf.square(mean), tf.exp(logVariance)), 1), logVariance);
  return tf.mul(tf.sum(terms, [1, 2, 3]), 0.5);
}

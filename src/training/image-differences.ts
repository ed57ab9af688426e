// Differences between neighbouring cells of images, and means in which frames have weights.
import * as tf from '@tensorflow/tfjs';

/** Each cell less the one below. Shape: [B, M, N, C] -> [B, M - 1, N, C]. */
export function alongFrequency(image: tf.Tensor4D): tf.Tensor4D {
  const [batch, bins, frames, channels] = image.shape;
  return tf.sub(tf.slice(image, [0, 1, 0, 0], [batch, bins - 1, frames, channels]), tf.slice(image, [0, 0, 0, 0], [batch, bins - 1, frames, channels]));
}

/** Each cell less the one before. Shape: [B, M, N, C] -> [B, M, N - 1, C]. */
export function alongTime(image: tf.Tensor4D): tf.Tensor4D {
  const [batch, bins, frames, channels] = image.shape;
  return tf.sub(tf.slice(image, [0, 0, 1, 0], [batch, bins, frames - 1, channels]), tf.slice(image, [0, 0, 0, 0], [batch, bins, frames - 1, channels]));
}

/** Weights of differences along time: a difference counts as its earlier frame, so that the end of a sound counts in full. Shape: [B, 1, N, 1] -> [B, 1, N - 1, 1]. */
export function weightsAlongTime(weights: tf.Tensor4D): tf.Tensor4D {
  const [batch, , frames] = weights.shape;
  return tf.slice(weights, [0, 0, 0, 0], [batch, 1, frames - 1, 1]);
}

/** Sum of value × weight over the sum of weights, so that a batch full of padding counts as much as any. Shape: [B, M, N, C], weights [B, 1, N, 1] -> []. */
export function weightedMean(values: tf.Tensor4D, weights: tf.Tensor4D): tf.Scalar {
  const [, bins, , channels] = values.shape;
  return tf.div(tf.sum(tf.mul(values, weights)), tf.mul(tf.sum(weights), bins * channels));
}

// Group normalisation and its gradient from tfjs operations, for engines without our kernels.
import * as tf from '@tensorflow/tfjs';
import type { GroupNormOptions } from './group-norm.js';

/** Shape: x [B, H, W, C] -> y [B, H, W, C], mean [B, groups], inverse deviation [B, groups]. */
export function groupNormComposed(x: tf.Tensor4D, gamma: tf.Tensor, beta: tf.Tensor, options: GroupNormOptions): tf.Tensor[] {
  const { groups, epsilon, silu } = options;
  const grouped = splitGroups(x, groups);
  const mean = tf.mean(grouped, [1, 3], true);
  const centred = tf.sub(grouped, mean);
  const variance = tf.mean(tf.square(centred), [1, 3], true);
  const inverseDeviation = tf.rsqrt(tf.add(variance, epsilon));
  const normalised = tf.reshape(tf.mul(centred, inverseDeviation), x.shape);
  const linear = tf.add(tf.mul(normalised, gamma), beta);
  const y = silu ? tf.mul(linear, tf.sigmoid(linear)) : linear;
  return [y, tf.reshape(mean, [x.shape[0], groups]), tf.reshape(inverseDeviation, [x.shape[0], groups])];
}

/** What the gradient needs of the forward pass. */
export interface GroupNormState {
  readonly x: tf.Tensor4D;
  readonly gamma: tf.Tensor;
  readonly beta: tf.Tensor;
  readonly mean: tf.Tensor;
  readonly inverseDeviation: tf.Tensor;
}

/** Gradients of x, gamma and beta. */
export function groupNormGradientComposed(dy: tf.Tensor, state: GroupNormState, options: GroupNormOptions): tf.Tensor[] {
  const { x, gamma, beta } = state;
  const { groups, silu } = options;
  const statisticShape = [x.shape[0], 1, groups, 1];
  const inverseDeviation = tf.reshape(state.inverseDeviation, statisticShape);
  const normalised = tf.mul(tf.sub(splitGroups(x, groups), tf.reshape(state.mean, statisticShape)), inverseDeviation);
  const flatNormalised = tf.reshape(normalised, x.shape);
  const dLinear = silu ? siluGradientComposed(dy, tf.add(tf.mul(flatNormalised, gamma), beta)) : dy;
  const dGamma = tf.sum(tf.mul(dLinear, flatNormalised), [0, 1, 2]);
  const dBeta = tf.sum(dLinear, [0, 1, 2]);
  const dNormalised = splitGroups(tf.mul(dLinear, gamma) as tf.Tensor4D, groups);
  const meanGradient = tf.mean(dNormalised, [1, 3], true);
  const meanProjection = tf.mean(tf.mul(dNormalised, normalised), [1, 3], true);
  const centred = tf.sub(tf.sub(dNormalised, meanGradient), tf.mul(normalised, meanProjection));
  return [tf.reshape(tf.mul(centred, inverseDeviation), x.shape), dGamma, dBeta];
}

/** dy · d(x·sigmoid(x))/dx. */
export function siluGradientComposed(dy: tf.Tensor, x: tf.Tensor): tf.Tensor {
  const gate = tf.sigmoid(x);
  return tf.mul(dy, tf.mul(gate, tf.add(1, tf.mul(x, tf.sub(1, gate)))));
}

// [B, H, W, C] -> [B, H*W, groups, C/groups]
function splitGroups(x: tf.Tensor4D, groups: number): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  return tf.reshape(x, [batch, height * width, groups, channels / groups]);
}

// Layer normalisation over the last axis, as one operation with one gradient. Composed on every engine.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../../base/checks.js';
import { channelSum } from './channel-sum.js';
import { defineOperation } from './define-operation.js';

export interface LayerNormOptions {
  /** Added to the variance. */
  readonly epsilon: number;
}

const runLayerNorm = defineOperation<LayerNormOptions>({
  name: 'LayerNorm',
  saveInputs: ['x', 'gamma'],
  saveOutputs: [false, true, true],
  forward: ({ x, gamma, beta }, { epsilon }) => {
    const mean = tf.mean(x, -1, true);
    const centred = tf.sub(x, mean);
    const inverseDeviation = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
    return [tf.add(tf.mul(tf.mul(centred, inverseDeviation), gamma), beta), mean, inverseDeviation];
  },
  gradient: (dy, [x, gamma, mean, inverseDeviation]) => {
    const normalised = (): tf.Tensor => tf.mul(tf.sub(x, mean), inverseDeviation);
    return {
      x: () => {
        const z = normalised();
        const dz = tf.mul(dy, gamma);
        const along = tf.mean(tf.mul(dz, z), -1, true);
        return tf.mul(tf.sub(tf.sub(dz, tf.mean(dz, -1, true)), tf.mul(z, along)), inverseDeviation);
      },
      gamma: () => channelSum(tf.mul(dy, normalised())),
      beta: () => channelSum(dy),
    };
  },
});

/**
 * Normalises each vector of the last axis to mean 0 and variance 1, then scales and shifts each of its elements.
 *
 * Shape: x [..., C], gamma [C], beta [C] -> [..., C].
 * Source: Ba, Kiros and Hinton, "Layer normalization" (2016); equal to PyTorch's LayerNorm over the last axis.
 */
export function layerNorm<T extends tf.Tensor>(x: T, gamma: tf.Tensor, beta: tf.Tensor, options: LayerNormOptions): T {
  const channels = x.shape[x.rank - 1];
  requireShape('layerNorm: gamma', gamma.shape, [channels]);
  requireShape('layerNorm: beta', beta.shape, [channels]);
  const [y, mean, inverseDeviation] = runLayerNorm({ x, gamma, beta }, options);
  mean.dispose();
  inverseDeviation.dispose();
  return y as T;
}

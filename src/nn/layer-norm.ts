// Normalisation over the last axis.
import * as tf from '@tensorflow/tfjs';
import { ones, zeros } from './initialisers.js';
import type { ParameterScope } from './parameters.js';

/**
 * Mean 0 and deviation 1 over the last axis, then scale and shift. Parameters: weight, bias. Shape: [..., channels], kept.
 *
 * Source: Ba, Kiros and Hinton, "Layer normalization" (2016), equation 3.
 */
export function createLayerNorm(scope: ParameterScope, { channels, epsilon }: { readonly channels: number; readonly epsilon: number }) {
  const gamma = scope.add('weight', { shape: [channels], layout: 'plain', initialise: ones });
  const beta = scope.add('bias', { shape: [channels], layout: 'plain', initialise: zeros });
  return <T extends tf.Tensor>(x: T): T => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centred), -1, true);
    return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon))), gamma), beta);
  };
}

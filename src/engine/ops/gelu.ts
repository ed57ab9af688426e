// The Gaussian error linear unit, alone and as a gate, with gradients that keep only the input.
import * as tf from '@tensorflow/tfjs';
import { requireInteger } from '../../base/checks.js';
import { defineOperation } from './define-operation.js';

/** The standard normal distribution: 0.5·(1 + erf(x / √2)). */
function cumulative(x: tf.Tensor): tf.Tensor {
  return tf.add(tf.mul(tf.erf(tf.mul(x, Math.SQRT1_2)), 0.5), 0.5);
}

/** The derivative of x·cumulative(x). */
function slope(x: tf.Tensor): tf.Tensor {
  const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return tf.add(cumulative(x), tf.mul(x, density));
}

const runGelu = defineOperation<object>({
  name: 'Gelu',
  saveInputs: ['x'],
  forward: ({ x }) => tf.mul(x, cumulative(x)),
  gradient: (dy, [x]) => ({ x: () => tf.mul(dy, slope(x)) }),
});

const runGeglu = defineOperation<object>({
  name: 'Geglu',
  saveInputs: ['x'],
  forward: ({ x }) => {
    const [value, gate] = tf.split(x, 2, x.rank - 1);
    return tf.mul(value, tf.mul(gate, cumulative(gate)));
  },
  gradient: (dy, [x]) => ({
    x: () => {
      const [value, gate] = tf.split(x, 2, x.rank - 1);
      return tf.concat([tf.mul(dy, tf.mul(gate, cumulative(gate))), tf.mul(tf.mul(dy, value), slope(gate))], x.rank - 1);
    },
  }),
});

/**
 * x times the standard normal distribution's share below x, exactly (not by tanh), on any shape.
 *
 * Source: Hendrycks and Gimpel, "Gaussian error linear units" (2016).
 */
export function gelu<T extends tf.Tensor>(x: T): T {
  return runGelu({ x }, {})[0] as T;
}

/**
 * The first half of the channels, times the GELU of the second half.
 *
 * Shape: [..., 2·C] -> [..., C].
 * Source: Shazeer, "GLU variants improve transformer" (2020).
 */
export function geglu<T extends tf.Tensor>(x: T): T {
  requireInteger('geglu: half of the channels', x.shape[x.rank - 1] / 2);
  return runGeglu({ x }, {})[0] as T;
}

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
  forward: ({ x }) =>
    overRows([x], ([some]) => {
      const [value, gate] = tf.split(some, 2, 1);
      return tf.mul(value, tf.mul(gate, cumulative(gate)));
    }),
  gradient: (dy, [x]) => ({
    x: () =>
      overRows([x, dy], ([some, dSome]) => {
        const [value, gate] = tf.split(some, 2, 1);
        return tf.concat([tf.mul(dSome, tf.mul(gate, cumulative(gate))), tf.mul(tf.mul(dSome, value), slope(gate))], 1);
      }),
  }),
});

/** Values of the first tensor in one part: small enough that what is made on the way stays in the processor's cache. */
const PART_VALUES = 2 ** 20;

/** Runs `body` on some rows of flattened tensors at a time. Shape: [..., C] -> [..., C']. */
function overRows(tensors: readonly tf.Tensor[], body: (rows: readonly tf.Tensor[]) => tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const flat = tensors.map((x) => tf.reshape(x, [-1, x.shape[x.rank - 1]]));
    const [count, width] = flat[0].shape;
    const length = Math.max(1, Math.floor(PART_VALUES / width));
    const parts: tf.Tensor[] = [];
    for (let begin = 0; begin < count; begin += length) {
      const size = Math.min(length, count - begin);
      parts.push(tf.tidy(() => body(size === count ? flat : flat.map((x) => tf.slice(x, [begin, 0], [size, -1])))));
    }
    const whole = parts.length === 1 ? parts[0] : tf.concat(parts, 0);
    return tf.reshape(whole, [...tensors[0].shape.slice(0, -1), whole.shape[1]!]);
  });
}

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

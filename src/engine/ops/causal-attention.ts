// Scaled dot-product attention of several heads within one sequence, in which nothing sees what comes later.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../../base/checks.js';
import { matMul } from './mat-mul.js';

/** So far below any product that softmax gives it no weight at all. */
const UNSEEN = -1e9;

/**
 * softmax(q·kᵀ / √dim)·v for each item and head, where position t has no weight for positions after t.
 *
 * Shape: q, k and v [B, T, heads, dim], kept. Memory: T² numbers for each item and head; meant for prompts, not for images.
 * Source: Vaswani et al., "Attention is all you need" (2017), equation 1 and section 3.2.3.
 */
export function causalAttention(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D): tf.Tensor4D {
  requireShape('causalAttention: k', k.shape, q.shape);
  requireShape('causalAttention: v', v.shape, q.shape);
  const headsFirst = (x: tf.Tensor): tf.Tensor => tf.transpose(x, [0, 2, 1, 3]); // its own inverse
  const products = matMul(headsFirst(tf.mul(q, 1 / Math.sqrt(q.shape[3]))), headsFirst(k), { transposeB: true }); // [B, heads, T, T]
  const weights = tf.softmax(tf.add(products, laterBias(q.shape[1])));
  return headsFirst(matMul(weights, headsFirst(v))) as tf.Tensor4D;
}

/** Shape: [T, T]: 0 where column j may be seen from row i, j ≤ i. */
function laterBias(length: number): tf.Tensor2D {
  const values = Float32Array.from({ length: length * length }, (_, index) => (index % length <= Math.floor(index / length) ? 0 : UNSEEN));
  return tf.tensor2d(values, [length, length]);
}

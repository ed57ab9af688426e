// Scaled dot-product attention of several heads.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../../base/checks.js';
import { matMul } from './mat-mul.js';

/**
 * softmax(q·kᵀ / √dim)·v for each item and head.
 *
 * Shape: q [B, T, heads, dim], k and v [B, S, heads, dim] -> [B, T, heads, dim].
 * Source: Vaswani et al., "Attention is all you need" (2017), equation 1.
 */
export function attention(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D): tf.Tensor4D {
  const [batch, , heads, width] = q.shape;
  requireShape('attention: k', k.shape, [batch, null, heads, width]);
  requireShape('attention: v', v.shape, k.shape);
  const scaled = tf.mul(q, 1 / Math.sqrt(width)) as tf.Tensor4D;
  const weights = tf.softmax(matMul(headsFirst(scaled), headsFirst(k), { transposeB: true })); // [B, heads, T, S]
  return headsLast(matMul(weights, headsFirst(v)) as tf.Tensor4D);
}

// [B, T, heads, dim] -> [B, heads, T, dim]; with one head or one position only the shape changes.
function headsFirst(x: tf.Tensor4D): tf.Tensor4D {
  const [batch, length, heads, width] = x.shape;
  return heads === 1 || length === 1 ? tf.reshape(x, [batch, heads, length, width]) : tf.transpose(x, [0, 2, 1, 3]);
}

// [B, heads, T, dim] -> [B, T, heads, dim]
function headsLast(x: tf.Tensor4D): tf.Tensor4D {
  const [batch, heads, length, width] = x.shape;
  return heads === 1 || length === 1 ? tf.reshape(x, [batch, length, heads, width]) : tf.transpose(x, [0, 2, 1, 3]);
}

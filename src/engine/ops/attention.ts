// Scaled dot-product attention of several heads.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../../base/checks.js';
import { runRaw } from './_half-tensors.js';
import { longAttention } from './_long-attention.js';
import { defineOperation } from './define-operation.js';
import { matMul } from './mat-mul.js';
import { attribute, hasNativeKernel, type OpAttribute } from './native-kernels.js';

export interface AttentionOptions {
  /** Added to the scores of each key, for every head and query alike; null for nothing. It gets no gradient. Shape: [B, S]. */
  readonly bias?: tf.Tensor2D | null;
  /**
   * Scores that may be held at once where no kernel of our own takes over, which holds a few rows. Longer sequences are worked
   * through in parts, in both directions. Default 2^24, 64 MiB.
   */
  readonly maxScores?: number;
}

const DEFAULT_MAX_SCORES = 2 ** 24;
/** Wider heads are left to the library's matrix products: at 512 channels they take half the time, at 40 to 80 twice. */
const NATIVE_MAX_WIDTH = 128;

const runNativeAttention = { plain: defineNativeAttention(false), biased: defineNativeAttention(true) };

function defineNativeAttention(isBiased: boolean) {
  return defineOperation<{ readonly scale: number }>({
    name: isBiased ? 'BiasedAttention' : 'Attention',
    saveInputs: isBiased ? ['q', 'k', 'v', 'bias'] : ['q', 'k', 'v'],
    forward: ({ q, k, v, bias }, { scale }) => runRaw('MelstromAttention', nativeAttributes(isBiased, scale), isBiased ? [q, k, v, bias] : [q, k, v])[0],
    gradient: (dy, saved, { scale }) => {
      const [dq, dk, dv] = runRaw('MelstromAttentionGrad', nativeAttributes(isBiased, scale), [dy, ...saved], 3);
      return { q: () => dq, k: () => dk, v: () => dv, bias: () => tf.zerosLike(saved[3]) };
    },
  });
}

function nativeAttributes(isBiased: boolean, scale: number): OpAttribute[] {
  return [attribute.int('N', isBiased ? 1 : 0), attribute.float('scale', scale)];
}

/**
 * softmax(q·kᵀ / √dim + bias)·v for each item and head.
 *
 * Shape: q [B, T, heads, dim], k and v [B, S, heads, dim] -> [B, T, heads, dim].
 * Source: Vaswani et al., "Attention is all you need" (2017), equation 1.
 */
export function attention(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, options: AttentionOptions = {}): tf.Tensor4D {
  const { bias = null, maxScores = DEFAULT_MAX_SCORES } = options;
  const [batch, queries, heads, width] = q.shape;
  requireShape('attention: k', k.shape, [batch, null, heads, width]);
  requireShape('attention: v', v.shape, k.shape);
  if (bias !== null) requireShape('attention: bias', bias.shape, [batch, k.shape[1]]);
  const scale = 1 / Math.sqrt(width);
  if (hasNativeKernel('Attention') && width <= NATIVE_MAX_WIDTH) {
    const [mixed] = bias === null ? runNativeAttention.plain({ q, k, v }, { scale }) : runNativeAttention.biased({ q, k, v, bias }, { scale });
    return mixed as tf.Tensor4D;
  }
  const scaled = tf.mul(q, scale) as tf.Tensor4D;
  if (batch * heads * queries * k.shape[1] > maxScores) {
    const [biasedQ, biasedK] = bias === null ? [scaled, k] : appendBias(scaled, k, bias);
    return headsLast(longAttention(headsFirst(biasedQ), headsFirst(biasedK), headsFirst(v), maxScores));
  }
  const products = matMul(headsFirst(scaled), headsFirst(k), { transposeB: true }); // [B, heads, T, S]
  const weights = tf.softmax(bias === null ? products : tf.add(products, tf.reshape(bias, [batch, 1, 1, -1])));
  return headsLast(matMul(weights, headsFirst(v)) as tf.Tensor4D);
}

// One more dimension, 1 in every query and the bias in every key, so that products come out with the bias in them.
function appendBias(q: tf.Tensor4D, k: tf.Tensor4D, bias: tf.Tensor2D): [tf.Tensor4D, tf.Tensor4D] {
  const [batch, queries, heads] = q.shape;
  const perKey = tf.tile(tf.reshape(bias, [batch, -1, 1, 1]), [1, 1, heads, 1]);
  return [tf.concat([q, tf.ones([batch, queries, heads, 1])], 3) as tf.Tensor4D, tf.concat([k, perKey], 3) as tf.Tensor4D];
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

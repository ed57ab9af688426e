// Attention whose scores are too many to hold: computed for a few queries at a time, and once more for the gradient.
import * as tf from '@tensorflow/tfjs';
import { defineOperation } from './define-operation.js';
import { multiply } from './mat-mul.js';

interface Extent {
  /** Heads, over all items, that are worked on together. */
  readonly heads: number;
  /** Queries that are worked on together. */
  readonly queries: number;
}

/** Queries below which matrix products lose speed; fewer heads go together before a part is made shorter than this. */
const LEAST_QUERIES = 64;
/** Parts are smaller than what may be held, since several tensors of their size live at once, and caches like them small. */
const PARTS = 4;

const runLongAttention = defineOperation<Extent>({
  name: 'LongAttention',
  saveInputs: ['q', 'k', 'v'],
  forward: ({ q, k, v }, extent) => join([...parts([q, k, v], 0, extent.heads, (some) => [mix(some, extent)])], 0),
  gradient: (dy, [q, k, v], extent) => {
    const [dq, dk, dv] = tf.tidy(() => join([...parts([q, k, v, dy], 0, extent.heads, (some) => mixGradient(some, extent))], 0));
    return { q: () => dq, k: () => dk, v: () => dv };
  },
});

/**
 * softmax(q·kᵀ)·v, holding at most about `maxScores` scores at once, in both directions.
 *
 * Shape: q [B, heads, T, dim], k [B, heads, S, dim], v [B, heads, S, width] -> [B, heads, T, width].
 * Source: Rabe and Staats, "Self-attention does not need O(n²) memory" (2021), over queries only.
 */
export function longAttention(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, maxScores: number): tf.Tensor4D {
  const [batch, heads, queryCount] = q.shape;
  const rows = Math.max(1, Math.floor(maxScores / PARTS / k.shape[2])); // of scores, in one part
  const together = Math.min(batch * heads, Math.max(1, Math.floor(rows / LEAST_QUERIES)));
  const extent = { heads: together, queries: Math.min(queryCount, Math.max(1, Math.floor(rows / together))) };
  const flat = (x: tf.Tensor4D): tf.Tensor => tf.reshape(x, [batch * heads, x.shape[2], x.shape[3]]);
  const [mixed] = runLongAttention({ q: flat(q), k: flat(k), v: flat(v) }, extent);
  return tf.reshape(mixed, [batch, heads, queryCount, v.shape[3]]);
}

/** The result for a few heads. */
function mix([q, k, v]: readonly tf.Tensor[], extent: Extent): tf.Tensor {
  return join([...parts([q], 1, extent.queries, ([some]) => [multiply(softmaxOfProducts(some, k), v, false, false)])], 1)[0];
}

/** The gradients of q, k and v for a few heads. */
function mixGradient([q, k, v, dy]: readonly tf.Tensor[], extent: Extent): tf.Tensor[] {
  const found = parts([q, dy], 1, extent.queries, ([some, someDy]) => {
    const weights = softmaxOfProducts(some, k);
    const dWeights = multiply(someDy, v, false, true);
    const dScores = tf.mul(weights, tf.sub(dWeights, tf.sum(tf.mul(weights, dWeights), -1, true)));
    return [multiply(dScores, k, false, false), multiply(dScores, some, true, false), multiply(weights, someDy, true, false)];
  });
  const dq: tf.Tensor[] = [];
  let sums: tf.Tensor[] | null = null;
  for (const [dSome, ...dRest] of found) {
    dq.push(dSome);
    const before: tf.Tensor[] | null = sums;
    sums = before === null ? dRest : dRest.map((part, index) => tf.add(part, before[index]));
    if (before !== null) tf.dispose([before, dRest]);
  }
  return [tf.concat(dq, 1), ...sums!];
}

function softmaxOfProducts(q: tf.Tensor, k: tf.Tensor): tf.Tensor {
  return tf.softmax(multiply(q, k, false, true));
}

/** The results of `body` for one stretch after the other of an axis. */
function* parts(tensors: readonly tf.Tensor[], axis: 0 | 1, length: number, body: (cut: readonly tf.Tensor[]) => tf.Tensor[]): Generator<tf.Tensor[]> {
  const total = tensors[0].shape[axis]!;
  for (let begin = 0; begin < total; begin += length) {
    const size = Math.min(length, total - begin);
    const cut = (x: tf.Tensor): tf.Tensor => (size === total ? x : tf.slice(x, axis === 0 ? [begin] : [0, begin], axis === 0 ? [size] : [-1, size]));
    yield tf.tidy(() => body(tensors.map(cut)));
  }
}

/** Joins each result of the parts along an axis. */
function join(results: readonly tf.Tensor[][], axis: number): tf.Tensor[] {
  return results.length === 1 ? results[0] : results[0].map((_, index) => tf.concat(results.map((part) => part[index]), axis));
}

// Matrix product, batched or not, at the chosen precision, and its gradients.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../../base/checks.js';
import { defineOperation } from './define-operation.js';
import { attribute } from './native-kernels.js';
import { formatAttribute, runRaw, toFloat, toHalf } from './_half-tensors.js';
import { isHalfWanted } from './precision.js';

interface MatMulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Below this many multiplications the casts cost more than the faster products bring. */
const BFLOAT16_MIN_PRODUCTS = 2 ** 18;

const runMatMul = defineOperation<MatMulAttributes>({
  name: 'MatMul',
  saveInputs: ['a', 'b'],
  forward: ({ a, b }, { transposeA, transposeB }) => multiply(a, b, transposeA, transposeB),
  gradient: (dy, [a, b], { transposeA, transposeB }) => ({
    a: () => (transposeA ? multiply(b, dy, transposeB, true) : multiply(dy, b, false, !transposeB)),
    b: () => (transposeB ? multiply(dy, a, true, transposeA) : multiply(a, dy, !transposeA, false)),
  }),
});

/**
 * The product of two matrices, or of two equal stacks of them.
 *
 * Shape: a [..., N, K], b [..., K, M] (each transposed on request) -> [..., N, M]. Leading sizes must be equal: nothing is broadcast.
 */
export function matMul(a: tf.Tensor, b: tf.Tensor, { transposeA = false, transposeB = false }: Partial<MatMulAttributes> = {}): tf.Tensor {
  const inner = a.shape[transposeA ? a.rank - 2 : a.rank - 1];
  const expected: (number | null)[] = [...a.shape.slice(0, -2), inner, null];
  if (transposeB) expected.push(expected.splice(-2, 1)[0]);
  requireShape('matMul: b', b.shape, expected);
  return runMatMul({ a, b }, { transposeA, transposeB })[0];
}

/** The product without a gradient, for use inside other operations: what it makes on the way is freed by their tf.tidy. */
export function multiply(a: tf.Tensor, b: tf.Tensor, transposeA: boolean, transposeB: boolean): tf.Tensor {
  if (!isHalfWanted() || countProducts(a, b, transposeB) < BFLOAT16_MIN_PRODUCTS) {
    return multiplyFloat(a, b, transposeA, transposeB);
  }
  const attributes = [formatAttribute(true), attribute.bool('adj_x', transposeA), attribute.bool('adj_y', transposeB)];
  return toFloat(runRaw('BatchMatMulV2', attributes, [toHalf(a), toHalf(b)])[0]);
}

/** wasm is ten times as slow at two matrices of which one is read transposed as it is at turning that one about first. */
function multiplyFloat(a: tf.Tensor, b: tf.Tensor, transposeA: boolean, transposeB: boolean): tf.Tensor {
  if (tf.getBackend() !== 'wasm' || a.rank !== 2 || b.rank !== 2) return tf.matMul(a, b, transposeA, transposeB);
  return tf.matMul(transposeA ? tf.transpose(a) : a, transposeB ? tf.transpose(b) : b);
}

function countProducts(a: tf.Tensor, b: tf.Tensor, transposeB: boolean): number {
  return a.size * b.shape[transposeB ? b.rank - 2 : b.rank - 1];
}

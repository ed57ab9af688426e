// Picks rows of a table, with a gradient that every engine has.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../../base/checks.js';
import { defineOperation } from './define-operation.js';

const runGatherRows = defineOperation<{ readonly rows: number }>({
  name: 'GatherRows',
  saveInputs: ['indices'],
  forward: ({ table, indices }) => tf.gather(table, indices as tf.Tensor1D),
  gradient: (dy, [indices], { rows }) => ({
    // A matrix product: wasm lacks the sum over segments that tfjs would use. Asked for float32 one-hot, it would write an integer's bits.
    table: () => tf.matMul(tf.cast(tf.oneHot(indices as tf.Tensor1D, rows), 'float32'), dy, true),
    indices: () => tf.zerosLike(indices),
  }),
});

/**
 * Rows of a table by number. Shape: table [rows, width], indices [N] of whole numbers in [0, rows) -> [N, width].
 * Memory: its gradient needs rows · N numbers for a moment.
 */
export function gatherRows(table: tf.Tensor, indices: tf.Tensor1D): tf.Tensor2D {
  requireShape('gatherRows: table', table.shape, [null, null]);
  return runGatherRows({ table, indices }, { rows: table.shape[0] })[0] as tf.Tensor2D;
}

// Doubles rows and columns by repetition.
import * as tf from '@tensorflow/tfjs';
import { defineOperation } from './define-operation.js';
import { hasNativeKernel, requireTensorflow } from './native-kernels.js';

const runUpsampleNearest2x = defineOperation<object>({
  name: 'UpsampleNearest2x',
  saveInputs: [],
  forward: ({ x }) => {
    if (hasNativeKernel('UpsampleNearest2x')) return requireTensorflow().executeSingleOutput('MelstromUpsampleNearest2x', [], [x]);
    return tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [2 * x.shape[1]!, 2 * x.shape[2]!]);
  },
  gradient: (dy) => ({
    x: () =>
      hasNativeKernel('UpsampleNearest2x')
        ? requireTensorflow().executeSingleOutput('MelstromUpsampleNearest2xGrad', [], [dy])
        : tf.mul(tf.avgPool(dy as tf.Tensor4D, 2, 2, 'valid'), 4),
  }),
});

/** Shape: [B, H, W, C] -> [B, 2·H, 2·W, C]; each value fills a square of four. */
export function upsampleNearest2x(x: tf.Tensor4D): tf.Tensor4D {
  return runUpsampleNearest2x({ x }, {})[0] as tf.Tensor4D;
}

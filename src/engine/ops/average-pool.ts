// Halves rows and columns by averaging.
import * as tf from '@tensorflow/tfjs';
import { defineOperation } from './define-operation.js';
import { upsampleNearest2x } from './upsample-nearest.js';

const runAveragePool2x = defineOperation<object>({
  name: 'AveragePool2x',
  saveInputs: [],
  forward: ({ x }) => tf.avgPool(x as tf.Tensor4D, 2, 2, 'valid'),
  gradient: (dy) => ({ x: () => tf.mul(upsampleNearest2x(dy as tf.Tensor4D), 0.25) }),
});

/** Shape: [B, H, W, C] -> [B, H/2, W/2, C], of even H and W; each value is the mean of a square of four. */
export function averagePool2x(x: tf.Tensor4D): tf.Tensor4D {
  return runAveragePool2x({ x }, {})[0] as tf.Tensor4D;
}

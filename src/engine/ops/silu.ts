// x · sigmoid(x), with a gradient that keeps only x.
import * as tf from '@tensorflow/tfjs';
import { siluGradientComposed } from './_group-norm-composed.js';
import { defineOperation } from './define-operation.js';
import { hasNativeKernel, requireTensorflow } from './native-kernels.js';

const runSilu = defineOperation<object>({
  name: 'Silu',
  saveInputs: ['x'],
  forward: ({ x }) =>
    hasNativeKernel('Silu') ? requireTensorflow().executeSingleOutput('MelstromSilu', [], [x]) : tf.mul(x, tf.sigmoid(x)),
  gradient: (dy, [x]) => ({
    x: () =>
      hasNativeKernel('Silu')
        ? requireTensorflow().executeSingleOutput('MelstromSiluGrad', [], [dy, x])
        : siluGradientComposed(dy, x),
  }),
});

/**
 * The sigmoid-weighted linear unit x · sigmoid(x), on any shape.
 *
 * Source: Elfwing, Uchibe and Doya (2017).
 */
export function silu<T extends tf.Tensor>(x: T): T {
  return runSilu({ x }, {})[0] as T;
}

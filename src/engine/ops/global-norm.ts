// The Euclidean norm of all values of a list of tensors together.
import * as tf from '@tensorflow/tfjs';
import { attribute, hasNativeKernel, requireTensorflow } from './native-kernels.js';

/**
 * The square root of the sum of all squares, as a scalar tensor. Not finite when any value is not finite.
 * Memory: the caller disposes of the result.
 */
export function globalNorm(tensors: readonly tf.Tensor[]): tf.Scalar {
  if (tensors.length === 0) return tf.scalar(0);
  if (hasNativeKernel('GlobalNorm')) {
    return requireTensorflow().executeSingleOutput('MelstromGlobalNorm', [attribute.int('N', tensors.length)], tensors) as tf.Scalar;
  }
  return tf.tidy(() => tf.sqrt(tf.addN(tensors.map((tensor) => tf.sum(tf.square(tensor))))) as tf.Scalar);
}

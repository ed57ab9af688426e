// The sum over everything but channels: the gradient of a bias.
import * as tf from '@tensorflow/tfjs';
import { attribute, hasNativeKernel, requireTensorflow } from './native-kernels.js';

/** Shape: [..., C] -> [C]. Not differentiable; for use inside gradients. */
export function channelSum(x: tf.Tensor): tf.Tensor {
  if (hasNativeKernel('ChannelSum')) {
    return requireTensorflow().executeSingleOutput('MelstromChannelSum', [attribute.bool('per_item', false)], [x]);
  }
  return tf.sum(x, Array.from({ length: x.rank - 1 }, (_, axis) => axis));
}

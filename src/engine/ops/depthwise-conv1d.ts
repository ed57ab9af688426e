// Convolution along time with a kernel of its own for every channel, and its gradients.
import * as tf from '@tensorflow/tfjs';
import { requireInteger, requireShape } from '../../base/checks.js';
import { channelSum } from './channel-sum.js';
import { defineOperation } from './define-operation.js';
import { tensorflowBackend } from './native-kernels.js';

type Frames = readonly [number, number, number];

const runDepthwiseConv1d = defineOperation<object>({
  name: 'DepthwiseConv1d',
  saveInputs: ['x', 'kernel'],
  forward: ({ x, kernel }) => convolve(x, kernel),
  gradient: (dy, [x, kernel]) => ({
    x: () => tf.tidy(() => convolve(dy, tf.reverse(kernel, 0))), // the padding is alike on both sides
    kernel: () => tf.tidy(() => kernelGradient(dy, x, kernel.shape[0])),
  }),
});

/**
 * Convolves (cross-correlates, as networks do) every channel by itself, with as many zeros at either end as keep the length.
 *
 * Shape: x [B, N, C], kernel [K, C] with K odd -> [B, N, C].
 */
export function depthwiseConv1d(x: tf.Tensor3D, kernel: tf.Tensor2D): tf.Tensor3D {
  requireInteger('depthwiseConv1d: half of the kernel without its middle', (kernel.shape[0] - 1) / 2, { min: 0 });
  requireShape('depthwiseConv1d: x', x.shape, [null, null, kernel.shape[1]]);
  return runDepthwiseConv1d({ x, kernel }, {})[0] as tf.Tensor3D;
}

function convolve(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
  const [batch, frames, channels] = x.shape as unknown as Frames;
  const image = tf.reshape(x, [batch, 1, frames, channels]) as tf.Tensor4D;
  return tf.reshape(tf.depthwiseConv2d(image, tf.reshape(kernel, [1, -1, channels, 1]), 1, 'same'), x.shape);
}

/** By TensorFlow's own kernel; elsewhere, one product and sum per place in the kernel. Shape: [B, N, C] twice -> [K, C]. */
function kernelGradient(dy: tf.Tensor, x: tf.Tensor, size: number): tf.Tensor {
  const [batch, frames, channels] = x.shape as unknown as Frames;
  if (tensorflowBackend() !== null) {
    const [imageGradient, image] = [dy, x].map((tensor) => tf.reshape(tensor, [batch, 1, frames, channels]));
    const attributes = { strides: 1, dilations: 1, pad: 'same', dimRoundingMode: null, filterShape: [1, size, channels, 1] };
    const gradient = tf.engine().runKernel('DepthwiseConv2dNativeBackpropFilter', { x: image, dy: imageGradient }, attributes as unknown as tf.NamedAttrMap);
    return tf.reshape(gradient as tf.Tensor, [size, channels]);
  }
  const zeros = (size - 1) / 2;
  const padded = tf.pad(x, [[0, 0], [zeros, zeros], [0, 0]]);
  return tf.stack(Array.from({ length: size }, (_, place) => channelSum(tf.mul(tf.slice(padded, [0, place, 0], [batch, frames, channels]), dy))));
}

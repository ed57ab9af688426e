// Two-dimensional convolution with bias and an optional residual, and its gradients.
import * as tf from '@tensorflow/tfjs';
import { requireInteger, requireShape } from '../../base/checks.js';
import { channelSum } from './channel-sum.js';
import { convolveComposed, inputGradientComposed, kernelGradientComposed, padInput } from './_conv2d-composed.js';
import { isSamePadded, isUnpadded, resolveGeometry, withoutPadding, type ConvGeometry, type ConvPadding } from './_conv2d-geometry.js';
import { runFloatConv2d, runHalfConv2d, usesHalf } from './_conv2d-tensorflow.js';
import { defineOperation } from './define-operation.js';
import { tensorflowBackend } from './native-kernels.js';

export interface Conv2dOptions {
  /** Distance between output positions, in rows and columns alike; default 1. */
  readonly stride?: number;
  /** 'same' keeps ceil(size / stride); explicit padding is [[top, bottom], [left, right]], of zeros. */
  readonly padding: ConvPadding;
  /** Added to the result, for residual connections. Shape: that of the result. */
  readonly residual?: tf.Tensor4D;
}

const runComposed = defineOperation<ConvGeometry>({
  name: 'Conv2d',
  saveInputs: ['x', 'kernel'],
  forward: ({ x, kernel, bias, residual }, geometry) =>
    convolveComposed({ x: x as tf.Tensor4D, kernel: kernel as tf.Tensor4D, bias: bias ?? null, residual: residual ?? null }, geometry),
  gradient: (dy, saved, geometry) => {
    const gradient = dy as tf.Tensor4D;
    const [x, kernel] = saved as tf.Tensor4D[];
    return {
      x: () => inputGradientComposed(gradient, kernel, geometry),
      kernel: () => kernelGradientComposed(gradient, x, geometry),
      bias: () => channelSum(gradient),
      residual: () => gradient.clone(),
    };
  },
});

/**
 * Convolves (cross-correlates, as networks do) an image with a kernel, then adds bias and residual.
 *
 * Shape: x [B, H, W, Cin], kernel [kh, kw, Cin, Cout], bias [Cout] -> [B, H', W', Cout].
 */
export function conv2d(x: tf.Tensor4D, kernel: tf.Tensor4D, bias: tf.Tensor | null, options: Conv2dOptions): tf.Tensor4D {
  const { stride = 1, padding, residual } = options;
  requireInteger('conv2d: stride', stride, { min: 1 });
  requireShape('conv2d: x', x.shape, [null, null, null, kernel.shape[2]]);
  if (bias !== null) requireShape('conv2d: bias', bias.shape, [kernel.shape[3]]);
  const geometry = resolveGeometry(x.shape, kernel.shape, { stride, padding });
  if (residual !== undefined) requireShape('conv2d: residual', residual.shape, geometry.outputShape);
  const inputs: Record<string, tf.Tensor> = { x, kernel };
  if (bias !== null) inputs.bias = bias;
  if (residual !== undefined) inputs.residual = residual;
  if (tensorflowBackend() === null) return runComposed(inputs, geometry)[0] as tf.Tensor4D;
  // TensorFlow's own explicit padding takes a path many times slower, so zeros that are not those of 'same' are laid by hand.
  if (!isUnpadded(geometry) && !isSamePadded(geometry)) {
    return tf.tidy(() => convolveTensorflow({ ...inputs, x: padInput(x, geometry) }, withoutPadding(geometry)));
  }
  return convolveTensorflow(inputs, geometry);
}

function convolveTensorflow(inputs: Readonly<Record<string, tf.Tensor>>, geometry: ConvGeometry): tf.Tensor4D {
  if (!usesHalf(geometry)) return runFloatConv2d(inputs, geometry)[0] as tf.Tensor4D;
  const [y, half] = runHalfConv2d(inputs, geometry);
  half.dispose();
  return y as tf.Tensor4D;
}

// Convolution and its gradients on TensorFlow's own operations, in float32 or in bfloat16.
import * as tf from '@tensorflow/tfjs';
import { isUnpadded, type ConvGeometry } from './_conv2d-geometry.js';
import { channelSum } from './channel-sum.js';
import { defineOperation } from './define-operation.js';
import { addBiasRaw, formatAttribute, freedAfter, halveGradient, runRaw, toFloat, toHalf } from './_half-tensors.js';
import { attribute, hasNativeKernel, type OpAttribute } from './native-kernels.js';
import { convPrecision } from './precision.js';

/** Below this many channels on either side the casts cost more than the faster products bring. */
const BFLOAT16_MIN_CHANNELS = 16;

/** Whether a convolution of these sizes is done in bfloat16 now. */
export function usesHalf({ kernelShape }: ConvGeometry): boolean {
  const [, , inputChannels, outputChannels] = kernelShape;
  return convPrecision() === 'bfloat16' && hasNativeKernel('Bfloat16') && Math.min(inputChannels, outputChannels) >= BFLOAT16_MIN_CHANNELS;
}

/** Convolution in float32. One output. The geometry has no zeros, or those of 'same'. */
export const runFloatConv2d = defineOperation<ConvGeometry>({
  name: 'Conv2dTensorflow',
  saveInputs: ['x', 'kernel'],
  forward: ({ x, kernel, bias, residual }, geometry) => {
    const bare = convolve(x, kernel, geometry, false);
    if (bias !== undefined && hasNativeKernel('AddBias')) return addBiasRaw(bare, false, { bias, residual });
    const shifted = bias === undefined ? bare : tf.add(bare, bias);
    return residual === undefined ? shifted : tf.add(shifted, residual);
  },
  gradient: (dy, [x, kernel], geometry) => ({
    x: () => inputGradient(dy, kernel, geometry, false),
    kernel: () => kernelGradient(dy, x, geometry, false),
    bias: () => channelSum(dy),
    residual: () => dy.clone(),
  }),
});

/** Convolution in bfloat16, sums in float32. Outputs: the result in float32, and the input in bfloat16. */
export const runHalfConv2d = defineOperation<ConvGeometry>({
  name: 'HalfConv2d',
  saveInputs: ['kernel'],
  saveOutputs: [false, true],
  forward: ({ x, kernel, bias, residual }, geometry) => {
    const half = toHalf(x);
    const bare = convolve(half, toHalf(kernel), geometry, true);
    if (bias !== undefined) return [addBiasRaw(bare, true, { bias, residual }), half];
    return [residual === undefined ? toFloat(bare) : tf.add(toFloat(bare), residual), half];
  },
  gradient: (dy, [kernel, half], geometry) => {
    const halved = halveGradient(dy);
    const withGradient = freedAfter(2, halved.half);
    return {
      x: () => withGradient((gradient) => toFloat(inputGradient(gradient, toHalf(kernel), geometry, true))),
      kernel: () => withGradient((gradient) => toFloat(kernelGradient(gradient, half, geometry, true))),
      bias: () => halved.sum,
      residual: () => dy.clone(),
    };
  },
});

export function convolve(x: tf.Tensor, kernel: tf.Tensor, geometry: ConvGeometry, isHalf: boolean): tf.Tensor {
  return runRaw('Conv2D', convolutionAttributes(geometry, isHalf), [x, kernel])[0];
}

export function inputGradient(dy: tf.Tensor, kernel: tf.Tensor, geometry: ConvGeometry, isHalf: boolean): tf.Tensor {
  return runRaw('Conv2DBackpropInput', convolutionAttributes(geometry, isHalf), [geometry.inputShape, kernel, dy])[0];
}

export function kernelGradient(dy: tf.Tensor, x: tf.Tensor, geometry: ConvGeometry, isHalf: boolean): tf.Tensor {
  return runRaw('Conv2DBackpropFilter', convolutionAttributes(geometry, isHalf), [x, geometry.kernelShape, dy])[0];
}

function convolutionAttributes(geometry: ConvGeometry, isHalf: boolean): OpAttribute[] {
  return [
    formatAttribute(isHalf),
    attribute.int('strides', [1, geometry.stride, geometry.stride, 1]),
    attribute.text('padding', isUnpadded(geometry) ? 'VALID' : 'SAME'),
    attribute.text('data_format', 'NHWC'),
    attribute.bool('use_cudnn_on_gpu', true),
    attribute.int('dilations', [1, 1, 1, 1]),
  ];
}

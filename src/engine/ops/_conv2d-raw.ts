// TensorFlow's own convolution and its gradients, in float32 or in bfloat16.
import type * as tf from '@tensorflow/tfjs';
import { isUnpadded, type ConvGeometry } from './_conv2d-geometry.js';
import { formatAttribute, runRaw } from './_half-tensors.js';
import { attribute, type OpAttribute } from './native-kernels.js';

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

// Convolution and its gradients on TensorFlow's own operations, in float32 or, inside only, in bfloat16.
import * as tf from '@tensorflow/tfjs';
import { padInput, type ConvOperands } from './_conv2d-composed.js';
import { isSamePadded, isUnpadded, withoutPadding, type ConvGeometry } from './_conv2d-geometry.js';
import { withRawScope } from './_raw-tensors.js';
import { attribute, hasNativeKernel, type OpAttribute } from './native-kernels.js';
import { convPrecision } from './precision.js';

/** Below this many channels on either side the casts cost more than the faster products bring. */
const BFLOAT16_MIN_CHANNELS = 16;

export function convolveTensorflow(operands: ConvOperands, geometry: ConvGeometry): tf.Tensor4D {
  if (needsPadding(geometry)) return convolveTensorflow({ ...operands, x: padInput(operands.x, geometry) }, withoutPadding(geometry));
  const { x, kernel, bias, residual } = operands;
  const isFused = bias !== null && hasNativeKernel('AddBias');
  const convolved = withRawScope(usesBfloat16(geometry), (scope) => {
    const inputs = [scope.operand(x), scope.operand(kernel)];
    const attributes = convolutionAttributes(geometry, scope.dtype);
    if (!isFused) return scope.finishOperand('Conv2D', attributes, inputs);
    const residuals = residual === null ? [] : [scope.handle(residual)];
    const bare = scope.run('Conv2D', attributes, inputs);
    const fused = [attribute.dtype('T', scope.dtype), attribute.int('N', residuals.length)];
    return scope.finish('MelstromAddBias', fused, [bare, scope.handle(bias), ...residuals]);
  }) as tf.Tensor4D;
  if (isFused) return convolved;
  const shifted = bias === null ? convolved : (tf.add(convolved, bias) as tf.Tensor4D);
  return residual === null ? shifted : tf.add(shifted, residual);
}

export function inputGradientTensorflow(dy: tf.Tensor4D, kernel: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  if (needsPadding(geometry)) {
    const padded = inputGradientTensorflow(dy, kernel, withoutPadding(geometry));
    return tf.slice(padded, [0, geometry.rows[0], geometry.columns[0], 0], geometry.inputShape);
  }
  return withRawScope(usesBfloat16(geometry), (scope) =>
    scope.finishOperand('Conv2DBackpropInput', convolutionAttributes(geometry, scope.dtype), [
      scope.integers(geometry.inputShape),
      scope.operand(kernel),
      scope.operand(dy),
    ]),
  ) as tf.Tensor4D;
}

export function kernelGradientTensorflow(dy: tf.Tensor4D, x: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  if (needsPadding(geometry)) return kernelGradientTensorflow(dy, padInput(x, geometry), withoutPadding(geometry));
  return withRawScope(usesBfloat16(geometry), (scope) =>
    scope.finishOperand('Conv2DBackpropFilter', convolutionAttributes(geometry, scope.dtype), [
      scope.operand(x),
      scope.integers(geometry.kernelShape),
      scope.operand(dy),
    ]),
  ) as tf.Tensor4D;
}

function usesBfloat16({ kernelShape }: ConvGeometry): boolean {
  const [, , inputChannels, outputChannels] = kernelShape;
  return convPrecision() === 'bfloat16' && hasNativeKernel('Bfloat16') && Math.min(inputChannels, outputChannels) >= BFLOAT16_MIN_CHANNELS;
}

/** TensorFlow's own explicit padding takes a path many times slower, so zeros that are not those of 'same' are laid by hand. */
function needsPadding(geometry: ConvGeometry): boolean {
  return !isUnpadded(geometry) && !isSamePadded(geometry);
}

function convolutionAttributes(geometry: ConvGeometry, dtype: number): OpAttribute[] {
  return [
    attribute.dtype('T', dtype),
    attribute.int('strides', [1, geometry.stride, geometry.stride, 1]),
    attribute.text('padding', isUnpadded(geometry) ? 'VALID' : 'SAME'),
    attribute.text('data_format', 'NHWC'),
    attribute.bool('use_cudnn_on_gpu', true),
    attribute.int('dilations', [1, 1, 1, 1]),
  ];
}

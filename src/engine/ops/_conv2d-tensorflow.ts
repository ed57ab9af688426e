// Convolution with bias and residual on the TensorFlow engine, and its gradients, in float32 or in bfloat16.
import type { ConvGeometry } from './_conv2d-geometry.js';
import { convolveFloat, inputGradientFloat, kernelGradientFloat, usesWinograd } from './_float-products.js';
import { convolveHalf, inputGradientHalf, kernelGradientHalf } from './_half-products.js';
import { freedAfter, halveGradient, toHalf } from './_half-tensors.js';
import { channelSum } from './channel-sum.js';
import { defineOperation } from './define-operation.js';
import { hasTiles, isHalfWanted } from './precision.js';

/** Below this many channels on either side the casts cost more than the faster products bring. */
const BFLOAT16_MIN_CHANNELS = 16;

/** Whether a convolution of these sizes is done in bfloat16 now. Without tiles what our kernel does in float32 is faster in float32. */
export function usesHalf(geometry: ConvGeometry): boolean {
  const [, , inputChannels, outputChannels] = geometry.kernelShape;
  return isHalfWanted() && Math.min(inputChannels, outputChannels) >= BFLOAT16_MIN_CHANNELS && (hasTiles() || !usesWinograd(geometry));
}

/** Convolution in float32. One output. The geometry has no zeros, or those of 'same'. */
export const runFloatConv2d = defineOperation<ConvGeometry>({
  name: 'Conv2dTensorflow',
  saveInputs: ['x', 'kernel'],
  forward: ({ x, kernel, bias, residual }, geometry) => convolveFloat(x, kernel, geometry, { bias, residual }),
  gradient: (dy, [x, kernel], geometry) => ({
    x: () => inputGradientFloat(dy, kernel, geometry),
    kernel: () => kernelGradientFloat(x, dy, geometry),
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
    return [convolveHalf(half, kernel, geometry, { bias, residual }), half];
  },
  gradient: (dy, [kernel, half], geometry) => {
    const halved = halveGradient(dy);
    const withGradient = freedAfter(2, halved.half);
    return {
      x: () => withGradient((gradient) => inputGradientHalf(gradient, kernel, geometry, { isHalf: false })),
      kernel: () => withGradient((gradient) => kernelGradientHalf(half, gradient, geometry)),
      bias: () => halved.sum,
      residual: () => dy.clone(),
    };
  },
});

// Halving and doubling of rows and columns, each with a convolution.
import type * as tf from '@tensorflow/tfjs';
import { upsampleNearest2x } from '../nn/operations.js';
import { createConv2d } from '../nn/layers.js';
import type { ParameterScope } from '../nn/parameters.js';

/**
 * A convolution of stride 2. Padding 1 adds zeros on all sides; padding 0 adds one row and one column at the far edges only,
 * as the reference does.
 *
 * Shape: [B, H, W, C] -> [B, H/2, W/2, C].
 * Source: diffusers 0.42, Downsample2D.
 */
export function createDownsampler(scope: ParameterScope, channels: number, padding: number): (x: tf.Tensor4D) => tf.Tensor4D {
  const sides: [number, number] = padding === 0 ? [0, 1] : [padding, padding];
  return createConv2d(scope.at('conv'), { inChannels: channels, outChannels: channels, kernelSize: 3, stride: 2, padding: sides });
}

/**
 * Repeats each value in a square of four, then convolves.
 *
 * Shape: [B, H, W, C] -> [B, 2·H, 2·W, C].
 * Source: diffusers 0.42, Upsample2D.
 */
export function createUpsampler(scope: ParameterScope, channels: number): (x: tf.Tensor4D) => tf.Tensor4D {
  const convolve = createConv2d(scope.at('conv'), { inChannels: channels, outChannels: channels, kernelSize: 3, padding: [1, 1] });
  return (x) => convolve(upsampleNearest2x(x));
}

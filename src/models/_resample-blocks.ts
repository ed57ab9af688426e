// Halving and doubling of rows and columns, each with a convolution.
import * as tf from '@tensorflow/tfjs';
import { upsampleNearest2x } from '../nn/operations.js';
import { createConv2d } from '../nn/layers.js';
import type { ParameterScope } from '../nn/parameters.js';
import type { Block, BlockContext } from './_block.js';

/**
 * A convolution of stride 2. Padding 1 adds zeros on all sides; padding 0 adds one row and one column at the far edges only,
 * as the reference does.
 *
 * Shape: [B, H, W, C] -> [B, H/2, W/2, C], odd sizes rounded up with padding 1 and down with padding 0.
 * Source: diffusers 0.42, Downsample2D.
 */
export function createDownsampler(scope: ParameterScope, channels: number, padding: number): Block {
  const sides: [number, number] = padding === 0 ? [0, 1] : [padding, padding];
  const convolve = createConv2d(scope.at('conv'), { inChannels: channels, outChannels: channels, kernelSize: 3, stride: 2, padding: sides });
  return (x) => convolve(x);
}

/** Rows and columns. */
export type Size = readonly [number, number];

/** Shape: [B, H, W, C] -> [B, 2·H, 2·W, C'], or the size given, at most one row and one column less. */
export type Upsampler = (x: tf.Tensor4D, context: BlockContext, size?: Size) => tf.Tensor4D;

/**
 * Repeats each value in a square of four, cuts what is beyond the size, then convolves.
 *
 * Source: diffusers 0.42, Upsample2D.
 */
export function createUpsampler(scope: ParameterScope, channels: number): Upsampler {
  const convolve = createConv2d(scope.at('conv'), { inChannels: channels, outChannels: channels, kernelSize: 3, padding: [1, 1] });
  return (x, _, size) => convolve(cut(upsampleNearest2x(x), size));
}

function cut(x: tf.Tensor4D, size: Size | undefined): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const [rows, columns] = size ?? [height, width];
  return rows === height && columns === width ? x : tf.slice(x, [0, 0, 0, 0], [batch, rows, columns, channels]);
}

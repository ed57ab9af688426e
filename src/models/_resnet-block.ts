// The residual block of the autoencoder and the UNet.
import * as tf from '@tensorflow/tfjs';
import { addTimeEmbedding, silu } from '../nn/operations.js';
import { createConv2d, createGroupNorm, createLinear } from '../nn/layers.js';
import type { ParameterScope } from '../nn/parameters.js';

/** What all blocks of one network have in common. */
export interface BlockStyle {
  readonly groups: number;
  readonly epsilon: number;
  /** Width of the time embedding; null where there is none. */
  readonly embeddingWidth: number | null;
  /** Whether the time embedding is added, or scales and shifts after the second normalisation. */
  readonly timeScaleShift: 'default' | 'scale_shift';
}

export interface ResnetBlockOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Divides the sum of the block and its shortcut; default 1. */
  readonly outputScale?: number;
}

/** Shape: x [B, H, W, inChannels], embedding [B, embeddingWidth] already through SiLU -> [B, H, W, outChannels]. */
export type ResnetBlock = (x: tf.Tensor4D, embedding: tf.Tensor2D | null) => tf.Tensor4D;

/**
 * Normalise, SiLU, convolve, take the time in, normalise, SiLU, convolve, add the shortcut.
 *
 * Source: diffusers 0.42, ResnetBlock2D.
 */
export function createResnetBlock(scope: ParameterScope, style: BlockStyle, options: ResnetBlockOptions): ResnetBlock {
  const { groups, epsilon, embeddingWidth, timeScaleShift } = style;
  const { inChannels, outChannels, outputScale = 1 } = options;
  const isScaled = embeddingWidth !== null && timeScaleShift === 'scale_shift';
  const norm1 = createGroupNorm(scope.at('norm1'), { channels: inChannels, groups, epsilon, silu: true });
  const conv1 = createConv2d(scope.at('conv1'), { inChannels, outChannels, kernelSize: 3, padding: [1, 1] });
  const projectionWidth = isScaled ? 2 * outChannels : outChannels;
  const projection = embeddingWidth === null ? null : createLinear(scope.at('time_emb_proj'), { inChannels: embeddingWidth, outChannels: projectionWidth });
  const norm2 = createGroupNorm(scope.at('norm2'), { channels: outChannels, groups, epsilon, silu: !isScaled });
  const conv2 = createConv2d(scope.at('conv2'), { inChannels: outChannels, outChannels, kernelSize: 3, padding: [1, 1] });
  const shortcut = inChannels === outChannels ? null : createConv2d(scope.at('conv_shortcut'), { inChannels, outChannels, kernelSize: 1, padding: [0, 0] });

  return (x, embedding) => {
    const time = projection === null || embedding === null ? null : projection(embedding);
    let hidden = conv1(norm1(x));
    if (time !== null && !isScaled) hidden = addTimeEmbedding(hidden, time);
    hidden = norm2(hidden);
    if (time !== null && isScaled) hidden = silu(scaleAndShift(hidden, time));
    const sum = conv2(hidden, shortcut === null ? x : shortcut(x));
    return outputScale === 1 ? sum : tf.div(sum, outputScale);
  };
}

// x·(1 + scale) + shift, where time [B, 2·C] holds scale, then shift.
function scaleAndShift(x: tf.Tensor4D, time: tf.Tensor2D): tf.Tensor4D {
  const [scale, shift] = tf.split(tf.reshape(time, [x.shape[0], 1, 1, 2 * x.shape[3]]), 2, 3);
  return tf.add(tf.mul(x, tf.add(scale, 1)), shift);
}

// The residual block of the autoencoder and the UNet.
import * as tf from '@tensorflow/tfjs';
import { addTimeEmbedding, averagePool2x, silu, upsampleNearest2x } from '../nn/operations.js';
import { checkpointed } from '../nn/checkpoint.js';
import { createConv2d, createLinear, createNormConv } from '../nn/layers.js';
import type { ParameterScope } from '../nn/parameters.js';
import type { Block, BlockContext, BlockStyle } from './_block.js';

export interface ResnetBlockOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Divides the sum of the block and its shortcut; default 1. */
  readonly outputScale?: number;
  /** Halves (by averaging) or doubles (by repetition) rows and columns on the way; default neither. */
  readonly resample?: 'half' | 'double' | null;
}

/**
 * Normalise, SiLU, convolve, take the time in, normalise, SiLU, convolve, add the shortcut.
 *
 * Shape: [B, H, W, inChannels] -> [B, H, W, outChannels].
 * Source: diffusers 0.42, ResnetBlock2D.
 */
export function createResnetBlock(scope: ParameterScope, style: BlockStyle, options: ResnetBlockOptions): Block {
  return checkpointed<tf.Tensor4D, BlockContext>(scope, ['embedding'], (place) => createResidual(place, style, options));
}

function createResidual(scope: ParameterScope, style: BlockStyle, options: ResnetBlockOptions): Block {
  const { groups, epsilon, embeddingWidth, timeScaleShift } = style;
  const { inChannels, outChannels, outputScale = 1, resample = null } = options;
  const isScaled = embeddingWidth !== null && timeScaleShift === 'scale_shift';
  const style3x3 = { kernelSize: 3, padding: [1, 1] as const, groups, epsilon };
  const first = createNormConv({ norm: scope.at('norm1'), conv: scope.at('conv1') }, { ...style3x3, inChannels, outChannels, silu: true });
  const projectionWidth = isScaled ? 2 * outChannels : outChannels;
  const projection = embeddingWidth === null ? null : createLinear(scope.at('time_emb_proj'), { inChannels: embeddingWidth, outChannels: projectionWidth });
  const second = createNormConv({ norm: scope.at('norm2'), conv: scope.at('conv2') }, { ...style3x3, inChannels: outChannels, outChannels, silu: !isScaled });
  const shortcut = inChannels === outChannels ? null : createConv2d(scope.at('conv_shortcut'), { inChannels, outChannels, kernelSize: 1, padding: [0, 0] });
  const resize = resample === 'half' ? averagePool2x : resample === 'double' ? upsampleNearest2x : (x: tf.Tensor4D) => x;

  return (x, { embedding }) => {
    const time = projection === null || embedding === null ? null : projection(embedding);
    const added = isScaled || time === null ? undefined : time;
    const sized = resize(x);
    const residual = shortcut === null ? sized : shortcut(sized);
    const sum = tf.tidy(() => {
      const hidden = resample === null ? first(x, { embedding: added }) : first.convolve(resize(first.normalise(x)));
      if (time === null || !isScaled) return second(added !== undefined && resample !== null ? addTimeEmbedding(hidden, added) : hidden, { residual });
      return second.convolve(silu(scaleAndShift(second.normalise(hidden), time)), residual);
    });
    return outputScale === 1 ? sum : tf.div(sum, outputScale);
  };
}

// x·(1 + scale) + shift, where time [B, 2·C] holds scale, then shift.
function scaleAndShift(x: tf.Tensor4D, time: tf.Tensor2D): tf.Tensor4D {
  const [scale, shift] = tf.split(tf.reshape(time, [x.shape[0], 1, 1, 2 * x.shape[3]]), 2, 3);
  return tf.add(tf.mul(x, tf.add(scale, 1)), shift);
}

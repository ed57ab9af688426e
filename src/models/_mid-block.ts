// The innermost block of the autoencoder and the UNet: residual block, attention, residual block.
import type * as tf from '@tensorflow/tfjs';
import type { ParameterScope } from '../nn/parameters.js';
import { createAttentionBlock } from './_attention-block.js';
import { createResnetBlock, type BlockStyle, type ResnetBlock } from './_resnet-block.js';

export interface MidBlockOptions {
  readonly channels: number;
  readonly hasAttention: boolean;
  readonly headWidth: number;
  /** Groups of the attention's normalisation; null takes those of the residual blocks. */
  readonly attentionGroups: number | null;
  /** Divides every residual sum; default 1. */
  readonly outputScale?: number;
}

/**
 * Shape: [B, H, W, C], kept.
 * Source: diffusers 0.42, UNetMidBlock2D: with scale_shift and no groups of its own, its attention has no normalisation.
 */
export function createMidBlock(scope: ParameterScope, style: BlockStyle, options: MidBlockOptions): ResnetBlock {
  const { channels, hasAttention, headWidth, outputScale } = options;
  const resnet = (index: number) => createResnetBlock(scope.at('resnets', index), style, { inChannels: channels, outChannels: channels, outputScale });
  const groups = options.attentionGroups ?? (style.timeScaleShift === 'default' ? style.groups : null);
  const attend = hasAttention
    ? createAttentionBlock(scope.at('attentions', 0), { channels, headWidth, groups, epsilon: style.epsilon, outputScale })
    : (x: tf.Tensor4D) => x;
  const [before, after] = [resnet(0), resnet(1)];
  return (x, embedding) => after(attend(before(x, embedding)), embedding);
}

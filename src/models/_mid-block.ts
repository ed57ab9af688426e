// The innermost block of the autoencoder and the UNets: a residual block, then attention and a second one.
import type { ParameterScope } from '../nn/parameters.js';
import { inOrder, type Block, type BlockStyle } from './_block.js';
import { createResnetBlock } from './_resnet-block.js';

export interface MidBlockOptions {
  readonly channels: number;
  /** Makes the attention between the two residual blocks; null for none there. */
  readonly attention: ((scope: ParameterScope) => Block) | null;
  /** Divides the sums of the residual blocks; default 1. */
  readonly outputScale?: number;
  /** Residual blocks; default 2. */
  readonly resnetCount?: 1 | 2;
}

/**
 * Shape: [B, H, W, C], kept.
 * Source: diffusers 0.42, UNetMidBlock2D and UNetMidBlock2DCrossAttn.
 */
export function createMidBlock(scope: ParameterScope, style: BlockStyle, options: MidBlockOptions): Block {
  const { channels, attention, outputScale, resnetCount = 2 } = options;
  const resnet = (index: number) => createResnetBlock(scope.at('resnets', index), style, { inChannels: channels, outChannels: channels, outputScale });
  const blocks = [resnet(0)];
  if (attention !== null) blocks.push(attention(scope.at('attentions', 0)));
  if (resnetCount === 2) blocks.push(resnet(1));
  return inOrder(blocks);
}

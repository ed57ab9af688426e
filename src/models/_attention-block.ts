// Self-attention over all rows and columns of an image, with a residual connection.
import * as tf from '@tensorflow/tfjs';
import { checkpointed } from '../nn/checkpoint.js';
import { createGroupNorm } from '../nn/layers.js';
import type { ParameterScope } from '../nn/parameters.js';
import type { Block, BlockContext } from './_block.js';
import { createMultiHeadAttention } from './_multi-head-attention.js';

export interface AttentionBlockOptions {
  readonly channels: number;
  /** Channels of one head; divides channels. */
  readonly headWidth: number;
  /** Groups of the normalisation before it; null for no normalisation. */
  readonly groups: number | null;
  readonly epsilon: number;
  /** Divides the sum of attention and residual; default 1. */
  readonly outputScale?: number;
}

/**
 * Shape: [B, H, W, C], kept.
 * Source: diffusers 0.42, Attention as the 2D blocks make it.
 */
export function createAttentionBlock(scope: ParameterScope, options: AttentionBlockOptions): Block {
  return checkpointed<tf.Tensor4D, BlockContext>(scope, [], (place) => createAttention(place, options));
}

function createAttention(scope: ParameterScope, options: AttentionBlockOptions): Block {
  const { channels, headWidth, groups, epsilon, outputScale = 1 } = options;
  const norm = groups === null ? null : createGroupNorm(scope.at('group_norm'), { channels, groups, epsilon, silu: false });
  const heads = channels / headWidth;
  const attend = createMultiHeadAttention(scope, { queryWidth: channels, contextWidth: channels, heads, headWidth, hasBias: true });

  return (x) => {
    const [batch, height, width] = x.shape;
    const tokens = tf.reshape(norm === null ? x : norm(x), [batch, height * width, channels]) as tf.Tensor3D; // [B, H, W, C] -> [B, H*W, C]
    const sum: tf.Tensor4D = tf.add(tf.reshape(attend(tokens), x.shape), x);
    return outputScale === 1 ? sum : tf.div(sum, outputScale);
  };
}

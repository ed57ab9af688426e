// Self-attention over all rows and columns of an image, with a residual connection.
import * as tf from '@tensorflow/tfjs';
import { attention } from '../nn/operations.js';
import { createGroupNorm, createLinear } from '../nn/layers.js';
import type { ParameterScope } from '../nn/parameters.js';

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
export function createAttentionBlock(scope: ParameterScope, options: AttentionBlockOptions) {
  const { channels, headWidth, groups, epsilon, outputScale = 1 } = options;
  const norm = groups === null ? null : createGroupNorm(scope.at('group_norm'), { channels, groups, epsilon, silu: false });
  const linear = (name: string) => createLinear(scope.at(name), { inChannels: channels, outChannels: channels });
  const [toQuery, toKey, toValue] = [linear('to_q'), linear('to_k'), linear('to_v')];
  const toOut = linear('to_out.0');

  return (x: tf.Tensor4D): tf.Tensor4D => {
    const [batch, height, width] = x.shape;
    const tokens = tf.reshape(norm === null ? x : norm(x), [batch, height * width, channels]); // [B, H, W, C] -> [B, H*W, C]
    const heads = (projected: tf.Tensor): tf.Tensor4D => tf.reshape(projected, [batch, height * width, channels / headWidth, headWidth]);
    const mixed = attention(heads(toQuery(tokens)), heads(toKey(tokens)), heads(toValue(tokens)));
    const answer = toOut(tf.reshape(mixed, tokens.shape)); // [B, H*W, C]
    const sum: tf.Tensor4D = tf.add(tf.reshape(answer, x.shape), x);
    return outputScale === 1 ? sum : tf.div(sum, outputScale);
  };
}

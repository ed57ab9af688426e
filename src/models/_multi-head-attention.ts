// Attention of tokens to each other, or to the tokens of a condition, with its projections.
import * as tf from '@tensorflow/tfjs';
import { attention } from '../nn/operations.js';
import { createLinear } from '../nn/layers.js';
import type { ParameterScope } from '../nn/parameters.js';

export interface MultiHeadOptions {
  /** Channels of the tokens that ask, and of the answer. */
  readonly queryWidth: number;
  /** Channels of the tokens that are attended to. */
  readonly contextWidth: number;
  readonly heads: number;
  /** Channels of one head. */
  readonly headWidth: number;
  /** Whether queries, keys and values have a bias; the answer always has one. */
  readonly hasBias: boolean;
}

/**
 * Parameters: to_q, to_k, to_v, to_out.0. Without a context the tokens attend to themselves.
 *
 * Shape: tokens [B, T, queryWidth], context [B, S, contextWidth], bias of the scores [B, S] -> [B, T, queryWidth].
 * Source: diffusers 0.42, Attention.
 */
export function createMultiHeadAttention(scope: ParameterScope, { queryWidth, contextWidth, heads, headWidth, hasBias }: MultiHeadOptions) {
  const innerWidth = heads * headWidth;
  const toQuery = createLinear(scope.at('to_q'), { inChannels: queryWidth, outChannels: innerWidth, hasBias });
  const toKey = createLinear(scope.at('to_k'), { inChannels: contextWidth, outChannels: innerWidth, hasBias });
  const toValue = createLinear(scope.at('to_v'), { inChannels: contextWidth, outChannels: innerWidth, hasBias });
  const toOut = createLinear(scope.at('to_out.0'), { inChannels: innerWidth, outChannels: queryWidth });
  const split = (x: tf.Tensor3D): tf.Tensor4D => tf.reshape(x, [x.shape[0], x.shape[1], heads, headWidth]);

  return (tokens: tf.Tensor3D, context: tf.Tensor3D | null = null, bias: tf.Tensor2D | null = null): tf.Tensor3D => {
    const seen = context ?? tokens;
    const mixed = tf.tidy(() => attention(split(toQuery(tokens)), split(toKey(seen)), split(toValue(seen)), { bias }));
    return toOut(tf.reshape(mixed, [tokens.shape[0], tokens.shape[1], innerWidth]));
  };
}

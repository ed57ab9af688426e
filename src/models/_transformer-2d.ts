// Transformer layers over all rows and columns of an image: each attends to the image, then to a condition, then mixes channels.
import * as tf from '@tensorflow/tfjs';
import { geglu } from '../nn/operations.js';
import { checkpointed } from '../nn/checkpoint.js';
import { createConv2d, createGroupNorm, createLayerNorm, createLinear } from '../nn/layers.js';
import type { ParameterScope } from '../nn/parameters.js';
import type { Block, BlockContext } from './_block.js';
import { createMultiHeadAttention } from './_multi-head-attention.js';

export interface TransformerOptions {
  readonly channels: number;
  readonly heads: number;
  readonly layerCount: number;
  /** Channels of the condition. */
  readonly contextWidth: number;
  /** Groups of the normalisation before it. */
  readonly groups: number;
  /** Whether the projections in and out are linear layers; otherwise they are 1×1 convolutions. Same result, other shapes in files. */
  readonly hasLinearProjection: boolean;
  /** Whether the first attention of each layer, too, attends to the condition. */
  readonly isOnlyCross: boolean;
}

type Tokens = tf.Tensor3D;

const GROUP_EPSILON = 1e-6;
const LAYER_EPSILON = 1e-5;
/** Width of the inner layer of the feed-forward, in widths of the outer. */
const FEED_FORWARD_FACTOR = 4;

/**
 * Shape: [B, H, W, C], kept.
 * Source: diffusers 0.42, Transformer2DModel with continuous input. Where heads do not divide the channels, the rest is left out inside.
 */
export function createTransformer2d(scope: ParameterScope, options: TransformerOptions): Block {
  return checkpointed<tf.Tensor4D, BlockContext>(scope, ['encoderHiddenStates', 'encoderBias'], (place) => createTransformer(place, options));
}

function createTransformer(scope: ParameterScope, options: TransformerOptions): Block {
  const { channels, heads, layerCount, groups, hasLinearProjection } = options;
  const width = heads * Math.floor(channels / heads);
  const norm = createGroupNorm(scope.at('norm'), { channels, groups, epsilon: GROUP_EPSILON, silu: false });
  const projectIn = createProjection(scope.at('proj_in'), channels, width, hasLinearProjection);
  const layers = Array.from({ length: layerCount }, (_, index) => createTransformerLayer(scope.at('transformer_blocks', index), width, options));
  const projectOut = createProjection(scope.at('proj_out'), width, channels, hasLinearProjection);

  return (x, context) => {
    const [batch, rows, columns] = x.shape;
    const projected = tf.tidy(() => projectIn(norm(x)));
    const first = tf.reshape(projected, [batch, rows * columns, width]) as Tokens; // [B, H, W, C] -> [B, H*W, C]
    const mixed = layers.reduce((tokens, layer) => layer(tokens, context), first);
    return projectOut(tf.reshape(mixed, [batch, rows, columns, width]), x);
  };
}

/** Shape: x [B, H, W, inChannels] -> [B, H, W, outChannels], with the residual of that shape added. */
function createProjection(scope: ParameterScope, inChannels: number, outChannels: number, isLinear: boolean) {
  if (!isLinear) return createConv2d(scope, { inChannels, outChannels, kernelSize: 1, padding: [0, 0] });
  const linear = createLinear(scope, { inChannels, outChannels });
  return (x: tf.Tensor4D, residual?: tf.Tensor4D): tf.Tensor4D => (residual === undefined ? linear(x) : tf.add(linear(x), residual));
}

/** Source: diffusers 0.42, BasicTransformerBlock with layer normalisation and GEGLU. Its first attention takes no mask. */
function createTransformerLayer(scope: ParameterScope, width: number, { channels, heads, contextWidth, isOnlyCross }: TransformerOptions) {
  const headWidth = Math.floor(channels / heads);
  const norm = (name: string) => createLayerNorm(scope.at(name), { channels: width, epsilon: LAYER_EPSILON });
  const attention = (name: string, seenWidth: number) =>
    createMultiHeadAttention(scope.at(name), { queryWidth: width, contextWidth: seenWidth, heads, headWidth, hasBias: false });
  const [norm1, attend] = [norm('norm1'), attention('attn1', isOnlyCross ? contextWidth : width)];
  const [norm2, attendToContext] = [norm('norm2'), attention('attn2', contextWidth)];
  const [norm3, feedForward] = [norm('norm3'), createFeedForward(scope.at('ff'), width)];

  return (tokens: Tokens, { encoderHiddenStates = null, encoderBias = null }: BlockContext): Tokens =>
    tf.tidy(() => {
      const own = tf.tidy(() => tf.add(attend(norm1(tokens), isOnlyCross ? encoderHiddenStates : null), tokens) as Tokens);
      const conditioned = tf.tidy(() => tf.add(attendToContext(norm2(own), encoderHiddenStates, encoderBias), own) as Tokens);
      return tf.add(feedForward(norm3(conditioned)), conditioned) as Tokens;
    });
}

/** Source: diffusers 0.42, FeedForward. */
function createFeedForward(scope: ParameterScope, width: number) {
  const inner = FEED_FORWARD_FACTOR * width;
  const projectIn = createLinear(scope.at('net.0.proj'), { inChannels: width, outChannels: 2 * inner });
  const projectOut = createLinear(scope.at('net.2'), { inChannels: inner, outChannels: width });
  return (tokens: Tokens): Tokens => projectOut(tf.tidy(() => geglu(projectIn(tokens))));
}

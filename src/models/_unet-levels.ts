// The levels of the UNet: on the way in each keeps what it made for the way out.
import * as tf from '@tensorflow/tfjs';
import type { ParameterScope } from '../nn/parameters.js';
import { createAttentionBlock } from './_attention-block.js';
import { createDownsampler, createUpsampler } from './_resample-blocks.js';
import { createResnetBlock, type BlockStyle, type ResnetBlock } from './_resnet-block.js';

export interface DownLevelOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly layerCount: number;
  /** Channels of an attention head; null for no attention. */
  readonly headWidth: number | null;
  /** Padding of the convolution that halves; null at the innermost level, which does not halve. */
  readonly downsamplePadding: number | null;
}

/** Every intermediate result in order; the last one goes on inwards. */
export type DownLevel = (x: tf.Tensor4D, embedding: tf.Tensor2D) => tf.Tensor4D[];

/** Source: diffusers 0.42, DownBlock2D and AttnDownBlock2D. */
export function createDownLevel(scope: ParameterScope, style: BlockStyle, options: DownLevelOptions): DownLevel {
  const { inChannels, outChannels, layerCount, headWidth, downsamplePadding } = options;
  const layers = Array.from({ length: layerCount }, (_, index) =>
    createLayer(scope, style, { index, inChannels: index === 0 ? inChannels : outChannels, outChannels, headWidth }),
  );
  const downsample = downsamplePadding === null ? null : createDownsampler(scope.at('downsamplers', 0), outChannels, downsamplePadding);
  return (x, embedding) => {
    const kept: tf.Tensor4D[] = [];
    let hidden = x;
    for (const layer of layers) kept.push((hidden = layer(hidden, embedding)));
    if (downsample !== null) kept.push(downsample(hidden));
    return kept;
  };
}

export interface UpLevelOptions {
  /** Channels of what comes from further in. */
  readonly inChannels: number;
  readonly outChannels: number;
  /** Channels of the results kept on the way in, in the order they are taken: last kept first. */
  readonly keptChannels: readonly number[];
  /** Channels of an attention head; null for no attention. */
  readonly headWidth: number | null;
  /** False at the outermost level, which does not double. */
  readonly hasUpsampler: boolean;
}

/** Mutates: kept, from whose end one result per layer is taken. */
export type UpLevel = (x: tf.Tensor4D, kept: tf.Tensor4D[], embedding: tf.Tensor2D) => tf.Tensor4D;

/** Source: diffusers 0.42, UpBlock2D and AttnUpBlock2D. */
export function createUpLevel(scope: ParameterScope, style: BlockStyle, options: UpLevelOptions): UpLevel {
  const { inChannels, outChannels, keptChannels, headWidth, hasUpsampler } = options;
  const layers = keptChannels.map((keptWidth, index) =>
    createLayer(scope, style, { index, inChannels: (index === 0 ? inChannels : outChannels) + keptWidth, outChannels, headWidth }),
  );
  const upsample = hasUpsampler ? createUpsampler(scope.at('upsamplers', 0), outChannels) : null;
  return (x, kept, embedding) => {
    let hidden = x;
    for (const layer of layers) hidden = layer(tf.concat([hidden, kept.pop()!], 3), embedding);
    return upsample === null ? hidden : upsample(hidden);
  };
}

interface LayerOptions {
  readonly index: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly headWidth: number | null;
}

/** A residual block, with attention after it where the level has it. */
function createLayer(scope: ParameterScope, style: BlockStyle, { index, inChannels, outChannels, headWidth }: LayerOptions): ResnetBlock {
  const resnet = createResnetBlock(scope.at('resnets', index), style, { inChannels, outChannels });
  if (headWidth === null) return resnet;
  const { groups, epsilon } = style;
  const attend = createAttentionBlock(scope.at('attentions', index), { channels: outChannels, headWidth, groups, epsilon });
  return (x, embedding) => attend(resnet(x, embedding));
}

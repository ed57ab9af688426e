// The levels of the UNets: on the way in each keeps what it made for the way out.
import * as tf from '@tensorflow/tfjs';
import type { ParameterScope } from '../nn/parameters.js';
import { inOrder, type Block, type BlockContext, type BlockStyle } from './_block.js';
import { createDownsampler, createUpsampler, type Size, type Upsampler } from './_resample-blocks.js';
import { createResnetBlock } from './_resnet-block.js';

/** Makes the attention after a level's residual block of this index. */
export type AttentionMaker = (scope: ParameterScope, index: number) => Block;

export interface DownLevelOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly layerCount: number;
  /** null for no attention. */
  readonly attention: AttentionMaker | null;
  /** What halves: a convolution with this padding, or a residual block; null at the innermost level, which does not halve. */
  readonly downsampler: { readonly padding: number } | 'resnet' | null;
}

export interface DownLevel {
  readonly layers: readonly Block[];
  readonly downsample: Block | null;
}

/** Source: diffusers 0.42, DownBlock2D, AttnDownBlock2D, ResnetDownsampleBlock2D and CrossAttnDownBlock2D. */
export function createDownLevel(scope: ParameterScope, style: BlockStyle, options: DownLevelOptions): DownLevel {
  const { inChannels, outChannels, layerCount, attention, downsampler } = options;
  const layers = Array.from({ length: layerCount }, (_, index) =>
    createLayer(scope, style, { index, inChannels: index === 0 ? inChannels : outChannels, outChannels, attention }),
  );
  const place = scope.at('downsamplers', 0);
  if (downsampler === null) return { layers, downsample: null };
  if (downsampler !== 'resnet') return { layers, downsample: createDownsampler(place, outChannels, downsampler.padding) };
  return { layers, downsample: createResnetBlock(place, style, { inChannels: outChannels, outChannels, resample: 'half' }) };
}

export interface UpLevelOptions {
  /** Channels of what comes from further in. */
  readonly inChannels: number;
  readonly outChannels: number;
  /** Channels of the results kept on the way in, in the order they are taken: last kept first. */
  readonly keptChannels: readonly number[];
  /** null for no attention. */
  readonly attention: AttentionMaker | null;
  /** What doubles; null at the outermost level, which does not. */
  readonly upsampler: 'conv' | 'resnet' | null;
}

export interface UpLevel {
  readonly layers: readonly Block[];
  readonly upsample: Upsampler | null;
}

/** Source: diffusers 0.42, UpBlock2D, AttnUpBlock2D, ResnetUpsampleBlock2D and CrossAttnUpBlock2D. */
export function createUpLevel(scope: ParameterScope, style: BlockStyle, options: UpLevelOptions): UpLevel {
  const { inChannels, outChannels, keptChannels, attention, upsampler } = options;
  const layers = keptChannels.map((keptWidth, index) =>
    createLayer(scope, style, { index, inChannels: (index === 0 ? inChannels : outChannels) + keptWidth, outChannels, attention }),
  );
  const place = scope.at('upsamplers', 0);
  if (upsampler === null) return { layers, upsample: null };
  if (upsampler === 'conv') return { layers, upsample: createUpsampler(place, outChannels) };
  return { layers, upsample: createResnetBlock(place, style, { inChannels: outChannels, outChannels, resample: 'double' }) };
}

/** Both sides of one level of rows and columns. */
export interface Level {
  readonly down: DownLevel;
  readonly up: UpLevel;
}

/**
 * Runs the levels from the outermost inwards, the middle block, and the levels outwards. Each level frees its own tensors
 * when it is left.
 *
 * Shape: x [B, H, W, C of the outermost level] -> the same.
 */
export function runLevels(levels: readonly Level[], mid: Block | null, x: tf.Tensor4D, context: BlockContext): tf.Tensor4D {
  const run = (depth: number, entering: tf.Tensor4D, outerSize?: Size): tf.Tensor4D =>
    tf.tidy(() => {
      const { down, up } = levels[depth];
      const kept = [entering];
      for (const layer of down.layers) kept.push(tf.tidy(() => layer(kept[kept.length - 1], context)));
      const last = kept[kept.length - 1];
      let hidden = last;
      if (down.downsample !== null) hidden = run(depth + 1, tf.tidy(() => down.downsample!(last, context)), [last.shape[1], last.shape[2]]);
      else if (mid !== null) hidden = mid(last, context);
      for (const layer of up.layers) {
        const inner = hidden;
        hidden = tf.tidy(() => layer(tf.concat([inner, kept.pop()!], 3), context));
      }
      return up.upsample === null ? hidden : up.upsample(hidden, context, outerSize);
    });
  return run(0, x);
}

interface LayerOptions {
  readonly index: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly attention: AttentionMaker | null;
}

/** A residual block, with attention after it where the level has it. */
function createLayer(scope: ParameterScope, style: BlockStyle, { index, inChannels, outChannels, attention }: LayerOptions): Block {
  const resnet = createResnetBlock(scope.at('resnets', index), style, { inChannels, outChannels });
  return attention === null ? resnet : inOrder([resnet, attention(scope.at('attentions', index), index)]);
}

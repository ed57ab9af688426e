// The denoising network with a condition, such as text: a UNet whose levels attend to it. Knows no schedule and no text encoder.
import * as tf from '@tensorflow/tfjs';
import { atLevel } from '../config/at-level.js';
import type { Unet2dConditionConfig } from '../config/unet-2d-condition.js';
import { silu } from '../nn/operations.js';
import { createConv2d, createGroupNorm } from '../nn/layers.js';
import { ParameterTree, scopeOf, type ParameterScope } from '../nn/parameters.js';
import { createAttentionBlock } from './_attention-block.js';
import type { Block, BlockStyle } from './_block.js';
import { createConditionEmbedder, embeddingWidths, type AddedConditions } from './_condition-embedder.js';
import { createMidBlock } from './_mid-block.js';
import { createTransformer2d } from './_transformer-2d.js';
import { checkEncoderStates, checkSample, expandTimesteps, maskToBias, requireDerived } from './_unet-inputs.js';
import { createDownLevel, createUpLevel, runLevels, type AttentionMaker, type Level } from './_unet-levels.js';
import type { NetworkOptions } from './autoencoder-kl.js';

export interface Unet2dConditionInputs {
  /** Any rows and columns. Shape: [B, H, W, in_channels]. */
  readonly sample: tf.Tensor4D;
  /** Shape: [B], or [1] for all items alike. May be fractional. */
  readonly timestep: tf.Tensor1D;
  /** The condition's tokens; null, where the widths allow it, lets the image attend to itself instead. Shape: [B, S, cross_attention_dim]. */
  readonly encoderHiddenStates: tf.Tensor3D | null;
  /** 1 for tokens that count, 0 for those that do not; absent: all count. Shape: [B, S]. */
  readonly encoderAttentionMask?: tf.Tensor2D;
  /** Required exactly when the network has classes. Shape: [B], or [B, width] where class_embed_type takes vectors. */
  readonly classLabels?: tf.Tensor1D | tf.Tensor2D;
  /** Required exactly when addition_embed_type is text_time. */
  readonly addedConditions?: AddedConditions;
}

/** Memory: `parameters` owns the variables; the caller disposes of the result. */
export interface Unet2dCondition {
  readonly config: Unet2dConditionConfig;
  readonly parameters: ParameterTree;
  /** Shape: [B, H, W, out_channels]. */
  forward(inputs: Unet2dConditionInputs): tf.Tensor4D;
  dispose(): void;
}

/**
 * Creates the UNet with PyTorch's first values.
 *
 * Source: diffusers 0.42, UNet2DConditionModel: names, keys and arithmetic.
 * @throws MelstromError when in_channels, out_channels or cross_attention_dim is null: they must be derived first.
 */
export function createUnet2dCondition(config: Unet2dConditionConfig, { seed }: NetworkOptions): Unet2dCondition {
  const inChannels = requireDerived('in_channels', config.in_channels);
  const outChannels = requireDerived('out_channels', config.out_channels);
  const parameters = new ParameterTree(seed);
  const root = scopeOf(parameters);
  const [first] = config.block_out_channels;
  const convIn = createOuterConvolution(root.at('conv_in'), inChannels, first, config.conv_in_kernel);
  const embedder = createConditionEmbedder(root, config);
  const levels = createLevels(root, config);
  const mid = config.mid_block_type === null ? null : createMiddle(root.at('mid_block'), config);
  const { groups, epsilon } = styleOf(config);
  const normOut = createGroupNorm(root.at('conv_norm_out'), { channels: first, groups, epsilon, silu: true });
  const convOut = createOuterConvolution(root.at('conv_out'), first, outChannels, config.conv_out_kernel);

  return {
    config,
    parameters,
    forward({ sample, timestep, encoderHiddenStates, encoderAttentionMask, classLabels, addedConditions }) {
      const [batch] = sample.shape;
      checkSample(inChannels, sample, timestep);
      checkEncoderStates(config, batch, encoderHiddenStates, encoderAttentionMask);
      embedder.check(batch, classLabels, addedConditions);
      return tf.tidy(() => {
        const embedding = tf.tidy(() => silu(embedder.embed(expandTimesteps(timestep, batch), classLabels, addedConditions)));
        const encoderBias = encoderAttentionMask === undefined ? null : maskToBias(encoderAttentionMask);
        const entering = convIn(config.center_input_sample ? tf.sub(tf.mul(sample, 2), 1) : sample);
        return convOut(normOut(runLevels(levels, mid, entering, { embedding, encoderHiddenStates, encoderBias })));
      });
    },
    dispose: () => parameters.dispose(),
  };
}

/** Keeps rows and columns. */
function createOuterConvolution(scope: ParameterScope, inChannels: number, outChannels: number, kernelSize: number) {
  const side = (kernelSize - 1) / 2;
  return createConv2d(scope, { inChannels, outChannels, kernelSize, padding: [side, side] });
}

/** Creates the way in before the way out, as the reference does. */
function createLevels(root: ParameterScope, config: Unet2dConditionConfig): Level[] {
  const channels = config.block_out_channels;
  const last = channels.length - 1;
  const inwards = config.transformer_layers_per_block;
  const downs = config.down_block_types.map((type, level) =>
    createDownLevel(root.at('down_blocks', level), styleOf(config), {
      inChannels: channels[Math.max(0, level - 1)],
      outChannels: channels[level],
      layerCount: atLevel(config.layers_per_block, level),
      attention: attentionOf(config, type, level, { headIndex: level, layerCounts: atLevel<number | readonly number[]>(inwards, level) }),
      downsampler: level === last ? null : { padding: config.downsample_padding },
    }),
  );
  const outwards = config.reverse_transformer_layers_per_block;
  const ups = config.up_block_types.map((type, block) => {
    const level = last - block;
    // The last layer takes what the way in kept before this level: the next level's channels.
    const keptChannels = [...Array<number>(atLevel(config.layers_per_block, level)).fill(channels[level]), channels[Math.max(0, level - 1)]];
    const layerCounts = outwards === null ? atLevel<number | readonly number[]>(inwards, level) : outwards[block];
    return createUpLevel(root.at('up_blocks', block), styleOf(config), {
      inChannels: channels[Math.min(last, level + 1)],
      outChannels: channels[level],
      keptChannels,
      attention: attentionOf(config, type, level, { headIndex: block, layerCounts }),
      upsampler: level === 0 ? null : 'conv',
    });
  });
  return downs.map((down, level) => ({ down, up: ups[last - level] }));
}

interface AttentionChoice {
  /** Where the width of a head stands in the list, which the reference does not reverse on the way out. */
  readonly headIndex: number;
  readonly layerCounts: number | readonly number[];
}

function attentionOf(config: Unet2dConditionConfig, type: string, level: number, { headIndex, layerCounts }: AttentionChoice): AttentionMaker | null {
  const channels = config.block_out_channels[level];
  if (type.startsWith('CrossAttn')) {
    const isOnlyCross = atLevel(config.only_cross_attention, level);
    return (scope, index) => createTransformer(scope, config, level, atLevel(layerCounts, index), isOnlyCross);
  }
  if (!type.startsWith('Attn')) return null;
  const { groups, epsilon } = styleOf(config);
  return (scope) => createAttentionBlock(scope, { channels, headWidth: atLevel(config.attention_head_dim, headIndex), groups, epsilon });
}

/** The middle block of the plain kind has one residual block; the other kind always attends to the image first. */
function createMiddle(scope: ParameterScope, config: Unet2dConditionConfig): Block {
  const level = config.block_out_channels.length - 1;
  const channels = config.block_out_channels[level];
  const outputScale = config.mid_block_scale_factor;
  if (config.mid_block_type === 'UNetMidBlock2D') return createMidBlock(scope, styleOf(config), { channels, attention: null, outputScale, resnetCount: 1 });
  const layerCount = atLevel(atLevel<number | readonly number[]>(config.transformer_layers_per_block, level), 0);
  const attention = (place: ParameterScope): Block => createTransformer(place, config, level, layerCount, false);
  return createMidBlock(scope, styleOf(config), { channels, attention, outputScale });
}

function createTransformer(scope: ParameterScope, config: Unet2dConditionConfig, level: number, layerCount: number, isOnlyCross: boolean): Block {
  return createTransformer2d(scope, {
    channels: config.block_out_channels[level],
    heads: atLevel(config.attention_head_dim, level),
    layerCount,
    contextWidth: requireDerived('cross_attention_dim', atLevel<number | null>(config.cross_attention_dim, level)),
    groups: config.norm_num_groups,
    hasLinearProjection: config.use_linear_projection,
    isOnlyCross,
  });
}

function styleOf(config: Unet2dConditionConfig): BlockStyle {
  return {
    groups: config.norm_num_groups,
    epsilon: config.norm_eps,
    embeddingWidth: embeddingWidths(config).blocks,
    timeScaleShift: config.resnet_time_scale_shift,
  };
}

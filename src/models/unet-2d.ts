// The denoising network: noisy image or latent, timestep and class in; noise, velocity or clean out. Knows no schedule.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import type { Unet2dConfig } from '../config/unet-2d.js';
import { silu } from '../nn/operations.js';
import { createConv2d, createEmbedding, createGroupNorm } from '../nn/layers.js';
import { ParameterTree, scopeOf, type ParameterScope } from '../nn/parameters.js';
import { createMidBlock } from './_mid-block.js';
import { createFourierProjection, createPositionalProjection, createTimeEmbedding } from './_time-embedding.js';
import { createDownLevel, createUpLevel, type DownLevel, type UpLevel } from './_unet-levels.js';
import type { NetworkOptions } from './autoencoder-kl.js';
import type { BlockStyle, ResnetBlock } from './_resnet-block.js';

export interface Unet2dInputs {
  /** Shape: [B, H, W, in_channels]; H and W divisible by 2 per level but the last. */
  readonly sample: tf.Tensor4D;
  /** Shape: [B], or [1] for all items alike. May be fractional. */
  readonly timestep: tf.Tensor1D;
  /** Shape: [B], each in [0, num_class_embeds). Required exactly when the network has classes. */
  readonly classLabels?: tf.Tensor1D;
}

/** Memory: `parameters` owns the variables; the caller disposes of results, best by tf.tidy around the call. */
export interface Unet2d {
  readonly config: Unet2dConfig;
  readonly parameters: ParameterTree;
  /** Shape: [B, H, W, out_channels]. */
  forward(inputs: Unet2dInputs): tf.Tensor4D;
  dispose(): void;
}

/**
 * Creates the UNet with PyTorch's first values.
 *
 * Source: diffusers 0.42, UNet2DModel: names, keys and arithmetic.
 * @throws MelstromError when in_channels or out_channels is null: they must be derived first.
 */
export function createUnet2d(config: Unet2dConfig, { seed }: NetworkOptions): Unet2d {
  const inChannels = requireDerived(config, 'in_channels');
  const outChannels = requireDerived(config, 'out_channels');
  const parameters = new ParameterTree(seed);
  const root = scopeOf(parameters);
  const channels = config.block_out_channels;
  const innermost = channels[channels.length - 1];
  const convIn = createConv2d(root.at('conv_in'), { inChannels, outChannels: channels[0], kernelSize: 3, padding: [1, 1] });
  const embed = createEmbedder(root, config);
  const style = styleOf(config);
  const downLevels = createDownLevels(root, config);
  const mid: ResnetBlock =
    config.mid_block_type === null
      ? (x) => x
      : createMidBlock(root.at('mid_block'), style, {
          channels: innermost,
          hasAttention: config.add_attention,
          headWidth: config.attention_head_dim ?? innermost,
          attentionGroups: config.attn_norm_num_groups,
          outputScale: config.mid_block_scale_factor,
        });
  const upLevels = createUpLevels(root, config);
  const { groups, epsilon } = style;
  const normOut = createGroupNorm(root.at('conv_norm_out'), { channels: channels[0], groups, epsilon, silu: true });
  const convOut = createConv2d(root.at('conv_out'), { inChannels: channels[0], outChannels, kernelSize: 3, padding: [1, 1] });

  return {
    config,
    parameters,
    forward({ sample, timestep, classLabels }) {
      checkInputs(config, sample, timestep, classLabels);
      const timesteps = timestep.shape[0] === sample.shape[0] ? timestep : tf.tile(timestep, [sample.shape[0]]);
      const embedding = silu(embed(timesteps, classLabels));
      let hidden = convIn(config.center_input_sample ? tf.sub(tf.mul(sample, 2), 1) : sample);
      const kept = [hidden];
      for (const level of downLevels) {
        kept.push(...level(hidden, embedding));
        hidden = kept[kept.length - 1];
      }
      hidden = mid(hidden, embedding);
      for (const level of upLevels) hidden = level(hidden, kept, embedding);
      const output = convOut(normOut(hidden));
      return config.time_embedding_type === 'fourier' ? tf.div(output, tf.reshape(timesteps, [-1, 1, 1, 1])) : output;
    },
    dispose: () => parameters.dispose(),
  };
}

/** The sum of the timestep's and the class's vectors. */
function createEmbedder(root: ParameterScope, config: Unet2dConfig) {
  const first = config.block_out_channels[0];
  const width = config.time_embedding_dim ?? 4 * first;
  const isFourier = config.time_embedding_type === 'fourier';
  const project = isFourier
    ? createFourierProjection(root.at('time_proj'), first)
    : createPositionalProjection({ width: first, isCosineFirst: config.flip_sin_to_cos, frequencyShift: config.freq_shift });
  const embedTime = createTimeEmbedding(root.at('time_embedding'), isFourier ? 2 * first : first, width);
  const rows = config.num_class_embeds;
  const embedClass = rows === null ? null : createEmbedding(root.at('class_embedding'), { rows, width });
  return (timesteps: tf.Tensor1D, classLabels: tf.Tensor1D | undefined): tf.Tensor2D => {
    const time = embedTime(project(timesteps));
    return embedClass === null ? time : tf.add(time, embedClass(classLabels!));
  };
}

function createDownLevels(root: ParameterScope, config: Unet2dConfig): DownLevel[] {
  const channels = config.block_out_channels;
  return config.down_block_types.map((type, level) =>
    createDownLevel(root.at('down_blocks', level), styleOf(config), {
      inChannels: channels[Math.max(0, level - 1)],
      outChannels: channels[level],
      layerCount: config.layers_per_block,
      headWidth: type === 'AttnDownBlock2D' ? (config.attention_head_dim ?? channels[level]) : null,
      downsamplePadding: level < channels.length - 1 ? config.downsample_padding : null,
    }),
  );
}

function createUpLevels(root: ParameterScope, config: Unet2dConfig): UpLevel[] {
  const channels = [...config.block_out_channels].reverse();
  return config.up_block_types.map((type, level) => {
    const own = channels[level];
    // The last layer takes what the way in kept before this level: the next level's channels.
    const keptChannels = [...Array<number>(config.layers_per_block).fill(own), channels[Math.min(level + 1, channels.length - 1)]];
    return createUpLevel(root.at('up_blocks', level), styleOf(config), {
      inChannels: channels[Math.max(0, level - 1)],
      outChannels: own,
      keptChannels,
      headWidth: type === 'AttnUpBlock2D' ? (config.attention_head_dim ?? own) : null,
      hasUpsampler: level < channels.length - 1,
    });
  });
}

function styleOf(config: Unet2dConfig): BlockStyle {
  return {
    groups: config.norm_num_groups,
    epsilon: config.norm_eps,
    embeddingWidth: config.time_embedding_dim ?? 4 * config.block_out_channels[0],
    timeScaleShift: config.resnet_time_scale_shift,
  };
}

function requireDerived(config: Unet2dConfig, key: 'in_channels' | 'out_channels'): number {
  const value = config[key];
  if (value !== null) return value;
  throw new MelstromError({ kind: 'configuration', where: `unet.network.${key}`, got: 'null', expected: 'a number of channels by now' });
}

function checkInputs(config: Unet2dConfig, sample: tf.Tensor4D, timestep: tf.Tensor1D, classLabels: tf.Tensor1D | undefined): void {
  const [batch, height, width] = sample.shape;
  requireShape('unet: sample', sample.shape, [null, null, null, config.in_channels]);
  if (timestep.shape[0] !== 1) requireShape('unet: timestep', timestep.shape, [batch]);
  const factor = 2 ** (config.block_out_channels.length - 1);
  if (height % factor !== 0 || width % factor !== 0) {
    throw new MelstromError({ kind: 'usage', where: 'unet: sample', got: `${height} × ${width}`, expected: `rows and columns divisible by ${factor}` });
  }
  if (config.num_class_embeds === null && classLabels !== undefined) {
    throw new MelstromError({ kind: 'usage', where: 'unet: classLabels', got: 'labels', expected: 'none, as num_class_embeds is null' });
  }
  if (config.num_class_embeds !== null) requireShape('unet: classLabels', classLabels?.shape ?? [], [batch]);
}

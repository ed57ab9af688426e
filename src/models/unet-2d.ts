// The denoising network: noisy image or latent, timestep and class in; noise, velocity or clean out. Knows no schedule.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { Unet2dConfig } from '../config/unet-2d.js';
import { silu } from '../nn/operations.js';
import { createConv2d, createGroupNorm } from '../nn/layers.js';
import { ParameterTree, scopeOf, type ParameterScope } from '../nn/parameters.js';
import { createAttentionBlock } from './_attention-block.js';
import type { Block, BlockStyle } from './_block.js';
import { checkClassLabels, createClassEmbedding } from './_class-embedding.js';
import { createMidBlock } from './_mid-block.js';
import { createFourierProjection, createPositionalProjection, createTimeEmbedding } from './_time-embedding.js';
import { checkSample, expandTimesteps, requireDerived } from './_unet-inputs.js';
import { createDownLevel, createUpLevel, runLevels, type AttentionMaker, type Level } from './_unet-levels.js';
import type { NetworkOptions } from './autoencoder-kl.js';

export interface Unet2dInputs {
  /** Shape: [B, H, W, in_channels]; H and W divisible by 2 per level but the last. */
  readonly sample: tf.Tensor4D;
  /** Shape: [B], or [1] for all items alike. May be fractional. */
  readonly timestep: tf.Tensor1D;
  /**
   * Required exactly when the network has classes. Shape: [B], each in [0, num_class_embeds) for a table, any number for
   * class_embed_type timestep; [B, width of the time embedding] for identity.
   */
  readonly classLabels?: tf.Tensor1D | tf.Tensor2D;
}

/** Memory: `parameters` owns the variables; the caller disposes of the result. */
export interface Unet2d {
  readonly config: Unet2dConfig;
  readonly parameters: ParameterTree;
  /** Shape: [B, H, W, out_channels]. */
  forward(inputs: Unet2dInputs): tf.Tensor4D;
  dispose(): void;
}

/** Deviation of the random frequencies of the Fourier embedding. */
const FOURIER_DEVIATION = 16;

/**
 * Creates the UNet with PyTorch's first values.
 *
 * Source: diffusers 0.42, UNet2DModel: names, keys and arithmetic.
 * @throws MelstromError when in_channels or out_channels is null: they must be derived first.
 */
export function createUnet2d(config: Unet2dConfig, { seed }: NetworkOptions): Unet2d {
  const inChannels = requireDerived('in_channels', config.in_channels);
  const outChannels = requireDerived('out_channels', config.out_channels);
  const parameters = new ParameterTree(seed);
  const root = scopeOf(parameters);
  const [first] = config.block_out_channels;
  const convIn = createConv2d(root.at('conv_in'), { inChannels, outChannels: first, kernelSize: 3, padding: [1, 1] });
  const { embed, classes } = createEmbedder(root, config);
  const levels = createLevels(root, config);
  const mid = config.mid_block_type === null ? null : createMiddle(root.at('mid_block'), config);
  const { groups, epsilon } = styleOf(config);
  const normOut = createGroupNorm(root.at('conv_norm_out'), { channels: first, groups, epsilon, silu: true });
  const convOut = createConv2d(root.at('conv_out'), { inChannels: first, outChannels, kernelSize: 3, padding: [1, 1] });

  return {
    config,
    parameters,
    forward({ sample, timestep, classLabels }) {
      checkInputs(config, sample, timestep);
      checkClassLabels(classes, classLabels, sample.shape[0]);
      return tf.tidy(() => {
        const timesteps = expandTimesteps(timestep, sample.shape[0]);
        const embedding = silu(embed(timesteps, classLabels));
        const entering = convIn(config.center_input_sample ? tf.sub(tf.mul(sample, 2), 1) : sample);
        const output = convOut(normOut(runLevels(levels, mid, entering, { embedding })));
        return config.time_embedding_type === 'fourier' ? tf.div(output, tf.reshape(timesteps, [-1, 1, 1, 1])) : output;
      });
    },
    dispose: () => parameters.dispose(),
  };
}

/** The sum of the timestep's and the class's vectors. */
function createEmbedder(root: ParameterScope, config: Unet2dConfig) {
  const [first] = config.block_out_channels;
  const width = embeddingWidth(config);
  const isFourier = config.time_embedding_type === 'fourier';
  const project = isFourier
    ? createFourierProjection(root.at('time_proj'), { width: first, deviation: FOURIER_DEVIATION, isLogarithmic: true, isCosineFirst: false })
    : createPositionalProjection({ width: first, isCosineFirst: config.flip_sin_to_cos, frequencyShift: config.freq_shift });
  const projectedWidth = isFourier ? 2 * first : first;
  const embedTime = createTimeEmbedding(root.at('time_embedding'), projectedWidth, width);
  const classes = createClassEmbedding(root.at('class_embedding'), {
    type: config.class_embed_type, rows: config.num_class_embeds, width, inputWidth: null, projectTime: project, projectedWidth,
  });
  const embed = (timesteps: tf.Tensor1D, classLabels: tf.Tensor | undefined): tf.Tensor2D => {
    const time = embedTime(project(timesteps));
    return classes === null ? time : tf.add(time, classes.embed(classLabels!));
  };
  return { embed, classes };
}

/** Creates the way in before the way out, as the reference does. */
function createLevels(root: ParameterScope, config: Unet2dConfig): Level[] {
  const channels = config.block_out_channels;
  const last = channels.length - 1;
  const downs = config.down_block_types.map((type, level) =>
    createDownLevel(root.at('down_blocks', level), styleOf(config), {
      inChannels: channels[Math.max(0, level - 1)],
      outChannels: channels[level],
      layerCount: config.layers_per_block,
      attention: type === 'AttnDownBlock2D' ? attentionOf(config, channels[level]) : null,
      downsampler: level === last ? null : isResampledByResnet(type, config.downsample_type) ? 'resnet' : { padding: config.downsample_padding },
    }),
  );
  const ups = config.up_block_types.map((type, block) => {
    const level = last - block;
    // The last layer takes what the way in kept before this level: the next level's channels.
    const keptChannels = [...Array<number>(config.layers_per_block).fill(channels[level]), channels[Math.max(0, level - 1)]];
    return createUpLevel(root.at('up_blocks', block), styleOf(config), {
      inChannels: channels[Math.min(last, level + 1)],
      outChannels: channels[level],
      keptChannels,
      attention: type === 'AttnUpBlock2D' ? attentionOf(config, channels[level]) : null,
      upsampler: level === 0 ? null : isResampledByResnet(type, config.upsample_type) ? 'resnet' : 'conv',
    });
  });
  return downs.map((down, level) => ({ down, up: ups[last - level] }));
}

/** The plain blocks always resample by a convolution, the Resnet ones by a residual block; those with attention as the key says. */
function isResampledByResnet(type: string, key: 'conv' | 'resnet'): boolean {
  return type.startsWith('Resnet') || (type.startsWith('Attn') && key === 'resnet');
}

function attentionOf(config: Unet2dConfig, channels: number): AttentionMaker {
  const { groups, epsilon } = styleOf(config);
  return (scope) => createAttentionBlock(scope, { channels, headWidth: config.attention_head_dim ?? channels, groups, epsilon });
}

/** With scale_shift and no groups of its own, the attention in the middle has no normalisation. */
function createMiddle(scope: ParameterScope, config: Unet2dConfig): Block {
  const style = styleOf(config);
  const channels = config.block_out_channels[config.block_out_channels.length - 1];
  const outputScale = config.mid_block_scale_factor;
  const groups = config.attn_norm_num_groups ?? (style.timeScaleShift === 'default' ? style.groups : null);
  const headWidth = config.attention_head_dim ?? channels;
  const attention = (place: ParameterScope): Block => createAttentionBlock(place, { channels, headWidth, groups, epsilon: style.epsilon, outputScale });
  return createMidBlock(scope, style, { channels, attention: config.add_attention ? attention : null, outputScale });
}

function embeddingWidth(config: Unet2dConfig): number {
  return config.time_embedding_dim ?? 4 * config.block_out_channels[0];
}

function styleOf(config: Unet2dConfig): BlockStyle {
  return { groups: config.norm_num_groups, epsilon: config.norm_eps, embeddingWidth: embeddingWidth(config), timeScaleShift: config.resnet_time_scale_shift };
}

function checkInputs(config: Unet2dConfig, sample: tf.Tensor4D, timestep: tf.Tensor1D): void {
  checkSample(config.in_channels, sample, timestep);
  const [, height, width] = sample.shape;
  const factor = 2 ** (config.block_out_channels.length - 1);
  if (height % factor !== 0 || width % factor !== 0) {
    throw new MelstromError({ kind: 'usage', where: 'unet: sample', got: `${height} × ${width}`, expected: `rows and columns divisible by ${factor}` });
  }
}

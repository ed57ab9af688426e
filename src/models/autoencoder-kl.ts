// The autoencoder: image to a distribution over latents, and latent to image. Knows no scaling of latents and no loss.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../base/checks.js';
import type { AutoencoderKLConfig } from '../config/autoencoder-kl.js';
import { createConv2d, createGroupNorm, type ConvLayerOptions } from '../nn/layers.js';
import { ParameterTree, scopeOf, type ParameterScope } from '../nn/parameters.js';
import { createAttentionBlock } from './_attention-block.js';
import { inOrder, type Block, type BlockStyle } from './_block.js';
import { createMidBlock } from './_mid-block.js';
import { createDownsampler, createUpsampler } from './_resample-blocks.js';
import { createResnetBlock } from './_resnet-block.js';
import type { Posterior } from './posterior.js';

/** Memory: `parameters` owns the variables; the caller disposes of results, best by tf.tidy around the call. */
export interface AutoencoderKL {
  readonly config: AutoencoderKLConfig;
  readonly parameters: ParameterTree;
  /** Shape: [B, M, N, in_channels] -> both [B, H, W, latent_channels], H and W smaller by 2 per level but the last. */
  encode(image: tf.Tensor4D): Posterior;
  /** Shape: [B, H, W, latent_channels] -> [B, M, N, out_channels]. */
  decode(latent: tf.Tensor4D): tf.Tensor4D;
  /** Last layer of the decoder, by which an adaptive loss weighs gradients. */
  readonly lastLayer: tf.Variable;
  dispose(): void;
}

/** How a network's first values are made. */
export interface NetworkOptions {
  /** Seeds the first values; null leaves zeros, for weights that are loaded next. */
  readonly seed: number | null;
}

const LOG_VARIANCE_RANGE = [-30, 20] as const;
/** There is no time in an autoencoder. */
const NOTHING_ELSE = { embedding: null };

/**
 * Creates the autoencoder with PyTorch's first values. A plain autoencoder is the same network with only the mean in use.
 *
 * Source: diffusers 0.42, AutoencoderKL: names, keys and arithmetic.
 */
export function createAutoencoderKL(config: AutoencoderKLConfig, { seed }: NetworkOptions): AutoencoderKL {
  const parameters = new ParameterTree(seed);
  const root = scopeOf(parameters);
  const latents = config.latent_channels;
  const pointwise = (name: string, channels: number): Block => convolve(root.at(name), { inChannels: channels, outChannels: channels, kernelSize: 1 });
  const encoder = createEncoder(root.at('encoder'), config);
  const decoder = createDecoder(root.at('decoder'), config);
  const encode = inOrder([...encoder, ...(config.use_quant_conv ? [pointwise('quant_conv', 2 * latents)] : [])]);
  const decode = inOrder([...(config.use_post_quant_conv ? [pointwise('post_quant_conv', latents)] : []), ...decoder]);

  return {
    config,
    parameters,
    encode(image) {
      requireShape('autoencoder: image', image.shape, [null, null, null, config.in_channels]);
      return tf.tidy(() => {
        const [mean, logVariance] = tf.split(encode(image, NOTHING_ELSE), 2, 3) as [tf.Tensor4D, tf.Tensor4D];
        return { mean, logVariance: tf.clipByValue(logVariance, ...LOG_VARIANCE_RANGE) } as Posterior & tf.NamedTensorMap;
      });
    },
    decode(latent) {
      requireShape('autoencoder: latent', latent.shape, [null, null, null, latents]);
      return tf.tidy(() => decode(latent, NOTHING_ELSE));
    },
    lastLayer: parameters.get('decoder.conv_out.weight').variable,
    dispose: () => parameters.dispose(),
  };
}

function createEncoder(scope: ParameterScope, config: AutoencoderKLConfig): Block[] {
  const channels = config.block_out_channels;
  const last = channels.length - 1;
  const layers: Block[] = [convolve3(scope.at('conv_in'), config.in_channels, channels[0])];
  config.down_block_types.forEach((type, level) => {
    const block = scope.at('down_blocks', level);
    const inChannels = channels[Math.max(0, level - 1)];
    const hasAttention = type === 'AttnDownEncoderBlock2D';
    layers.push(...createLevel(block, config, { inChannels, outChannels: channels[level], layerCount: config.layers_per_block, hasAttention }));
    if (level < last) layers.push(createDownsampler(block.at('downsamplers', 0), channels[level], 0));
  });
  layers.push(createInnermost(scope, config), createGroupNorm(scope.at('conv_norm_out'), normOf(config, channels[last])));
  layers.push(convolve3(scope.at('conv_out'), channels[last], 2 * config.latent_channels));
  return layers;
}

function createDecoder(scope: ParameterScope, config: AutoencoderKLConfig): Block[] {
  const channels = [...config.block_out_channels].reverse();
  const last = channels.length - 1;
  const layers: Block[] = [convolve3(scope.at('conv_in'), config.latent_channels, channels[0]), createInnermost(scope, config)];
  config.up_block_types.forEach((type, level) => {
    const block = scope.at('up_blocks', level);
    const inChannels = channels[Math.max(0, level - 1)];
    const hasAttention = type === 'AttnUpDecoderBlock2D';
    layers.push(...createLevel(block, config, { inChannels, outChannels: channels[level], layerCount: config.layers_per_block + 1, hasAttention }));
    if (level < last) layers.push(createUpsampler(block.at('upsamplers', 0), channels[level]));
  });
  layers.push(createGroupNorm(scope.at('conv_norm_out'), normOf(config, channels[last])));
  layers.push(convolve3(scope.at('conv_out'), channels[last], config.out_channels));
  return layers;
}

interface LevelOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly layerCount: number;
  readonly hasAttention: boolean;
}

/** The residual blocks of one level, each followed by attention where the level has it. */
function createLevel(scope: ParameterScope, config: AutoencoderKLConfig, options: LevelOptions): Block[] {
  const { inChannels, outChannels, layerCount, hasAttention } = options;
  return Array.from({ length: layerCount }, (_, index) => {
    const resnet = createResnetBlock(scope.at('resnets', index), styleOf(config), { inChannels: index === 0 ? inChannels : outChannels, outChannels });
    return hasAttention ? [resnet, createAttention(scope.at('attentions', index), config, outChannels)] : [resnet];
  }).flat();
}

function createInnermost(scope: ParameterScope, config: AutoencoderKLConfig): Block {
  const channels = config.block_out_channels[config.block_out_channels.length - 1];
  const attention = config.mid_block_add_attention ? (place: ParameterScope) => createAttention(place, config, channels) : null;
  return createMidBlock(scope.at('mid_block'), styleOf(config), { channels, attention });
}

/** One head, as wide as the level. */
function createAttention(scope: ParameterScope, config: AutoencoderKLConfig, channels: number): Block {
  const { groups, epsilon } = styleOf(config);
  return createAttentionBlock(scope, { channels, headWidth: channels, groups, epsilon });
}

function styleOf({ norm_num_groups: groups }: AutoencoderKLConfig): BlockStyle {
  return { groups, epsilon: 1e-6, embeddingWidth: null, timeScaleShift: 'default' };
}

function normOf(config: AutoencoderKLConfig, channels: number) {
  const { groups, epsilon } = styleOf(config);
  return { channels, groups, epsilon, silu: true };
}

function convolve3(scope: ParameterScope, inChannels: number, outChannels: number): Block {
  return convolve(scope, { inChannels, outChannels, kernelSize: 3 });
}

/** A convolution that keeps rows and columns. */
function convolve(scope: ParameterScope, options: Pick<ConvLayerOptions, 'inChannels' | 'outChannels' | 'kernelSize'>): Block {
  const layer = createConv2d(scope, { ...options, padding: [(options.kernelSize - 1) / 2, (options.kernelSize - 1) / 2] });
  return (x) => layer(x);
}

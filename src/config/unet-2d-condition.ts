// The schema of the reference's UNet2DConditionModel keys, with defaults for small spectrogram models. Knows no network.
import { z } from 'zod';
import { refuseUnevenBlocks, refuseUnevenGroups, type ReadonlyConfig } from './network-checks.js';
import { refuseUnfitConditions, refuseUnfitHeads, refuseUnfitLists } from './unet-2d-condition-checks.js';

const channelCount = z.int().min(1).max(65_536);
const smallCount = z.int().min(1).max(64);
const oddKernel = z.union([z.literal(1), z.literal(3), z.literal(5), z.literal(7)]);

const fields = z.strictObject({
  /** Rows and columns of what is denoised; a record only, other sizes work. null: derived from the mel settings and the autoencoder. */
  sample_size: z.union([z.int().min(1), z.array(z.int().min(1)).length(2)]).nullable().default(null),
  /** null: derived, the latent's channels or the image's. */
  in_channels: channelCount.nullable().default(null),
  out_channels: channelCount.nullable().default(null),
  /** True maps an input in [0, 1] to [-1, 1] first. */
  center_input_sample: z.boolean().default(false),
  /** Cosines before sines in the timestep embedding. */
  flip_sin_to_cos: z.boolean().default(true),
  /** Shifts the frequencies of the positional embedding: 0 or 1 as a rule. */
  freq_shift: z.number().default(0),
  /**
   * One per level, from the sample inwards. All but the last halve rows and columns. The CrossAttn kind attends to the image
   * and to the condition, the Attn kind to the image only.
   */
  down_block_types: z
    .array(z.enum(['DownBlock2D', 'CrossAttnDownBlock2D', 'AttnDownBlock2D']))
    .min(1)
    .default(['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D']),
  /** UNetMidBlock2D is one residual block without attention; null is no middle block. */
  mid_block_type: z.enum(['UNetMidBlock2DCrossAttn', 'UNetMidBlock2D']).nullable().default('UNetMidBlock2DCrossAttn'),
  /** One per level, from the innermost outwards. All but the last double rows and columns. */
  up_block_types: z
    .array(z.enum(['UpBlock2D', 'CrossAttnUpBlock2D', 'AttnUpBlock2D']))
    .min(1)
    .default(['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D']),
  /** Whether the first attention of each transformer layer, too, attends to the condition; the middle block's never does. One, or one per level. */
  only_cross_attention: z.union([z.boolean(), z.array(z.boolean()).min(1)]).default(false),
  /** Channels of each level. Parameters and time grow with the square. */
  block_out_channels: z.array(z.int().min(1).max(8192)).min(1).default([64, 128, 192]),
  /** Residual blocks per level on the way in; one more on the way out. One, or one per level. */
  layers_per_block: z.union([smallCount, z.array(smallCount).min(1)]).default(1),
  /** Padding of the convolution that halves; 0 pads one row and one column at the far edges instead. */
  downsample_padding: z.int().min(0).max(1).default(1),
  /** Divides the residual sums of the innermost block. */
  mid_block_scale_factor: z.number().positive().default(1),
  /** Share of activations dropped while training. Only 0 is accepted: another is refused by name. */
  dropout: z.literal(0).default(0),
  act_fn: z.enum(['silu', 'swish']).default('silu'),
  /** Groups of every group normalisation; must divide each of block_out_channels. */
  norm_num_groups: z.int().min(1).max(1024).default(32),
  norm_eps: z.number().positive().default(1e-5),
  /**
   * Width of the condition: one, or one per level (null where a level has no cross-attention). null: derived from the text
   * encoder. Where it is the level's own width, as in AudioLDM, the condition may be left out, and levels attend to themselves twice.
   */
  cross_attention_dim: z.union([channelCount, z.array(channelCount.nullable()).min(1)]).nullable().default(null),
  /** Transformer layers in each attention of the CrossAttn blocks: one, one per level, or a list per residual block of each level. */
  transformer_layers_per_block: z.union([smallCount, z.array(z.union([smallCount, z.array(smallCount).min(1)])).min(1)]).default(1),
  /** The same on the way out, from the innermost outwards; null: transformer_layers_per_block in reverse. */
  reverse_transformer_layers_per_block: z.array(z.union([smallCount, z.array(smallCount).min(1)])).min(1).nullable().default(null),
  /** A projection of the condition before the network, as image prompts have it; null alone is accepted, so that a folder with one is refused by this name. */
  encoder_hid_dim: z.null().default(null),
  encoder_hid_dim_type: z.null().default(null),
  /**
   * The NUMBER of heads of the CrossAttn blocks, in spite of its name, as the reference reads it; channels of one head in Attn
   * blocks. One, or one per level.
   */
  attention_head_dim: z.union([channelCount, z.array(channelCount).min(1)]).default(8),
  /** The reference refuses it too: attention_head_dim is the number of heads. */
  num_attention_heads: z.null().default(null),
  /** Two conditions at once, as Versatile Diffusion has them; true is refused. */
  dual_cross_attention: z.literal(false).default(false),
  /** Linear layers around the transformer layers instead of 1×1 convolutions: the same function, other shapes in files. */
  use_linear_projection: z.boolean().default(false),
  /**
   * What classLabels are. null: rows of a table; timestep: numbers; identity: vectors of the time embedding's width; projection
   * and simple_projection: vectors that two layers, or one, bring to that width.
   */
  class_embed_type: z.enum(['timestep', 'identity', 'projection', 'simple_projection']).nullable().default(null),
  /** text_time: pooled text and six numbers of picture sizes, as in SDXL. */
  addition_embed_type: z.enum(['text_time']).nullable().default(null),
  /** Width of the sines for each of the numbers of text_time. */
  addition_time_embed_dim: channelCount.nullable().default(null),
  /** Rows of the class table; null for none. */
  num_class_embeds: z.int().min(1).max(1_000_000).nullable().default(null),
  /** Kept for the reference, which reads it for half precision; without effect here. */
  upcast_attention: z.boolean().default(false),
  /** Whether the timestep is added (default), or scales and shifts after normalisation (scale_shift). */
  resnet_time_scale_shift: z.enum(['default', 'scale_shift']).default('default'),
  /** Variants of residual blocks and of the time embedding of models that are not read here (DeepFloyd IF, Kandinsky, LCM): other values are refused. */
  resnet_skip_time_act: z.literal(false).default(false),
  resnet_out_scale_factor: z.literal(1).default(1),
  /** How the timestep becomes a vector: fixed sines (positional), or sines at fixed random frequencies (fourier). */
  time_embedding_type: z.enum(['positional', 'fourier']).default('positional'),
  /** Width of the timestep embedding; null: four times the first of block_out_channels, or twice with fourier. */
  time_embedding_dim: channelCount.nullable().default(null),
  time_embedding_act_fn: z.null().default(null),
  timestep_post_act: z.null().default(null),
  time_cond_proj_dim: z.null().default(null),
  /** Rows and columns of the first and the last kernel. */
  conv_in_kernel: oddKernel.default(3),
  conv_out_kernel: oddKernel.default(3),
  /** Width of the class vectors of the projections, or of what text_time takes in all. */
  projection_class_embeddings_input_dim: channelCount.nullable().default(null),
  attention_type: z.literal('default').default('default'),
  /** Joins the class vector to the time embedding instead of adding it. */
  class_embeddings_concat: z.boolean().default(false),
  /** Read by the reference for kinds of blocks that are not here; without effect. */
  mid_block_only_cross_attention: z.boolean().nullable().default(null),
  cross_attention_norm: z.null().default(null),
  /** Read by the reference for addition_embed_type text, which is not here; without effect. */
  addition_embed_type_num_heads: z.int().min(1).default(64),
});

/** Unknown data → UNet2DConditionModel configuration with defaults. Unknown keys and contradictions are refused. */
export const unet2dConditionSchema = fields.superRefine((config, context) => {
  refuseUnevenBlocks(config, context);
  refuseUnevenGroups(config, 'norm_num_groups', context);
  refuseUnfitLists(config, context);
  refuseUnfitHeads(config, context);
  refuseUnfitConditions(config, context);
});

/** Keys and meanings of the reference's UNet2DConditionModel (diffusers, config.json). */
export type Unet2dConditionConfig = ReadonlyConfig<z.output<typeof fields>>;

/** What the reference assumes for a key that a config.json leaves out. */
export const unet2dConditionReferenceDefaults = Object.freeze<Unet2dConditionConfig>({
  sample_size: null,
  in_channels: 4,
  out_channels: 4,
  center_input_sample: false,
  flip_sin_to_cos: true,
  freq_shift: 0,
  down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  mid_block_type: 'UNetMidBlock2DCrossAttn',
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  only_cross_attention: false,
  block_out_channels: [320, 640, 1280, 1280],
  layers_per_block: 2,
  downsample_padding: 1,
  mid_block_scale_factor: 1,
  dropout: 0,
  act_fn: 'silu',
  norm_num_groups: 32,
  norm_eps: 1e-5,
  cross_attention_dim: 1280,
  transformer_layers_per_block: 1,
  reverse_transformer_layers_per_block: null,
  encoder_hid_dim: null,
  encoder_hid_dim_type: null,
  attention_head_dim: 8,
  num_attention_heads: null,
  dual_cross_attention: false,
  use_linear_projection: false,
  class_embed_type: null,
  addition_embed_type: null,
  addition_time_embed_dim: null,
  num_class_embeds: null,
  upcast_attention: false,
  resnet_time_scale_shift: 'default',
  resnet_skip_time_act: false,
  resnet_out_scale_factor: 1,
  time_embedding_type: 'positional',
  time_embedding_dim: null,
  time_embedding_act_fn: null,
  timestep_post_act: null,
  time_cond_proj_dim: null,
  conv_in_kernel: 3,
  conv_out_kernel: 3,
  projection_class_embeddings_input_dim: null,
  attention_type: 'default',
  class_embeddings_concat: false,
  mid_block_only_cross_attention: null,
  cross_attention_norm: null,
  addition_embed_type_num_heads: 64,
});

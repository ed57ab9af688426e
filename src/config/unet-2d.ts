// The schema of the reference's UNet2DModel keys, with defaults for small spectrogram models. Knows no network.
import { z } from 'zod';
import { refuseUnevenBlocks, refuseUnevenGroups, type ReadonlyConfig } from './network-checks.js';

const fields = z.strictObject({
  /** Rows and columns of what is denoised; a record only, other sizes work. null: derived from the mel settings and the autoencoder. */
  sample_size: z.union([z.int().min(1), z.array(z.int().min(1)).length(2)]).nullable().default(null),
  /** null: derived, the latent's channels or the image's. */
  in_channels: z.int().min(1).max(1024).nullable().default(null),
  out_channels: z.int().min(1).max(1024).nullable().default(null),
  /** True maps an input in [0, 1] to [-1, 1] first. */
  center_input_sample: z.boolean().default(false),
  /** How the timestep becomes a vector: fixed sines (positional), or fixed random sines of its logarithm's scale (fourier). */
  time_embedding_type: z.enum(['positional', 'fourier']).default('positional'),
  /** Width of the timestep embedding; null: four times the first of block_out_channels. */
  time_embedding_dim: z.int().min(1).max(65_536).nullable().default(null),
  /** Shifts the frequencies of the positional embedding: 0 or 1 as a rule. */
  freq_shift: z.number().default(0),
  /** Cosines before sines in the timestep embedding. */
  flip_sin_to_cos: z.boolean().default(true),
  /** One per level, from the sample inwards. All but the last halve rows and columns. The Attn kind attends within the level; the Resnet kind halves by a residual block. */
  down_block_types: z
    .array(z.enum(['DownBlock2D', 'AttnDownBlock2D', 'ResnetDownsampleBlock2D']))
    .min(1)
    .default(['DownBlock2D', 'AttnDownBlock2D', 'AttnDownBlock2D']),
  mid_block_type: z.enum(['UNetMidBlock2D']).nullable().default('UNetMidBlock2D'),
  /** One per level, from the innermost outwards. All but the last double rows and columns. */
  up_block_types: z
    .array(z.enum(['UpBlock2D', 'AttnUpBlock2D', 'ResnetUpsampleBlock2D']))
    .min(1)
    .default(['AttnUpBlock2D', 'AttnUpBlock2D', 'UpBlock2D']),
  /** Channels of each level. Parameters and time grow with the square. */
  block_out_channels: z.array(z.int().min(1).max(8192)).min(1).default([64, 128, 192]),
  /** Residual blocks per level on the way in; one more on the way out. */
  layers_per_block: z.int().min(1).max(16).default(1),
  /** Divides the residual sums of the innermost block. */
  mid_block_scale_factor: z.number().positive().default(1),
  /** Padding of the convolution that halves; 0 pads one row and one column at the far edges instead. */
  downsample_padding: z.int().min(0).max(1).default(1),
  /** How blocks of the Attn kind halve and double: by a convolution or a residual block. The others do not read it, as in the reference. */
  downsample_type: z.enum(['conv', 'resnet']).default('conv'),
  upsample_type: z.enum(['conv', 'resnet']).default('conv'),
  /** Share of activations dropped in residual blocks while training. Only 0 is accepted: another is refused by name. */
  dropout: z.literal(0).default(0),
  act_fn: z.enum(['silu', 'swish']).default('silu'),
  /** Channels of one attention head; null: one head. Must divide the channels of each level that attends. */
  attention_head_dim: z.int().min(1).max(8192).nullable().default(32),
  /** Groups of every group normalisation; must divide each of block_out_channels. */
  norm_num_groups: z.int().min(1).max(1024).default(32),
  /** Groups of the innermost attention's normalisation; null: as norm_num_groups. */
  attn_norm_num_groups: z.int().min(1).max(1024).nullable().default(null),
  norm_eps: z.number().positive().default(1e-5),
  /** Whether the timestep is added (default), or scales and shifts after normalisation (scale_shift). */
  resnet_time_scale_shift: z.enum(['default', 'scale_shift']).default('default'),
  /** Self-attention at the innermost level. */
  add_attention: z.boolean().default(true),
  /**
   * What classes are. null: rows of a table, which training uses for the corpus' labels; timestep: numbers; identity: vectors of the
   * time embedding's width.
   */
  class_embed_type: z.enum(['timestep', 'identity']).nullable().default(null),
  /** Rows of the class table: labels plus one for no label. null: derived from the corpus; a network made with null has no classes. */
  num_class_embeds: z.int().min(1).max(1_000_000).nullable().default(null),
  /** Kept for the reference, which reads it for learned timestep embeddings; without effect here. */
  num_train_timesteps: z.int().min(1).nullable().default(null),
});

/** Channels of the levels that attend. */
function attendingChannels(config: z.output<typeof fields>): number[] {
  const levels = config.block_out_channels.length;
  return config.block_out_channels.filter(
    (_, level) =>
      config.down_block_types[level] === 'AttnDownBlock2D' ||
      config.up_block_types[levels - 1 - level] === 'AttnUpBlock2D' ||
      (level === levels - 1 && config.mid_block_type !== null && config.add_attention),
  );
}

/** Unknown data → UNet2DModel configuration with defaults. Unknown keys and contradictions are refused. */
export const unet2dSchema = fields.superRefine((config, context) => {
  refuseUnevenBlocks(config, context);
  refuseUnevenGroups(config, 'norm_num_groups', context);
  const attending = { block_out_channels: attendingChannels(config), attention_head_dim: config.attention_head_dim };
  refuseUnevenGroups(attending, 'attention_head_dim', context);
  const innermost = config.block_out_channels.slice(-1);
  refuseUnevenGroups({ block_out_channels: innermost, attn_norm_num_groups: config.attn_norm_num_groups }, 'attn_norm_num_groups', context);
});

/** Keys and meanings of the reference's UNet2DModel (diffusers, config.json). */
export type Unet2dConfig = ReadonlyConfig<z.output<typeof fields>>;

/** What the reference assumes for a key that a config.json leaves out. */
export const unet2dReferenceDefaults = Object.freeze<Unet2dConfig>({
  sample_size: null,
  in_channels: 3,
  out_channels: 3,
  center_input_sample: false,
  time_embedding_type: 'positional',
  time_embedding_dim: null,
  freq_shift: 0,
  flip_sin_to_cos: true,
  down_block_types: ['DownBlock2D', 'AttnDownBlock2D', 'AttnDownBlock2D', 'AttnDownBlock2D'],
  mid_block_type: 'UNetMidBlock2D',
  up_block_types: ['AttnUpBlock2D', 'AttnUpBlock2D', 'AttnUpBlock2D', 'UpBlock2D'],
  block_out_channels: [224, 448, 672, 896],
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  downsample_padding: 1,
  downsample_type: 'conv',
  upsample_type: 'conv',
  dropout: 0,
  act_fn: 'silu',
  attention_head_dim: 8,
  norm_num_groups: 32,
  attn_norm_num_groups: null,
  norm_eps: 1e-5,
  resnet_time_scale_shift: 'default',
  add_attention: true,
  class_embed_type: null,
  num_class_embeds: null,
  num_train_timesteps: null,
});

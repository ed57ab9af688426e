// The schema of the reference's AutoencoderKL keys, with defaults for small spectrogram models. Knows no network.
import { z } from 'zod';
import { refuseUnevenBlocks, refuseUnevenGroups, type ReadonlyConfig } from './network-checks.js';

const fields = z.strictObject({
  /** Channels of the image; a spectrogram has 1, and in a run of stereo sound, where they are derived, 3. */
  in_channels: z.int().min(1).max(1024).default(1),
  out_channels: z.int().min(1).max(1024).default(1),
  /** One per level, from the image inwards. All but the last halve rows and columns. The Attn kind attends within the level: slow at full size. */
  down_block_types: z
    .array(z.enum(['DownEncoderBlock2D', 'AttnDownEncoderBlock2D']))
    .min(1)
    .default(['DownEncoderBlock2D', 'DownEncoderBlock2D', 'DownEncoderBlock2D']),
  /** One per level, from the latent outwards. All but the last double rows and columns. */
  up_block_types: z
    .array(z.enum(['UpDecoderBlock2D', 'AttnUpDecoderBlock2D']))
    .min(1)
    .default(['UpDecoderBlock2D', 'UpDecoderBlock2D', 'UpDecoderBlock2D']),
  /** Channels of each level. Time grows with the square; the first level, at full size, costs the most. */
  block_out_channels: z.array(z.int().min(1).max(8192)).min(1).default([32, 64, 128]),
  /** Residual blocks per level of the encoder; the decoder has one more. */
  layers_per_block: z.int().min(1).max(16).default(1),
  act_fn: z.enum(['silu', 'swish']).default('silu'),
  /** Channels of the latent. More: a more faithful round trip, harder to diffuse. */
  latent_channels: z.int().min(1).max(1024).default(8),
  /** Groups of every group normalisation; must divide each of block_out_channels. */
  norm_num_groups: z.int().min(1).max(1024).default(16),
  /** Self-attention at the innermost level. */
  mid_block_add_attention: z.boolean().default(true),
  /** A 1×1 convolution after the encoder and one before the decoder. */
  use_quant_conv: z.boolean().default(true),
  use_post_quant_conv: z.boolean().default(true),
  /** Latents are multiplied by this for diffusion; measured from the data after training, and stored here. */
  scaling_factor: z.number().positive().default(1),
  /** Subtracted from latents before scaling; null for none. */
  shift_factor: z.number().nullable().default(null),
  /** Statistics per latent channel, kept as the reference stores them; null for none. */
  latents_mean: z.array(z.number()).nullable().default(null),
  latents_std: z.array(z.number().positive()).nullable().default(null),
  /** Both are kept for the reference, which reads them for half precision and tiling and needs a size; without effect here. */
  force_upcast: z.boolean().default(false),
  sample_size: z.union([z.int().min(1), z.array(z.int().min(1)).length(2)]).default(32),
});

/** Unknown data → AutoencoderKL configuration with defaults. Unknown keys and contradictions are refused. */
export const autoencoderKlSchema = fields.superRefine((config, context) => {
  refuseUnevenBlocks(config, context);
  refuseUnevenGroups(config, 'norm_num_groups', context);
});

/** Keys and meanings of the reference's AutoencoderKL (diffusers, config.json). */
export type AutoencoderKLConfig = ReadonlyConfig<z.output<typeof fields>>;

/** What the reference assumes for a key that a config.json leaves out. */
export const autoencoderKlReferenceDefaults = Object.freeze<AutoencoderKLConfig>({
  in_channels: 3,
  out_channels: 3,
  down_block_types: ['DownEncoderBlock2D'],
  up_block_types: ['UpDecoderBlock2D'],
  block_out_channels: [64],
  layers_per_block: 1,
  act_fn: 'silu',
  latent_channels: 4,
  norm_num_groups: 32,
  mid_block_add_attention: true,
  use_quant_conv: true,
  use_post_quant_conv: true,
  scaling_factor: 0.18215,
  shift_factor: null,
  latents_mean: null,
  latents_std: null,
  force_upcast: true,
  sample_size: 32,
});

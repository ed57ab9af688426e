import { describe, expect, it } from 'vitest';
import { autoencoderKlReferenceDefaults, autoencoderKlSchema } from '../../src/config/autoencoder-kl.js';
import { unet2dReferenceDefaults, unet2dSchema } from '../../src/config/unet-2d.js';

/** The published configuration of Stable Diffusion 1.5's autoencoder, less the keys that start with an underscore. */
const stableDiffusion = {
  act_fn: 'silu', block_out_channels: [128, 256, 512, 512], in_channels: 3, latent_channels: 4, layers_per_block: 2, norm_num_groups: 32, out_channels: 3,
  sample_size: 512, down_block_types: Array(4).fill('DownEncoderBlock2D') as string[], up_block_types: Array(4).fill('UpDecoderBlock2D') as string[],
};

function keysWithProblems(result: ReturnType<typeof autoencoderKlSchema.safeParse> | ReturnType<typeof unet2dSchema.safeParse>): string[] {
  return result.success ? [] : result.error.issues.map((issue) => (issue.code === 'unrecognized_keys' ? issue.keys.join() : issue.path.join('.')));
}

describe('network configurations', () => {
  it('have a default for every key', () => {
    expect(autoencoderKlSchema.parse({})).toMatchObject({ in_channels: 1, mid_block_add_attention: true, scaling_factor: 1, sample_size: 32 });
    expect(unet2dSchema.parse({})).toMatchObject({ in_channels: null, out_channels: null, sample_size: null, num_class_embeds: null });
  });

  it('accept what the reference publishes and what it assumes', () => {
    expect(autoencoderKlSchema.parse({ ...autoencoderKlReferenceDefaults, ...stableDiffusion })).toMatchObject(stableDiffusion);
    expect(unet2dSchema.parse(unet2dReferenceDefaults)).toEqual(unet2dReferenceDefaults);
    expect(unet2dSchema.parse({ sample_size: [20, 32] }).sample_size).toEqual([20, 32]);
  });

  it('refuse keys they do not know and kinds they do not have', () => {
    expect(keysWithProblems(autoencoderKlSchema.safeParse({ latent_channel: 4 }))).toEqual(['latent_channel']);
    expect(keysWithProblems(unet2dSchema.safeParse({ down_block_types: ['DownBlock2D', 'SkipDownBlock2D', 'AttnDownBlock2D'] }))).toEqual(['down_block_types.1']);
    expect(keysWithProblems(unet2dSchema.safeParse({ dropout: 0.1 }))).toEqual(['dropout']);
    expect(keysWithProblems(unet2dSchema.safeParse({ class_embed_type: 'projection' }))).toEqual(['class_embed_type']);
  });

  it('refuse levels and groups that do not fit together', () => {
    expect(keysWithProblems(autoencoderKlSchema.safeParse({ block_out_channels: [16, 32] }))).toEqual(['down_block_types', 'up_block_types']);
    expect(keysWithProblems(autoencoderKlSchema.safeParse({ norm_num_groups: 24 }))).toEqual(['norm_num_groups']);
    expect(keysWithProblems(unet2dSchema.safeParse({ attention_head_dim: 48 }))).toEqual(['attention_head_dim']);
    expect(keysWithProblems(unet2dSchema.safeParse({ attn_norm_num_groups: 5 }))).toEqual(['attn_norm_num_groups']);
    expect(keysWithProblems(unet2dSchema.safeParse({ attn_norm_num_groups: 24, attention_head_dim: null }))).toEqual([]);
  });

  it('let head widths be anything where nothing attends', () => {
    const still = { down_block_types: Array(3).fill('DownBlock2D'), up_block_types: Array(3).fill('UpBlock2D'), add_attention: false, attention_head_dim: 48 };
    expect(keysWithProblems(unet2dSchema.safeParse(still))).toEqual([]);
  });
});

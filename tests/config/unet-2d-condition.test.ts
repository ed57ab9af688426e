import { describe, expect, it } from 'vitest';
import { unet2dConditionReferenceDefaults, unet2dConditionSchema } from '../../src/config/unet-2d-condition.js';

/** Published configurations, less the keys that start with an underscore. */
const published: Readonly<Record<string, Record<string, unknown>>> = {
  'Stable Diffusion 1.5': {
    act_fn: 'silu', attention_head_dim: 8, block_out_channels: [320, 640, 1280, 1280], center_input_sample: false, cross_attention_dim: 768,
    down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'], downsample_padding: 1, flip_sin_to_cos: true,
    freq_shift: 0, in_channels: 4, layers_per_block: 2, mid_block_scale_factor: 1, norm_eps: 1e-5, norm_num_groups: 32, out_channels: 4, sample_size: 64,
    up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  },
  'Stable Diffusion 2.1': {
    attention_head_dim: [5, 10, 20, 20], cross_attention_dim: 1024, dual_cross_attention: false, num_class_embeds: null, only_cross_attention: false,
    sample_size: 96, upcast_attention: true, use_linear_projection: true,
  },
  'Stable Diffusion XL': {
    addition_embed_type: 'text_time', addition_embed_type_num_heads: 64, addition_time_embed_dim: 256, attention_head_dim: [5, 10, 20],
    block_out_channels: [320, 640, 1280], cross_attention_dim: 2048, down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'],
    projection_class_embeddings_input_dim: 2816, transformer_layers_per_block: [1, 2, 10], use_linear_projection: true,
    up_block_types: ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'],
  },
  AudioLDM: {
    block_out_channels: [128, 256, 384, 640], class_embed_type: 'simple_projection', class_embeddings_concat: true, cross_attention_dim: [128, 256, 384, 640],
    down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'], in_channels: 8, out_channels: 8,
    projection_class_embeddings_input_dim: 512, sample_size: 128,
    up_block_types: ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'],
  },
};

/** The keys that a change to the defaults is refused for, each with its message. */
function problems(change: Record<string, unknown>): string[] {
  const result = unet2dConditionSchema.safeParse(change);
  return result.success ? [] : result.error.issues.map((issue) => (issue.code === 'unrecognized_keys' ? issue.keys.join() : issue.path.join('.')));
}

function message(change: Record<string, unknown>): string {
  return unet2dConditionSchema.safeParse(change).error?.issues[0].message ?? '';
}

describe('UNet2DConditionModel configurations', () => {
  it('have a default for every key, and take what the reference assumes', () => {
    expect(unet2dConditionSchema.parse({})).toMatchObject({ in_channels: null, cross_attention_dim: null, attention_head_dim: 8, class_embed_type: null });
    expect(unet2dConditionSchema.parse(unet2dConditionReferenceDefaults)).toEqual(unet2dConditionReferenceDefaults);
    expect(Object.keys(unet2dConditionReferenceDefaults).sort()).toEqual(Object.keys(unet2dConditionSchema.parse({})).sort());
  });

  it.each(Object.entries(published))('accept the published one of %s', (_, config) => {
    expect(unet2dConditionSchema.parse({ ...unet2dConditionReferenceDefaults, ...config })).toMatchObject(config);
  });

  it.each([
    ['num_attention_heads', 8],
    ['dual_cross_attention', true],
    ['encoder_hid_dim', 1024],
    ['encoder_hid_dim_type', 'text_proj'],
    ['addition_embed_type', 'image'],
    ['class_embed_type', 'table'],
    ['resnet_skip_time_act', true],
    ['resnet_out_scale_factor', 2],
    ['time_embedding_act_fn', 'gelu'],
    ['timestep_post_act', 'silu'],
    ['time_cond_proj_dim', 256],
    ['attention_type', 'gated'],
    ['cross_attention_norm', 'layer_norm'],
    ['mid_block_type', 'UNetMidBlock2DSimpleCrossAttn'],
    ['dropout', 0.1],
    ['act_fn', 'gelu'],
    ['norm_num_groups', null],
    ['conv_in_kernel', 4],
    ['cross_attention_dims', 768],
  ])('refuse by name what would change the result and is not implemented: %s %j', (key, value) => {
    expect(problems({ [key]: value })).toEqual([key]);
  });

  it('refuse kinds of blocks that they do not have', () => {
    expect(problems({ down_block_types: ['SimpleCrossAttnDownBlock2D', 'DownBlock2D', 'DownBlock2D'] })).toEqual(['down_block_types.0']);
    expect(problems({ up_block_types: ['KUpBlock2D', 'UpBlock2D', 'UpBlock2D'] })).toEqual(['up_block_types.0']);
  });

  it('refuse lists that do not have one value per level', () => {
    for (const key of ['layers_per_block', 'cross_attention_dim', 'attention_head_dim', 'transformer_layers_per_block', 'reverse_transformer_layers_per_block']) {
      expect(problems({ [key]: [4, 4] })).toEqual([key]);
    }
    expect(problems({ only_cross_attention: [true, false] })).toEqual(['only_cross_attention']);
    expect(problems({ transformer_layers_per_block: [1, [1], 1] })).toEqual(['reverse_transformer_layers_per_block']);
    expect(problems({ transformer_layers_per_block: [1, [1], 1], reverse_transformer_layers_per_block: [1, [1], 1] })).toEqual(['reverse_transformer_layers_per_block']);
    expect(problems({ layers_per_block: 2, transformer_layers_per_block: [1, [1], 1], reverse_transformer_layers_per_block: [1, 1, 1] })).toEqual(['transformer_layers_per_block']);
  });

  it('refuse heads that the channels cannot be shared among', () => {
    expect(problems({ attention_head_dim: 500 })).toEqual(['attention_head_dim']);
    expect(problems({ attention_head_dim: 7 })).toEqual([]); // the rest is left out, as in the reference
    expect(message({ down_block_types: ['AttnDownBlock2D', 'DownBlock2D', 'DownBlock2D'], attention_head_dim: 24 })).toBe(
      'expected a divisor of 64 channels for AttnDownBlock2D, where it is the channels of one head',
    );
  });

  it('refuse conditions without their width', () => {
    expect(problems({ cross_attention_dim: [8, null, 8] })).toEqual(['cross_attention_dim']);
    expect(problems({ cross_attention_dim: [null, 8, 8] })).toEqual([]); // the outermost level does not attend
    expect(problems({ class_embed_type: 'projection' })).toEqual(['projection_class_embeddings_input_dim']);
    expect(problems({ class_embed_type: 'simple_projection' })).toEqual(['projection_class_embeddings_input_dim']);
    expect(problems({ addition_embed_type: 'text_time', projection_class_embeddings_input_dim: 8 })).toEqual(['addition_time_embed_dim']);
    expect(problems({ class_embeddings_concat: true })).toEqual(['class_embeddings_concat']);
    expect(problems({ time_embedding_type: 'fourier', time_embedding_dim: 33 })).toEqual(['time_embedding_dim']);
  });
});

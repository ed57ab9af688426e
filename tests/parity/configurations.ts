// The models that the live check makes: structures that between them cover the configuration keys, with widths and sizes drawn anew each time.
import type { Random } from '../../src/base/random.js';

export type ModelKind = 'AutoencoderKL' | 'UNet2DModel' | 'UNet2DConditionModel' | 'CLIPTextModel';

/** How an input is drawn: standard normal, whole numbers in [0, below), or given. */
export interface InputPlan {
  readonly shape: readonly number[];
  readonly below?: number;
  readonly values?: readonly number[];
}

export interface Configuration {
  readonly name: string;
  readonly kind: ModelKind;
  /** By the reference's keys. */
  readonly config: Readonly<Record<string, unknown>>;
  /** By name; images are [B, C, H, W]. */
  readonly inputs: Readonly<Record<string, InputPlan>>;
}

interface Draw {
  /** One of these. */
  one<T>(choices: readonly T[]): T;
  /** A whole number in [low, high]. */
  between(low: number, high: number): number;
}

/** Draws a set of configurations. The same state of the generator gives the same set. */
export function drawConfigurations(random: Random): Configuration[] {
  const draw: Draw = {
    one: (choices) => choices[random.integer(choices.length)],
    between: (low, high) => low + random.integer(high - low + 1),
  };
  return [...autoencoders(draw), ...unets(draw), ...conditionUnets(draw), ...textEncoders(draw)];
}

function autoencoders(draw: Draw): Configuration[] {
  const vae = (name: string, config: Readonly<Record<string, unknown>>, levels: number, channels: number): Configuration => {
    const scale = 2 ** (levels - 1);
    const latents = Number(config.latent_channels);
    const [height, width] = [draw.between(2, 4), draw.between(2, 5)];
    return {
      name, kind: 'AutoencoderKL', config: { in_channels: channels, out_channels: channels, ...config },
      inputs: { image: { shape: [2, channels, height * scale, width * scale] }, noise: { shape: [2, latents, height, width] } },
    };
  };
  const groups = draw.one([2, 4]);
  const width = groups * draw.between(2, 5);
  return [
    vae('as Stable Diffusion', {
      block_out_channels: [width, width, 2 * width, 2 * width], layers_per_block: 2, latent_channels: 4, norm_num_groups: groups,
      down_block_types: Array(4).fill('DownEncoderBlock2D'), up_block_types: Array(4).fill('UpDecoderBlock2D'),
    }, 4, 3),
    vae('as AudioLDM: one channel, three levels', {
      block_out_channels: [width, 2 * width, 2 * width], layers_per_block: draw.between(1, 2), latent_channels: 8, norm_num_groups: groups, scaling_factor: 0.9227,
      down_block_types: Array(3).fill('DownEncoderBlock2D'), up_block_types: Array(3).fill('UpDecoderBlock2D'),
    }, 3, 1),
    vae('no quant convolutions, no middle attention', {
      block_out_channels: [width, 2 * width], layers_per_block: 1, latent_channels: draw.between(2, 16), norm_num_groups: groups, shift_factor: 0.1159,
      down_block_types: Array(2).fill('DownEncoderBlock2D'), up_block_types: Array(2).fill('UpDecoderBlock2D'),
      mid_block_add_attention: false, use_quant_conv: false, use_post_quant_conv: false,
    }, 2, draw.between(1, 3)),
    vae('attention at the levels', {
      block_out_channels: [width, 3 * width], layers_per_block: 1, latent_channels: 3, norm_num_groups: groups, act_fn: 'swish',
      down_block_types: ['AttnDownEncoderBlock2D', 'DownEncoderBlock2D'], up_block_types: ['UpDecoderBlock2D', 'AttnUpDecoderBlock2D'],
    }, 2, 2),
  ];
}

function unetInputs(draw: Draw, channels: number, levels: number): Record<string, InputPlan> {
  const scale = 2 ** (levels - 1);
  return {
    sample: { shape: [2, channels, draw.between(2, 4) * scale, draw.between(2, 5) * scale] },
    timestep: { shape: [2], values: [draw.between(0, 999), draw.between(0, 999)] },
  };
}

function unets(draw: Draw): Configuration[] {
  const head = draw.one([4, 8]);
  const groups = draw.one([2, 4]);
  const width = 8 * draw.between(1, 3);
  const rows = draw.between(3, 30);
  const unet = (name: string, config: Readonly<Record<string, unknown>>, levels: number, extra: Record<string, InputPlan> = {}): Configuration => {
    const channels = draw.between(1, 4);
    return { name, kind: 'UNet2DModel', config: { in_channels: channels, out_channels: channels, norm_num_groups: groups, ...config }, inputs: { ...unetInputs(draw, channels, levels), ...extra } };
  };
  return [
    unet('as audio-diffusion: positional time, attention within', {
      block_out_channels: [width, width, 2 * width], layers_per_block: 2, attention_head_dim: head,
      down_block_types: ['DownBlock2D', 'DownBlock2D', 'AttnDownBlock2D'], up_block_types: ['AttnUpBlock2D', 'UpBlock2D', 'UpBlock2D'],
    }, 3),
    unet('classes, one level', {
      block_out_channels: [width], layers_per_block: 1, attention_head_dim: head, num_class_embeds: rows,
      down_block_types: ['AttnDownBlock2D'], up_block_types: ['AttnUpBlock2D'],
    }, 1, { labels: { shape: [2], below: rows } }),
    unet('fourier time, scale and shift, one head, far-edge padding', {
      block_out_channels: [width, 2 * width], layers_per_block: 1, attention_head_dim: null, time_embedding_type: 'fourier', resnet_time_scale_shift: 'scale_shift',
      downsample_padding: 0, center_input_sample: true, time_embedding_dim: draw.between(8, 40), mid_block_scale_factor: 1.41421, norm_eps: 1e-6,
      down_block_types: ['AttnDownBlock2D', 'DownBlock2D'], up_block_types: ['UpBlock2D', 'AttnUpBlock2D'],
    }, 2, { timestep: { shape: [2], values: [draw.between(1, 99) / 8, draw.between(1, 9)] } }),
    unet('sines first, shifted, no middle attention, groups of its own', {
      block_out_channels: [width, width], layers_per_block: draw.between(1, 3), attention_head_dim: head, flip_sin_to_cos: false, freq_shift: 1, add_attention: draw.one([true, false]),
      attn_norm_num_groups: 2 * groups <= 4 ? 2 * groups : groups, down_block_types: ['DownBlock2D', 'DownBlock2D'], up_block_types: ['UpBlock2D', 'UpBlock2D'],
    }, 2),
    unet('as an upscaler: two channels in, one out', {
      in_channels: 2, out_channels: 1, block_out_channels: [width, 2 * width], layers_per_block: 1, attention_head_dim: head, num_class_embeds: rows,
      down_block_types: ['DownBlock2D', 'AttnDownBlock2D'], up_block_types: ['AttnUpBlock2D', 'UpBlock2D'],
    }, 2, { ...unetInputs(draw, 2, 2), labels: { shape: [2], below: rows } }),
    unet('no middle block', {
      block_out_channels: [width, 2 * width], layers_per_block: 1, attention_head_dim: head, mid_block_type: null,
      down_block_types: ['DownBlock2D', 'AttnDownBlock2D'], up_block_types: ['AttnUpBlock2D', 'UpBlock2D'],
    }, 2),
  ];
}

function conditionUnets(draw: Draw): Configuration[] {
  const heads = draw.one([2, 4]);
  const width = 8 * draw.between(1, 2);
  const crossed = 4 * draw.between(2, 6);
  const words = draw.between(3, 9);
  const [pooled, sines] = [draw.between(3, 12), 2 * draw.between(1, 5)];
  const unet = (name: string, config: Readonly<Record<string, unknown>>, levels: number, extra: Record<string, InputPlan> = {}): Configuration => ({
    name, kind: 'UNet2DConditionModel',
    config: { in_channels: 4, out_channels: 4, norm_num_groups: 4, cross_attention_dim: crossed, attention_head_dim: heads, ...config },
    inputs: { ...unetInputs(draw, 4, levels), states: { shape: [2, words, crossed] }, ...extra },
  });
  const twoLevels = { block_out_channels: [width, 2 * width], layers_per_block: 1, down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'], up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'] };
  return [
    unet('as Stable Diffusion 1: heads by number, 1×1 projections', {
      block_out_channels: [width, 2 * width, 2 * width], layers_per_block: 2,
      down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'], up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
    }, 3),
    unet('as Stable Diffusion 2: linear projections, heads by level', { ...twoLevels, attention_head_dim: [2, 4], use_linear_projection: true, upcast_attention: true }, 2),
    unet('two transformer layers, scale and shift, no middle block', {
      ...twoLevels, transformer_layers_per_block: 2, use_linear_projection: true, resnet_time_scale_shift: 'scale_shift', mid_block_type: null,
    }, 2),
    unet('as AudioLDM: class vectors, projected and joined', {
      ...twoLevels, class_embed_type: 'simple_projection', projection_class_embeddings_input_dim: 12, class_embeddings_concat: true,
    }, 2, { labels: { shape: [2, 12] } }),
    unet('as Stable Diffusion XL: pooled text and sizes (text_time), deeper transformers below', {
      ...twoLevels, down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D'], up_block_types: ['CrossAttnUpBlock2D', 'UpBlock2D'], attention_head_dim: [2, 4], use_linear_projection: true,
      transformer_layers_per_block: [1, 2], addition_embed_type: 'text_time', addition_time_embed_dim: sines, projection_class_embeddings_input_dim: pooled + 6 * sines,
    }, 2, { textEmbeds: { shape: [2, pooled] }, timeIds: { shape: [2, 6], below: 1025 } }),
  ];
}

function textEncoders(draw: Draw): Configuration[] {
  const encoder = (name: string, config: Readonly<Record<string, unknown>>): Configuration => {
    const [vocabulary, longest] = [draw.between(20, 90), draw.between(6, 20)];
    const end = vocabulary - 1;
    const ids = Array.from({ length: 2 }, () => Array.from({ length: longest }, (_, place) => (place === longest - 1 ? end : draw.between(0, end - 1)))).flat();
    return {
      name, kind: 'CLIPTextModel',
      config: { vocab_size: vocabulary, max_position_embeddings: longest, bos_token_id: 0, pad_token_id: 1, eos_token_id: end, ...config },
      inputs: { ids: { shape: [2, longest], values: ids } },
    };
  };
  const heads = draw.one([1, 2, 4]);
  return [
    encoder('as Stable Diffusion 1: quick_gelu', { hidden_size: 8 * heads, intermediate_size: 24, num_hidden_layers: 2, num_attention_heads: heads, hidden_act: 'quick_gelu' }),
    encoder('as Stable Diffusion 2: gelu', { hidden_size: 16, intermediate_size: draw.between(10, 40), num_hidden_layers: draw.between(1, 3), num_attention_heads: 2, hidden_act: 'gelu' }),
  ];
}

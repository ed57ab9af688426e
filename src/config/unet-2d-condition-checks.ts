// What must fit together among the keys of a UNet2DConditionModel. Knows no network.
import type { z } from 'zod';
import { atLevel } from './at-level.js';

type Counts = readonly (number | readonly number[])[];

/** The keys that depend on each other. */
interface Keys {
  readonly down_block_types: readonly string[];
  readonly mid_block_type: string | null;
  readonly up_block_types: readonly string[];
  readonly block_out_channels: readonly number[];
  readonly only_cross_attention: boolean | readonly boolean[];
  readonly layers_per_block: number | readonly number[];
  readonly cross_attention_dim: number | readonly (number | null)[] | null;
  readonly attention_head_dim: number | readonly number[];
  readonly transformer_layers_per_block: number | Counts;
  readonly reverse_transformer_layers_per_block: Counts | null;
  readonly class_embed_type: string | null;
  readonly num_class_embeds: number | null;
  readonly class_embeddings_concat: boolean;
  readonly addition_embed_type: string | null;
  readonly addition_time_embed_dim: number | null;
  readonly projection_class_embeddings_input_dim: number | null;
  readonly time_embedding_type: string;
  readonly time_embedding_dim: number | null;
}

type Context = Pick<z.core.$RefinementCtx, 'addIssue'>;

const LISTS = [
  'only_cross_attention', 'layers_per_block', 'cross_attention_dim', 'attention_head_dim', 'transformer_layers_per_block', 'reverse_transformer_layers_per_block',
] as const;

/** Lists have one value per level, and lists within them one per residual block. */
export function refuseUnfitLists(config: Keys, context: Context): void {
  const levels = config.block_out_channels.length;
  for (const key of LISTS) {
    const value: unknown = config[key];
    if (Array.isArray(value) && value.length !== levels) refuse(config, context, key, `expected ${levels} values, as block_out_channels has ${levels} levels`);
  }
  const { transformer_layers_per_block: inwards, reverse_transformer_layers_per_block: outwards } = config;
  if (Array.isArray(inwards) && inwards.some(Array.isArray) && outwards === null) {
    refuse(config, context, 'reverse_transformer_layers_per_block', 'expected a list too, as transformer_layers_per_block has lists per residual block');
  }
  const blocksAt = (level: number): number => atLevel(config.layers_per_block, level);
  refuseShortCounts(config, context, 'transformer_layers_per_block', blocksAt);
  refuseShortCounts(config, context, 'reverse_transformer_layers_per_block', (block) => blocksAt(levels - 1 - block) + 1);
}

function refuseShortCounts(config: Keys, context: Context, key: 'transformer_layers_per_block' | 'reverse_transformer_layers_per_block', blocksAt: (index: number) => number): void {
  const value = config[key];
  if (!Array.isArray(value)) return;
  const short = (value as Counts).findIndex((counts, index) => Array.isArray(counts) && counts.length < blocksAt(index));
  if (short >= 0) refuse(config, context, key, `expected ${blocksAt(short)} numbers in list ${short + 1}, one per residual block`);
}

/** Every block that attends needs heads that its channels can be shared among. */
export function refuseUnfitHeads(config: Keys, context: Context): void {
  const last = config.block_out_channels.length - 1;
  const check = (type: string | null | undefined, level: number, index: number): string | null => {
    const channels = config.block_out_channels[level];
    const value = atLevel(config.attention_head_dim, index);
    if (type?.includes('CrossAttn') && value > channels) return `expected at most ${channels} heads where there are ${channels} channels`;
    if (type?.startsWith('Attn') && channels % value !== 0) return `expected a divisor of ${channels} channels for ${type}, where it is the channels of one head`;
    return null;
  };
  const messages = [
    ...config.down_block_types.map((type, level) => check(type, level, level)),
    check(config.mid_block_type, last, last),
    // The reference does not reverse the list for the channels of one head on the way out.
    ...config.up_block_types.map((type, block) => check(type, last - block, type.startsWith('Attn') ? block : last - block)),
  ];
  const message = messages.find((one) => one !== null);
  if (message !== undefined) refuse(config, context, 'attention_head_dim', message!);
}

/** What conditions the network must have the widths that its kind needs. */
export function refuseUnfitConditions(config: Keys, context: Context): void {
  const { cross_attention_dim: widths, class_embed_type: kind, addition_embed_type: addition } = config;
  if (Array.isArray(widths) && crossLevels(config).some((level) => (widths as (number | null)[])[level] === null)) {
    refuse(config, context, 'cross_attention_dim', 'expected a width wherever there is a CrossAttn block');
  }
  const needsWidth = kind?.endsWith('projection') ? `class_embed_type ${kind}` : addition !== null ? `addition_embed_type ${addition}` : null;
  if (needsWidth !== null && config.projection_class_embeddings_input_dim === null) {
    refuse(config, context, 'projection_class_embeddings_input_dim', `expected a width, as ${needsWidth} needs it`);
  }
  if (addition === 'text_time' && config.addition_time_embed_dim === null) {
    refuse(config, context, 'addition_time_embed_dim', 'expected a width, as addition_embed_type text_time needs it');
  }
  if (config.class_embeddings_concat && ((kind === null && config.num_class_embeds === null) || addition !== null)) {
    refuse(config, context, 'class_embeddings_concat', 'expected false: there must be a class embedding, and no addition embedding');
  }
  if (config.time_embedding_type === 'fourier' && (config.time_embedding_dim ?? 0) % 2 !== 0) {
    refuse(config, context, 'time_embedding_dim', 'expected an even width with time_embedding_type fourier');
  }
}

/** The levels that have cross-attention on either side, or in the middle. */
export function crossLevels(config: Pick<Keys, 'block_out_channels' | 'down_block_types' | 'mid_block_type' | 'up_block_types'>): number[] {
  const last = config.block_out_channels.length - 1;
  const isCross = (type: string | null | undefined): boolean => type?.includes('CrossAttn') ?? false;
  return config.block_out_channels.flatMap((_, level) =>
    isCross(config.down_block_types[level]) || isCross(config.up_block_types[last - level]) || (level === last && isCross(config.mid_block_type)) ? [level] : [],
  );
}

function refuse(config: Keys, context: Context, key: keyof Keys, message: string): void {
  context.addIssue({ code: 'custom', path: [key], message, input: config[key] });
}

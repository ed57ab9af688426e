// Checks that the schemas of both networks share: what must fit together among the keys of one network.
import type { z } from 'zod';

type ReadonlyValue<V> = V extends readonly (infer Item)[] ? readonly Item[] : V;

/** A flat configuration whose values and lists stay as they are. */
export type ReadonlyConfig<T> = { readonly [Key in keyof T]: ReadonlyValue<T[Key]> };

interface Blocks {
  readonly down_block_types: readonly string[];
  readonly up_block_types: readonly string[];
  readonly block_out_channels: readonly number[];
}

type Context = Pick<z.core.$RefinementCtx, 'addIssue'>;

/** Every level needs a channel count and a block on either side. */
export function refuseUnevenBlocks(config: Blocks, context: Context): void {
  const levels = config.block_out_channels.length;
  for (const key of ['down_block_types', 'up_block_types'] as const) {
    if (config[key].length === levels) continue;
    const message = `expected ${levels} blocks, as block_out_channels has ${levels} levels`;
    context.addIssue({ code: 'custom', path: [key], message, input: config[key] });
  }
}

/** A group normalisation needs groups of equal size at every level. */
export function refuseUnevenGroups<Key extends string>(
  config: Pick<Blocks, 'block_out_channels'> & Readonly<Record<Key, number | null>>,
  key: Key,
  context: Context,
): void {
  const divisor: number | null = config[key];
  const uneven = divisor === null ? undefined : config.block_out_channels.find((channels) => channels % divisor !== 0);
  if (uneven === undefined) return;
  const message = `expected a divisor of ${config.block_out_channels.join(', ')} channels; ${uneven} is not a multiple`;
  context.addIssue({ code: 'custom', path: [key], message, input: config[key] });
}

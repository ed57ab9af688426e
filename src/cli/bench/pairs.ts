// Two sides measured in turn, and what comes of it: a ratio with its spread. Knows no process.

/** Figures of both sides, pair by pair. Unit: whatever both have, less being better. */
export interface Pairs {
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

/** How a ratio scatters over the pairs. */
export interface Ratio {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Runs one after the other, so often, and in turn the one then the other first: what the machine does meanwhile hits both alike. */
export async function measurePairs(sides: { readonly ours: () => Promise<number>; readonly theirs: () => Promise<number> }, count: number): Promise<Pairs> {
  const pairs = { ours: [] as number[], theirs: [] as number[] };
  for (let pair = 0; pair < count; pair += 1) {
    for (const side of pair % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const)) pairs[side].push(await sides[side]());
  }
  return pairs;
}

/** How many times theirs takes as long as ours: above 1, we are faster. Of the ratios of the pairs, not of the medians. */
export function ratioOf({ ours, theirs }: Pairs): Ratio {
  const ratios = ours.map((own, pair) => theirs[pair] / own);
  return { median: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) };
}

/** @throws RangeError for no values */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median: got no values, expected at least one');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

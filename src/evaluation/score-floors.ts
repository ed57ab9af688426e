// What a distance between sets says by itself: little. These are the scores of real clips that a score is to be read beside.
import type { Random } from '../base/random.js';
import { quantile } from './quantiles.js';

/** Scores of several random draws. */
export interface Floor {
  readonly mean: number;
  /** The middle nine tenths of the draws. */
  readonly low: number;
  readonly high: number;
  /** Clips on either side. */
  readonly counts: readonly [number, number];
}

/** Compares two sets of positions. */
export type SetDistance = (a: readonly number[], b: readonly number[]) => number;

export interface FloorOptions {
  /** Positions of the real clips. */
  readonly real: readonly number[];
  readonly distance: SetDistance;
  readonly random: Random;
  /** Default 20. */
  readonly draws?: number;
}

/** Random halves of the real clips against each other: no score of other clips can be expected below. null for fewer than 4. */
export function splitHalfFloor({ real, distance, random, draws = 20 }: FloorOptions): Floor | null {
  const half = Math.floor(real.length / 2);
  if (half < 2) return null;
  return gather([half, real.length - half], draws, () => {
    const order = shuffled(real, random);
    return distance(order.slice(0, half), order.slice(half));
  });
}

/** Positions of real clips by label, and how many of each are drawn. */
export type LabelDraw = readonly { readonly own: readonly number[]; readonly count: number }[];

/** As many real clips of each label as were judged, but no more than half of those there are. */
export function planLabelDraw(real: readonly number[], labelOf: (position: number) => number, judged: readonly number[]): LabelDraw {
  const wanted = new Map<number, number>();
  for (const position of judged) wanted.set(labelOf(position), (wanted.get(labelOf(position)) ?? 0) + 1);
  return [...wanted].map(([label, count]) => {
    const own = real.filter((position) => labelOf(position) === label);
    return { own, count: Math.min(count, Math.floor(own.length / 2)) };
  });
}

/** The planned number of real clips of each label against all other real clips: what lifelike clips would score. null for fewer than 2. */
export function sameCountFloor({ real, distance, random, draws = 20, plan }: FloorOptions & { readonly plan: LabelDraw }): Floor | null {
  const count = plan.reduce((sum, one) => sum + one.count, 0);
  if (count < 2 || real.length - count < 2) return null;
  return gather([count, real.length - count], draws, () => {
    const drawn = new Set(plan.flatMap((one) => shuffled(one.own, random).slice(0, one.count)));
    return distance([...drawn], real.filter((position) => !drawn.has(position)));
  });
}

function gather(counts: readonly [number, number], draws: number, draw: () => number): Floor {
  const scores = Array.from({ length: draws }, draw);
  return { mean: scores.reduce((sum, score) => sum + score, 0) / draws, low: quantile(scores, 0.05), high: quantile(scores, 0.95), counts };
}

function shuffled(positions: readonly number[], random: Random): number[] {
  return Array.from(random.permutation(positions.length), (index) => positions[index]);
}

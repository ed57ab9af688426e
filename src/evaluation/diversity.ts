// How different the clips of one set are from each other. Knows no sound.
import { quantile } from './quantiles.js';
import { eigenSymmetric } from './symmetric-eigen.js';

/** Clips above this number are left out of the eigenvalues, whose cost grows with its cube. */
export const MOST_FOR_VENDI = 400;

/** A square table of all clips, of which the functions here look at some. */
export interface PairTable {
  readonly count: number;
  /** Shape: [count*count]. */
  readonly values: Float64Array;
}

/**
 * The effective number of different clips: the exponential of the entropy of the kernel's eigenvalues over n. 1 for one clip
 * repeated, n for n clips that have nothing in common.
 *
 * Source: Friedman and Dieng, "The Vendi score" (2023).
 */
export function vendiScore({ count, values }: PairTable, positions: readonly number[]): number {
  const kept = positions.slice(0, MOST_FOR_VENDI);
  const size = kept.length;
  if (size === 0) return 0;
  const shares = Float64Array.from({ length: size * size }, (_, cell) => values[kept[Math.floor(cell / size)] * count + kept[cell % size]] / size);
  const entropy = eigenSymmetric(shares, size).values.reduce((sum, value) => sum - (value > 1e-12 ? value * Math.log(value) : 0), 0);
  return Math.exp(entropy);
}

/** Distance of each clip to the nearest other one of the set; nothing for a set of one. */
export function nearestOthers({ count, values }: PairTable, positions: readonly number[]): number[] {
  if (positions.length < 2) return [];
  return positions.map((row) => positions.reduce((least, column) => (column === row ? least : Math.min(least, values[row * count + column])), Infinity));
}

/** Mean distance over all pairs of different clips; NaN for fewer than two. */
export function meanPairDistance({ count, values }: PairTable, positions: readonly number[]): number {
  let sum = 0;
  for (const row of positions) for (const column of positions) sum += column === row ? 0 : values[row * count + column];
  return sum / (positions.length * (positions.length - 1));
}

/** Share of clips whose nearest other clip is nearer than it is for all but 1 % of the real ones. */
export function repeatedShare(nearest: readonly number[], realNearest: readonly number[]): number {
  const threshold = quantile(realNearest, 0.01);
  return nearest.filter((distance) => distance < threshold || distance === 0).length / Math.max(1, nearest.length);
}

// The statistics of listening tests: exact where chance can be counted. Pure, and shared with the page, which runs in a browser.
import { createRandom } from '../../base/random.js';

/** Chance of at least `correct` hits in `count` independent tries of probability ½. One-sided; 1 for no tries. */
export function binomialTail(correct: number, count: number): number {
  return correct <= 0 ? 1 : incompleteBeta(0.5, { a: correct, b: count - correct + 1 });
}

/** Two-sided exact sign test: how surprising a split of `wins` to `losses` is when both are equally likely. */
export function signTest(wins: number, losses: number): number {
  return Math.min(1, 2 * binomialTail(Math.max(wins, losses), wins + losses));
}

/** Exact interval of a share. Source: Clopper and Pearson (1934). `level` in (0, 1), default 0.95. */
export function shareInterval(hits: number, count: number, level = 0.95): [number, number] {
  const tail = (1 - level) / 2;
  const low = hits === 0 ? 0 : invert((share) => incompleteBeta(share, { a: hits, b: count - hits + 1 }), { wanted: tail, from: 0, to: 1 });
  const high = hits === count ? 1 : invert((share) => incompleteBeta(share, { a: hits + 1, b: count - hits }), { wanted: 1 - tail, from: 0, to: 1 });
  return [low, high];
}

/** Mean and its interval by Student's t over independent values; NaN ends for fewer than two. */
export function meanInterval(values: readonly number[], level = 0.95): { readonly mean: number; readonly low: number; readonly high: number } {
  const mean = average(values);
  if (values.length < 2) return { mean, low: Number.NaN, high: Number.NaN };
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
  const half = (tQuantile((1 + level) / 2, values.length - 1) * deviation) / Math.sqrt(values.length);
  return { mean, low: mean - half, high: mean + half };
}

/** The value that Student's t with `freedom` degrees stays below with `probability`, in [0.5, 1). */
export function tQuantile(probability: number, freedom: number): number {
  const below = (t: number): number => 1 - incompleteBeta(freedom / (freedom + t * t), { a: freedom / 2, b: 0.5 }) / 2;
  let top = 1;
  while (below(top) < probability) top *= 2;
  return invert(below, { wanted: probability, from: 0, to: top });
}

const MOST_ENUMERATED = 16;
const DRAWS = 20_000;

/**
 * Two-sided test of randomisation on paired differences: how often a mean at least as far from 0 comes out when each sign is tossed.
 * All signs are tried up to 16 pairs; beyond that 20 000 drawn by a seed.
 *
 * Source: ITU-R BS.1534-3, 9.1 and attachment 3; for the drawn ones Phipson and Smyth (2010), so that p is never 0.
 */
export function signFlipTest(differences: readonly number[]): number {
  const count = differences.length;
  if (count === 0) return 1;
  const total = Math.abs(sum(differences));
  const isAsFar = (flipped: number): boolean => Math.abs(flipped) >= total * (1 - 1e-12) - 1e-12;
  if (count <= MOST_ENUMERATED) {
    let hits = 0;
    for (let signs = 0; signs < 2 ** count; signs += 1) {
      if (isAsFar(differences.reduce((at, value, index) => at + ((signs >> index) & 1 ? -value : value), 0))) hits += 1;
    }
    return hits / 2 ** count;
  }
  const random = createRandom(0, 'sign flips', count);
  let hits = 0;
  for (let draw = 0; draw < DRAWS; draw += 1) {
    if (isAsFar(differences.reduce((at, value) => at + (random.uint32() & 1 ? -value : value), 0))) hits += 1;
  }
  return (hits + 1) / (DRAWS + 1);
}

/** p-values raised so that among all of them none is a false alarm more often than the level says. Source: Holm (1979). */
export function holm(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => values[a] - values[b]);
  const adjusted = values.map(() => 1);
  let highest = 0;
  order.forEach((index, rank) => {
    highest = Math.max(highest, Math.min(1, (values.length - rank) * values[index]));
    adjusted[index] = highest;
  });
  return adjusted;
}

export interface Quartiles {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** Median and quartiles; the middle value of an odd count belongs to both halves. NaN for no values. Source: ITU-R BS.1534-3, 4.1.2. */
export function quartiles(values: readonly number[]): Quartiles {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.ceil(sorted.length / 2);
  return { low: middle(sorted.slice(0, half)), median: middle(sorted), high: middle(sorted.slice(sorted.length - half)) };
}

export function average(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function middle(sorted: readonly number[]): number {
  return sorted.length === 0 ? Number.NaN : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** Where a rising function reaches a value, by halving. */
function invert(rising: (x: number) => number, { wanted, from, to }: { readonly wanted: number; readonly from: number; readonly to: number }): number {
  let [low, high] = [from, to];
  for (let round = 0; round < 100 && high - low > 1e-15 * Math.max(1, high); round += 1) {
    const half = (low + high) / 2;
    if (rising(half) < wanted) low = half;
    else high = half;
  }
  return (low + high) / 2;
}

/** Regularised incomplete beta function I_x(a, b), by its continued fraction (Lentz). Source: DLMF 8.17.22. */
function incompleteBeta(x: number, { a, b }: { readonly a: number; readonly b: number }): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, { a: b, b: a });
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  const tiny = 1e-300;
  let numerator = 1;
  let denominator = 1 / nonZero(1 - ((a + b) * x) / (a + 1), tiny);
  let fraction = denominator;
  for (let m = 1; m <= 10_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    denominator = 1 / nonZero(1 + even * denominator, tiny);
    numerator = nonZero(1 + even / numerator, tiny);
    fraction *= denominator * numerator;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    denominator = 1 / nonZero(1 + odd * denominator, tiny);
    numerator = nonZero(1 + odd / numerator, tiny);
    const step = denominator * numerator;
    fraction *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return front * fraction;
}

function nonZero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}

/** Logarithm of the gamma function for x > 0: Stirling's series, reached by the recurrence. Source: DLMF 5.11.1. */
function logGamma(x: number): number {
  let shift = 0;
  let at = x;
  for (; at < 12; at += 1) shift -= Math.log(at);
  const inverse = 1 / (at * at);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / at;
  return shift + (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series;
}

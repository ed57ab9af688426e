// The kernel audio distance of two sets of vectors: unbiased MMD² under a Gaussian kernel, with a bootstrap interval. Knows no sound.
import { MelstromError } from '../base/errors.js';
import type { Random } from '../base/random.js';

/** What the distance is multiplied by, as its authors do, so that usual values are not all zeros after the point. */
export const KERNEL_DISTANCE_SCALE = 100;

/** Kernel values between all vectors of several sets at once, from which any two subsets are compared. */
export interface KernelMatrix {
  /** σ of exp(-‖x - y‖² / 2σ²). */
  readonly bandwidth: number;
  readonly count: number;
  /** Shape: [count*count]. */
  readonly values: Float64Array;
}

/** How often each vector counts; 0 leaves it out. Shape: [count]. */
export type Weights = ArrayLike<number>;

/** Euclidean distances between all pairs. Shape: [n*n]. */
export function pairDistances(vectors: readonly Float64Array[]): Float64Array {
  const count = vectors.length;
  const distances = new Float64Array(count * count);
  for (let row = 0; row < count; row += 1) {
    for (let column = 0; column < row; column += 1) {
      const distance = Math.sqrt(squaredDistance(vectors[row], vectors[column]));
      distances[row * count + column] = distance;
      distances[column * count + row] = distance;
    }
  }
  return distances;
}

export function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += (a[index] - b[index]) ** 2;
  return sum;
}

/**
 * The median distance between different vectors of a set: the usual bandwidth. Where more than half of the pairs are equal, the
 * mean, so that the kernel still has a width; 1 where all are equal.
 */
export function medianDistance(vectors: readonly Float64Array[]): number {
  const all: number[] = [];
  for (let row = 0; row < vectors.length; row += 1) for (let column = 0; column < row; column += 1) all.push(Math.sqrt(squaredDistance(vectors[row], vectors[column])));
  const sorted = Float64Array.from(all).sort();
  const median = sorted.length === 0 ? 0 : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
  if (median > 0) return median;
  const mean = sorted.reduce((sum, distance) => sum + distance, 0) / Math.max(1, sorted.length);
  return mean > 0 ? mean : 1;
}

/** Kernel values of all pairs. Shape: distances [n*n] as pairDistances gives them. */
export function kernelMatrix(distances: Float64Array, bandwidth: number): KernelMatrix {
  const factor = -1 / (2 * bandwidth * bandwidth);
  return { bandwidth, count: Math.round(Math.sqrt(distances.length)), values: distances.map((distance) => Math.exp(distance * distance * factor)) };
}

/**
 * 100 · unbiased MMD² of two weighted subsets: mean kernel within each, pairs of a vector with itself left out, less twice the mean
 * between them. About 0, and as often below as above, when both come from one distribution; a distance below 0 says only that.
 *
 * Source: Gretton et al., "A kernel two-sample test" (2012), equation 3; Chung et al., "KAD: No more FAD!" (2025).
 * @throws MelstromError of kind 'data' when a set has fewer than two different members
 */
export function kernelDistance({ values, count }: KernelMatrix, a: Weights, b: Weights): number {
  const [insideA, insideB, between] = [new Sum(), new Sum(), new Sum()];
  for (let row = 0; row < count; row += 1) {
    const [rowA, rowB] = [a[row], b[row]];
    if (rowA === 0 && rowB === 0) continue;
    let [sumA, sumB, weightA, weightB] = [0, 0, 0, 0];
    for (let column = 0; column < count; column += 1) {
      const value = values[row * count + column];
      if (column !== row) {
        sumA += a[column] * value;
        weightA += a[column];
      }
      sumB += b[column] * value;
      weightB += b[column];
    }
    if (rowA !== 0) {
      insideA.add(rowA * sumA, rowA * weightA);
      between.add(rowA * sumB, rowA * weightB);
    }
    if (rowB !== 0) insideB.add(rowB * (sumB - b[row] * values[row * count + row]), rowB * (weightB - b[row]));
  }
  return KERNEL_DISTANCE_SCALE * (insideA.mean() + insideB.mean() - 2 * between.mean());
}

class Sum {
  private sum = 0;
  private weight = 0;

  add(sum: number, weight: number): void {
    this.sum += sum;
    this.weight += weight;
  }

  mean(): number {
    if (this.weight > 0) return this.sum / this.weight;
    throw new MelstromError({ kind: 'data', where: 'kernel audio distance', got: 'fewer than 2 clips', expected: 'at least 2 in each set' });
  }
}

export interface BootstrapOptions {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly random: Random;
  /** Clips are drawn anew label by label, since how many there are of each is no accident. Default: all of one label. */
  readonly labelOf?: (position: number) => number;
  /** Default 500. */
  readonly draws?: number;
  /** Share of the draws inside the interval, default 0.95. */
  readonly share?: number;
}

/**
 * A percentile interval: both sets are drawn anew with replacement, each draw given as how often a vector counts. A pair of a
 * vector with its own copy is left out as before, since it would pull the distance up by about 1/n.
 */
export function bootstrapInterval(kernel: KernelMatrix, { a, b, random, labelOf = () => 0, draws = 500, share = 0.95 }: BootstrapOptions): readonly [number, number] {
  const [strataA, strataB] = [a, b].map((positions) => strataOf(positions, labelOf));
  const found: number[] = [];
  while (found.length < draws) {
    const [weightsA, weightsB] = [drawWeights(strataA, kernel.count, random), drawWeights(strataB, kernel.count, random)];
    if (isOneAlone(weightsA) || isOneAlone(weightsB)) continue; // of two or three clips, one may be drawn every time
    found.push(kernelDistance(kernel, weightsA, weightsB));
  }
  found.sort((x, y) => x - y);
  const at = (position: number): number => found[Math.round(position * (found.length - 1))];
  return [at((1 - share) / 2), at((1 + share) / 2)];
}

/** Weights of 1 at some positions. */
export function weightsAt(positions: readonly number[], count: number): Float64Array {
  const weights = new Float64Array(count);
  for (const position of positions) weights[position] = 1;
  return weights;
}

function strataOf(positions: readonly number[], labelOf: (position: number) => number): number[][] {
  const strata = new Map<number, number[]>();
  for (const position of positions) strata.set(labelOf(position), [...(strata.get(labelOf(position)) ?? []), position]);
  return [...strata.values()];
}

function drawWeights(strata: readonly (readonly number[])[], count: number, random: Random): Float64Array {
  const weights = new Float64Array(count);
  for (const stratum of strata) for (let draw = 0; draw < stratum.length; draw += 1) weights[stratum[random.integer(stratum.length)]] += 1;
  return weights;
}

function isOneAlone(weights: Float64Array): boolean {
  return weights.filter((weight) => weight > 0).length < 2;
}

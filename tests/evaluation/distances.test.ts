// Fréchet and kernel distances against numpy and scipy, and what must hold for any sets.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { frechetDistance, momentsOf } from '../../src/evaluation/frechet-distance.js';
import { bootstrapInterval, kernelDistance, kernelMatrix, medianDistance, pairDistances, weightsAt } from '../../src/evaluation/kernel-distance.js';
import { eigenSymmetric } from '../../src/evaluation/symmetric-eigen.js';
import { expectClose, type Tolerance } from '../support/close.js';
import { readDistances } from './fixtures/distances.js';

function draw(count: number, size: number, { seed = 1, shift = 0 } = {}): Float64Array[] {
  const random = createRandom(seed, 'distances', count, size);
  return Array.from({ length: count }, () => Float64Array.from({ length: size }, () => shift + random.normal()));
}

const positions = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);

function distanceOf(a: readonly Float64Array[], b: readonly Float64Array[], bandwidth = medianDistance(b)): number {
  const kernel = kernelMatrix(pairDistances([...a, ...b]), bandwidth);
  return kernelDistance(kernel, weightsAt(positions(0, a.length), kernel.count), weightsAt(positions(a.length, b.length), kernel.count));
}

/** The reference takes singular values and is exact to rounding whatever the rank; ours are roots of eigenvalues. */
function rounding(a: readonly Float64Array[], b: readonly Float64Array[]): Tolerance {
  const trace = (rows: readonly Float64Array[]): number => momentsOf(rows).covariance.reduce((sum, value, cell) => sum + (cell % (rows[0].length + 1) === 0 ? value : 0), 0);
  return { absolute: 1e-7 * (trace(a) + trace(b)), reason: 'the root of a rounding error of 1e-16' };
}

describe.each(readDistances())('distances of $name', ({ a, b, frechet, frechetBySqrtm, bandwidth, kernelDistance: wanted }) => {
  it('agree with numpy and scipy', () => {
    expectClose(frechetDistance(momentsOf(a), momentsOf(b)), frechet, rounding(a, b));
    if (frechetBySqrtm !== null) expectClose(frechetDistance(momentsOf(a), momentsOf(b)), frechetBySqrtm, rounding(a, b));
    expectClose(medianDistance(b), bandwidth, { relative: 1e-12 });
    expectClose(distanceOf(a, b), wanted, { absolute: 1e-9 });
  });

  it('are the same from either side, and 0 to a set itself by Fréchet', () => {
    expectClose(frechetDistance(momentsOf(b), momentsOf(a)), frechetDistance(momentsOf(a), momentsOf(b)), rounding(a, b));
    expect(frechetDistance(momentsOf(a), momentsOf(a))).toBeGreaterThanOrEqual(0);
    expectClose(frechetDistance(momentsOf(a), momentsOf(a)), 0, rounding(a, a));
  });
});

describe('Fréchet distance', () => {
  it('is the squared shift of sets that differ by nothing else, and 0 for one sound over and over', () => {
    const a = draw(50, 5);
    expectClose(frechetDistance(momentsOf(a), momentsOf(a.map((row) => row.map((value) => value + 2)))), 5 * 4, { absolute: 1e-9 });
    const silence = Array.from({ length: 4 }, () => new Float64Array(5));
    expect(frechetDistance(momentsOf(silence), momentsOf(silence))).toBe(0);
  });

  it('is neither negative nor complex for degenerate sets', () => {
    for (const count of [2, 3, 5]) {
      const [a, b] = [draw(count, 30), draw(count, 30, { seed: 2 }).map((row) => row.map((value, index) => (index < 20 ? 0 : value)))];
      expect(frechetDistance(momentsOf(a), momentsOf(b))).toBeGreaterThan(0);
    }
    expect(() => momentsOf([new Float64Array(3)])).toThrow(/got 1 clips, expected at least 2/);
  });
});

describe('kernel audio distance', () => {
  it('is unbiased: sets of one distribution score below 0 as often as above', () => {
    const scores = Array.from({ length: 60 }, (_, seed) => distanceOf(draw(12, 4, { seed: 2 * seed }), draw(15, 4, { seed: 2 * seed + 1 }), 2));
    const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
    const spread = Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / scores.length);
    expect(Math.abs(mean)).toBeLessThan((3 * spread) / Math.sqrt(scores.length));
    expect(scores.filter((score) => score < 0).length).toBeGreaterThan(15);
  });

  it('counts weights as so many copies, but no pair of a vector with itself', () => {
    const [a, b] = [draw(3, 4), draw(6, 4, { seed: 9 })];
    const kernel = kernelMatrix(pairDistances([...a, ...b]), 2);
    const k = (row: number, column: number): number => kernel.values[row * kernel.count + column];
    const all = positions(3, 6);
    const within = all.flatMap((i) => all.filter((j) => j !== i).map((j) => k(i, j))).reduce((sum, value) => sum + value, 0) / 30;
    const between = (all.reduce((sum, j) => sum + 2 * k(0, j) + k(1, j), 0)) / 18;
    expectClose(kernelDistance(kernel, [2, 1, 0, 0, 0, 0, 0, 0, 0], weightsAt(all, 9)), 100 * (k(0, 1) + within - 2 * between), { absolute: 1e-9 });
  });

  it('has an interval around it that is the same for the same seed and narrows with more clips', () => {
    const interval = (count: number): readonly [number, number] => {
      const [a, b] = [draw(count, 4, { shift: 0.5 }), draw(count, 4, { seed: 3 })];
      const options = () => ({ a: positions(0, count), b: positions(count, count), random: createRandom(1, 'bootstrap'), draws: 200 });
      const kernel = kernelMatrix(pairDistances([...a, ...b]), medianDistance(b));
      const [low, high] = bootstrapInterval(kernel, options());
      expect([low, high]).toEqual(bootstrapInterval(kernel, options()));
      const score = kernelDistance(kernel, weightsAt(options().a, 2 * count), weightsAt(options().b, 2 * count));
      expect([low < score, score < high]).toEqual([true, true]);
      return [low, high];
    };
    const [few, many] = [interval(10), interval(80)];
    expect(many[1] - many[0]).toBeLessThan(0.6 * (few[1] - few[0]));
  });

  it('draws label by label, so that how many there are of each adds nothing to the interval', () => {
    // Two labels far apart: without strata every draw has another share of each.
    const set = (seed: number): Float64Array[] => [...draw(20, 2, { seed }), ...draw(20, 2, { seed: seed + 1, shift: 9 })];
    const kernel = kernelMatrix(pairDistances([...set(1), ...set(5)]), 3);
    const width = (labelOf?: (position: number) => number): number => {
      const [low, high] = bootstrapInterval(kernel, { a: positions(0, 40), b: positions(40, 40), random: createRandom(1), draws: 100, labelOf });
      return high - low;
    };
    expect(width((position) => Math.floor(position / 20) % 2)).toBeLessThan(0.6 * width());
  });

  it('covers the true distance about as often as it says', () => {
    // Two normal distributions in one dimension, σ = 1 apart by 1, bandwidth 1: E k is (1 + 2)^-½ · exp(-d² / 6).
    const truth = (200 / Math.sqrt(3)) * (1 - Math.exp(-1 / 6));
    const hits = positions(0, 60).filter((seed) => {
      const [a, b] = [draw(30, 1, { seed: 100 + 2 * seed, shift: 1 }), draw(30, 1, { seed: 101 + 2 * seed })];
      const [low, high] = bootstrapInterval(kernelMatrix(pairDistances([...a, ...b]), 1), { a: positions(0, 30), b: positions(30, 30), random: createRandom(seed), draws: 150, share: 0.9 });
      return low <= truth && truth <= high;
    });
    expect(hits.length).toBeGreaterThan(47); // 54 expected of 60; below 48 is 2.6 deviations
  });

  it('holds its own value, and 0 where both sets come from one distribution, whatever their sizes', () => {
    for (const [own, real] of [[5, 5], [10, 10], [8, 60]]) {
      const found = positions(0, 40).map((seed) => {
        const [a, b] = [draw(own, 4, { seed: 300 + 2 * seed }), draw(real, 4, { seed: 301 + 2 * seed })];
        const kernel = kernelMatrix(pairDistances([...a, ...b]), 3);
        const sets = { a: positions(0, own), b: positions(own, real) };
        const [low, high] = bootstrapInterval(kernel, { ...sets, random: createRandom(seed), draws: 150 });
        const score = kernelDistance(kernel, weightsAt(sets.a, own + real), weightsAt(sets.b, own + real));
        return { holdsItself: low <= score && score <= high, holdsNothing: low <= 0 && 0 <= high };
      });
      expect(found.filter(({ holdsItself }) => holdsItself)).toHaveLength(40);
      expect(found.filter(({ holdsNothing }) => holdsNothing).length).toBeGreaterThan(34); // 38 expected of 40; below 35 is 2.2 deviations
    }
  });

  it('needs two different clips on either side, and has a bandwidth for equal ones', () => {
    const b = draw(4, 2);
    expect(() => distanceOf([b[0]], b)).toThrow(/fewer than 2 clips/);
    expect(medianDistance([b[0], b[0], b[0]])).toBe(1);
    expect(medianDistance([b[0], b[0], b[0], b[1]])).toBeGreaterThan(0);
  });
});

describe('eigenSymmetric', () => {
  it.each([1, 2, 3, 8, 40])('rebuilds a matrix of %i rows from orthogonal vectors', (size) => {
    const root = draw(size, size);
    const matrix = Float64Array.from({ length: size * size }, (_, cell) => root[Math.floor(cell / size)][cell % size] + root[cell % size][Math.floor(cell / size)]);
    const { values, vectors } = eigenSymmetric(matrix, size);
    const row = (index: number): Float64Array => vectors.subarray(index * size, (index + 1) * size);
    const dot = (i: number, j: number): number => row(i).reduce((sum, value, index) => sum + value * row(j)[index], 0);
    const rebuilt = Float64Array.from(matrix, (_, cell) => positions(0, size).reduce((sum, k) => sum + values[k] * row(k)[Math.floor(cell / size)] * row(k)[cell % size], 0));
    expectClose(rebuilt, matrix, { absolute: 1e-13 * size });
    expectClose(positions(0, size * size).map((cell) => dot(Math.floor(cell / size), cell % size)), positions(0, size * size).map((cell) => (Math.floor(cell / size) === cell % size ? 1 : 0)), { absolute: 1e-13 * size });
    expect([...values]).toEqual([...values].sort((a, b) => b - a));
  });

  it('takes equal eigenvalues, zeros and a matrix that is diagonal already', () => {
    expectClose(eigenSymmetric(Float64Array.of(2, 0, 0, 0, 0, 0, 0, 0, 2), 3).values, [2, 2, 0]);
    expectClose(eigenSymmetric(new Float64Array(16).fill(1), 4).values, [4, 0, 0, 0], { absolute: 1e-14 });
    expectClose(eigenSymmetric(new Float64Array(9), 3).values, [0, 0, 0]);
    expect(() => eigenSymmetric(Float64Array.of(1, NaN, NaN, 1), 2)).toThrow(/NaN at \[0, 1\]/);
  });
});

// The Fréchet distance of two sets of vectors, each taken as a normal distribution. Knows no sound.
import { MelstromError } from '../base/errors.js';
import { eigenSymmetric } from './symmetric-eigen.js';

export interface Moments {
  readonly mean: Float64Array;
  /** Unbiased: divided by n - 1. Shape: [d*d]. */
  readonly covariance: Float64Array;
}

/** Mean and covariance of vectors. @throws MelstromError of kind 'data' for fewer than two */
export function momentsOf(vectors: readonly Float64Array[]): Moments {
  if (vectors.length < 2) throw new MelstromError({ kind: 'data', where: 'Fréchet distance', got: `${vectors.length} clips`, expected: 'at least 2 in each set' });
  const size = vectors[0].length;
  const mean = new Float64Array(size);
  for (const vector of vectors) for (let index = 0; index < size; index += 1) mean[index] += vector[index] / vectors.length;
  const covariance = new Float64Array(size * size);
  for (const vector of vectors) {
    const centred = vector.map((value, index) => value - mean[index]);
    for (let row = 0; row < size; row += 1) {
      const factor = centred[row] / (vectors.length - 1);
      if (factor === 0) continue;
      for (let column = 0; column <= row; column += 1) covariance[row * size + column] += factor * centred[column];
    }
  }
  for (let row = 0; row < size; row += 1) for (let column = 0; column < row; column += 1) covariance[column * size + row] = covariance[row * size + column];
  return { mean, covariance };
}

/**
 * ‖μ₁ - μ₂‖² + tr Σ₁ + tr Σ₂ - 2·tr (Σ₁Σ₂)^½. The last trace is the sum of the roots of the eigenvalues of LᵀΣ₂L, where
 * Σ₁ = LLᵀ comes from an eigendecomposition: a symmetric matrix, so that nothing complex can arise. Eigenvalues within
 * rounding of 0 count as 0, so that fewer clips than dimensions are no trouble. Never negative. Roots double the share of digits
 * that rounding takes: exact within about 1e-7 of tr Σ₁ + tr Σ₂, and so much is left of equal sets at most.
 *
 * Unit: the squared unit of the vectors. Biased upwards for few clips, by about (tr Σ₁/n₁ + tr Σ₂/n₂) and more: compare only
 * with what the same number of real clips reaches.
 * Source: Dowson and Landau, "The Fréchet distance between multivariate normal distributions" (1982).
 */
export function frechetDistance(a: Moments, b: Moments): number {
  const size = a.mean.length;
  const between = a.mean.reduce((sum, value, index) => sum + (value - b.mean[index]) ** 2, 0);
  const traces = trace(a.covariance, size) + trace(b.covariance, size);
  return between + Math.max(0, traces - 2 * traceOfRoot(a.covariance, b.covariance, size));
}

function traceOfRoot(first: Float64Array, second: Float64Array, size: number): number {
  const { values, vectors } = eigenSymmetric(first, size);
  const roots = rootsOf(values);
  const rank = roots.length;
  const scaled = new Float64Array(rank * size); // rows of Lᵀ
  for (let row = 0; row < rank; row += 1) for (let column = 0; column < size; column += 1) scaled[row * size + column] = roots[row] * vectors[row * size + column];
  const half = multiply(scaled, second, { rows: rank, inner: size, columns: size });
  const product = new Float64Array(rank * rank);
  for (let row = 0; row < rank; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      let sum = 0;
      for (let index = 0; index < size; index += 1) sum += half[row * size + index] * scaled[column * size + index];
      product[row * rank + column] = sum;
      product[column * rank + row] = sum;
    }
  }
  return rootsOf(eigenSymmetric(product, rank).values).reduce((sum, root) => sum + root, 0);
}

/** Square roots of falling eigenvalues, up to the first that is 0 within rounding. */
function rootsOf(values: Float64Array): number[] {
  const least = values.length * Number.EPSILON * Math.max(0, values[0] ?? 0);
  return Array.from(values).filter((value) => value > least).map(Math.sqrt);
}

function multiply(a: Float64Array, b: Float64Array, { rows, inner, columns }: { readonly rows: number; readonly inner: number; readonly columns: number }): Float64Array {
  const product = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let index = 0; index < inner; index += 1) {
      const factor = a[row * inner + index];
      for (let column = 0; column < columns; column += 1) product[row * columns + column] += factor * b[index * columns + column];
    }
  }
  return product;
}

function trace(matrix: Float64Array, size: number): number {
  let sum = 0;
  for (let index = 0; index < size; index += 1) sum += matrix[index * size + index];
  return sum;
}

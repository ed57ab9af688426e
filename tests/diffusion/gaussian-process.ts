// A Gaussian process along columns, x[k+1] = memory · x[k] + noise, whose ideal denoiser on a window is one matrix.
import * as tf from '@tensorflow/tfjs';
import type { Denoiser } from '../../src/diffusion/index.js';

export interface Ar1 {
  /** Correlation of neighbours. */
  readonly memory: number;
  readonly deviation: number;
}

/** Expected clean window for noisy = clean + sigma · noise: C (C + sigma² I)⁻¹ noisy, each row and channel for itself. */
export function ar1Denoiser({ memory, deviation }: Ar1, width: number): Denoiser<unknown> {
  const known = new Map<number, Float32Array>();
  const matrixAt = (sigma: number): Float32Array => {
    const kept = known.get(sigma);
    if (kept !== undefined) return kept;
    const covariance = Array.from({ length: width }, (_, i) => Array.from({ length: width }, (_column, j) => deviation ** 2 * memory ** Math.abs(i - j)));
    const noisy = covariance.map((row, i) => row.map((value, j) => value + (i === j ? sigma ** 2 : 0)));
    const matrix = Float32Array.from(solve(noisy, covariance).flat());
    known.set(sigma, matrix);
    return matrix;
  };
  return (noisy, sigma) =>
    tf.tidy(() => {
      const [items, height, columns, channels] = noisy.shape;
      const flat = tf.transpose(noisy, [0, 1, 3, 2]).reshape([-1, columns]);
      const clean = tf.matMul(flat, tf.tensor2d(matrixAt(sigma), [width, width])); // the matrix is symmetric
      return tf.transpose(clean.reshape([items, height, channels, columns]), [0, 1, 3, 2]) as tf.Tensor4D;
    });
}

/** Expected clean row of as many columns, where each column was seen under its own noise: C (C + diag(sigma²))⁻¹ row. A sigma of 0 is a column that is known. */
export function ar1Given({ memory, deviation }: Ar1, row: readonly number[], sigmas: readonly number[]): number[] {
  const covariance = row.map((_, i) => row.map((_column, j) => deviation ** 2 * memory ** Math.abs(i - j)));
  const noisy = covariance.map((line, i) => line.map((value, j) => value + (i === j ? sigmas[i] ** 2 : 0)));
  const weights = solve(noisy, row.map((value) => [value]));
  return covariance.map((line) => line.reduce((sum, value, j) => sum + value * weights[j][0], 0));
}

/** Variance of each column over all rows, and mean squared step from each column to the next, round the end. */
export function columnStatistics(values: Float32Array, length: number): { readonly variances: number[]; readonly steps: number[] } {
  const rows = values.length / length;
  const variances = Array.from({ length }, () => 0);
  const steps = Array.from({ length }, () => 0);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < length; column += 1) {
      const value = values[row * length + column];
      variances[column] += value ** 2 / rows;
      steps[column] += (values[row * length + ((column + 1) % length)] - value) ** 2 / rows;
    }
  }
  return { variances, steps };
}

/** X of A X = B by elimination with pivots, in float64. */
function solve(a: readonly number[][], b: readonly number[][]): number[][] {
  const rows = a.map((row, index) => [...row, ...b[index]]);
  const size = a.length;
  for (let pivot = 0; pivot < size; pivot += 1) {
    const best = rows.reduce((top, row, index) => (index >= pivot && Math.abs(row[pivot]) > Math.abs(rows[top][pivot]) ? index : top), pivot);
    [rows[pivot], rows[best]] = [rows[best], rows[pivot]];
    const head = rows[pivot].map((value) => value / rows[pivot][pivot]);
    rows[pivot] = head;
    rows.forEach((row, index) => {
      if (index !== pivot && row[pivot] !== 0) rows[index] = row.map((value, column) => value - row[pivot] * head[column]);
    });
  }
  return rows.map((row) => row.slice(size));
}

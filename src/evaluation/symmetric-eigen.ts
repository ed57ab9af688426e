// Eigenvalues and eigenvectors of real symmetric matrices. Knows no statistics.
import { MelstromError } from '../base/errors.js';

export interface SymmetricEigen {
  /** Falling. Shape: [n]. */
  readonly values: Float64Array;
  /** Row k is the unit eigenvector of values[k]. Shape: [n*n]. */
  readonly vectors: Float64Array;
}

const MOST_SWEEPS = 60;

/**
 * Decomposes a symmetric matrix, of which the lower triangle is read: Householder reflections to tridiagonal form, then
 * implicitly shifted QL. Eigenvalues are off by a few ε·‖A‖ at most, vectors orthogonal to the same.
 *
 * Shape: matrix [n*n], row after row.
 * Source: Golub and Van Loan, Matrix Computations, 8.3; EISPACK's tred2 and tql2 do the same.
 * @throws MelstromError of kind 'numeric' when the matrix holds what is not finite
 */
export function eigenSymmetric(matrix: Float64Array, size: number): SymmetricEigen {
  const bad = matrix.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new MelstromError({ kind: 'numeric', where: 'eigenSymmetric', got: `${matrix[bad]} at [${Math.floor(bad / size)}, ${bad % size}]`, expected: 'finite values' });
  const { diagonal, offDiagonal, rows } = tridiagonalise(matrix, size);
  for (let first = 0; first < size; first += 1) deflate(first, { diagonal, offDiagonal, rows, size });
  const order = Array.from(diagonal.keys()).sort((a, b) => diagonal[b] - diagonal[a]);
  const vectors = new Float64Array(size * size);
  order.forEach((from, to) => vectors.set(rows.subarray(from * size, (from + 1) * size), to * size));
  return { values: Float64Array.from(order, (index) => diagonal[index]), vectors };
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** offDiagonal[i] couples i and i + 1; the last is 0. */
  readonly offDiagonal: Float64Array;
  /** Rows of Qᵀ, where A = Q·T·Qᵀ. Shape: [n*n]. */
  readonly rows: Float64Array;
}

function tridiagonalise(matrix: Float64Array, size: number): Tridiagonal {
  const work = Float64Array.from(matrix);
  for (let row = 0; row < size; row += 1) for (let column = 0; column < row; column += 1) work[column * size + row] = work[row * size + column];
  const rows = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1) rows[row * size + row] = 1;
  const offDiagonal = new Float64Array(size);
  for (let column = 0; column + 1 < size; column += 1) {
    const start = column + 1;
    const mirror = new Float64Array(size - start);
    for (let row = start; row < size; row += 1) mirror[row - start] = work[row * size + column];
    const length = Math.hypot(...mirror);
    const target = mirror[0] > 0 ? -length : length;
    offDiagonal[column] = target;
    mirror[0] -= target;
    const norm = Math.hypot(...mirror);
    if (norm === 0) continue;
    for (let index = 0; index < mirror.length; index += 1) mirror[index] /= norm;
    reflectBlock(work, { size, start, mirror });
    reflectRows(rows, { size, start, mirror });
  }
  return { diagonal: Float64Array.from({ length: size }, (_, index) => work[index * size + index]), offDiagonal, rows };
}

interface Reflection {
  readonly size: number;
  readonly start: number;
  /** Unit normal of the mirror, from `start` on. */
  readonly mirror: Float64Array;
}

/** A ← H·A·H on the block from `start` on: with p = A·v and q = p - (v·p)·v that is A - 2·(v·qᵀ + q·vᵀ). Mutates: work. */
function reflectBlock(work: Float64Array, { size, start, mirror }: Reflection): void {
  const image = new Float64Array(mirror.length);
  let along = 0;
  for (let row = 0; row < mirror.length; row += 1) {
    const offset = (start + row) * size + start;
    let sum = 0;
    for (let column = 0; column < mirror.length; column += 1) sum += work[offset + column] * mirror[column];
    image[row] = sum;
    along += sum * mirror[row];
  }
  for (let row = 0; row < mirror.length; row += 1) image[row] -= along * mirror[row];
  for (let row = 0; row < mirror.length; row += 1) {
    const offset = (start + row) * size + start;
    const [a, b] = [2 * mirror[row], 2 * image[row]];
    for (let column = 0; column < mirror.length; column += 1) work[offset + column] -= a * image[column] + b * mirror[column];
  }
}

/** Qᵀ ← H·Qᵀ. Mutates: rows. */
function reflectRows(rows: Float64Array, { size, start, mirror }: Reflection): void {
  const along = new Float64Array(size);
  for (let row = 0; row < mirror.length; row += 1) {
    const offset = (start + row) * size;
    for (let column = 0; column < size; column += 1) along[column] += mirror[row] * rows[offset + column];
  }
  for (let row = 0; row < mirror.length; row += 1) {
    const offset = (start + row) * size;
    for (let column = 0; column < size; column += 1) rows[offset + column] -= 2 * mirror[row] * along[column];
  }
}

/** Runs QL until the coupling below `first` is gone. Mutates: all three. */
function deflate(first: number, { diagonal, offDiagonal, rows, size }: Tridiagonal & { readonly size: number }): void {
  const negligible = Number.EPSILON * largestOf(diagonal, offDiagonal);
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep += 1) {
    let last = first;
    while (last + 1 < size && Math.abs(offDiagonal[last]) > negligible) last += 1;
    if (last === first) return;
    const half = (diagonal[first + 1] - diagonal[first]) / (2 * offDiagonal[first]);
    const shift = diagonal[first] - offDiagonal[first] / (half + (half < 0 ? -1 : 1) * Math.hypot(half, 1));
    let sine = 1;
    let cosine = 1;
    let carried = 0;
    let bulge = diagonal[last] - shift;
    let row = last - 1;
    for (; row >= first; row -= 1) {
      const outer = sine * offDiagonal[row];
      const inner = cosine * offDiagonal[row];
      const radius = Math.hypot(outer, bulge);
      offDiagonal[row + 1] = radius;
      if (radius === 0) {
        diagonal[row + 1] -= carried;
        break;
      }
      sine = outer / radius;
      cosine = bulge / radius;
      const lower = diagonal[row + 1] - carried;
      const mixed = (diagonal[row] - lower) * sine + 2 * cosine * inner;
      carried = sine * mixed;
      diagonal[row + 1] = lower + carried;
      bulge = cosine * mixed - inner;
      rotate(rows, { size, row, sine, cosine });
    }
    if (row < first) {
      diagonal[first] -= carried;
      offDiagonal[first] = bulge;
    }
    offDiagonal[last] = 0;
  }
  throw new MelstromError({ kind: 'numeric', where: 'eigenSymmetric', got: `no convergence in ${MOST_SWEEPS} sweeps`, expected: 'about two per eigenvalue' });
}

function rotate(rows: Float64Array, { size, row, sine, cosine }: { readonly size: number; readonly row: number; readonly sine: number; readonly cosine: number }): void {
  const upper = row * size;
  const lower = upper + size;
  for (let column = 0; column < size; column += 1) {
    const kept = rows[lower + column];
    rows[lower + column] = sine * rows[upper + column] + cosine * kept;
    rows[upper + column] = cosine * rows[upper + column] - sine * kept;
  }
}

function largestOf(...lists: readonly Float64Array[]): number {
  return lists.reduce((most, list) => list.reduce((larger, value) => Math.max(larger, Math.abs(value)), most), 0);
}

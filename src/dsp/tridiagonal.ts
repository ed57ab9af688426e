// Linear equations with a symmetric positive definite tridiagonal matrix.

interface TridiagonalSystem {
  /** Shape: [K]. */
  readonly diagonal: Float64Array;
  /** Entry k couples unknowns k and k + 1. Shape: [K], the last is not read. */
  readonly offDiagonal: Float64Array;
  readonly right: Float64Array;
  readonly out: Float64Array;
  readonly scratch: Float64Array;
}

/** Solves by elimination without pivoting, which is stable for these matrices. Mutates: out and scratch, K values each. */
export function solveTridiagonal({ diagonal, offDiagonal, right, out, scratch }: TridiagonalSystem): void {
  const count = diagonal.length;
  scratch[0] = diagonal[0];
  out[0] = right[0];
  for (let row = 1; row < count; row += 1) {
    const factor = offDiagonal[row - 1] / scratch[row - 1];
    scratch[row] = diagonal[row] - factor * offDiagonal[row - 1];
    out[row] = right[row] - factor * out[row - 1];
  }
  out[count - 1] /= scratch[count - 1];
  for (let row = count - 2; row >= 0; row -= 1) out[row] = (out[row] - offDiagonal[row] * out[row + 1]) / scratch[row];
}

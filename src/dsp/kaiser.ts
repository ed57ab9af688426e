// What filters cut to a finite length by Kaiser's window are made of.

/** sin(πx) / (πx). */
export function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Modified Bessel function of the first kind, order zero, by its power series. */
export function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let order = 1; term > sum * 1e-17; order += 1) {
    term *= (x / (2 * order)) ** 2;
    sum += term;
  }
  return sum;
}

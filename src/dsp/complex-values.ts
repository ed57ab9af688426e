// Memory for the results of fft.js. Knows no transform.

/** Room for `size` complex values, interleaved, as fft.js is fastest with it. */
export function complexValues(size: number): number[] {
  return Array.from({ length: 2 * size }, () => 0.5); // with 0, V8 would begin with an array of integers, and later turn it into one of doubles
}

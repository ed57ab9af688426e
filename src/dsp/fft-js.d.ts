// Types of the parts of fft.js 4 that are used here; the package declares none.
declare module 'fft.js' {
  /** Complex transform of a power-of-two size over interleaved [re, im, re, im, …] arrays of 2·size numbers. */
  class FFT {
    readonly size: number;
    constructor(size: number);
    transform(out: Float64Array, data: Float64Array): void;
    inverseTransform(out: Float64Array, data: Float64Array): void;
  }
  export = FFT;
}

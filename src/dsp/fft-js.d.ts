// Types of the parts of fft.js 4 that are used here; the package declares none.
declare module 'fft.js' {
  /**
   * Complex transform of a power-of-two size over interleaved [re, im, re, im, …] arrays of 2·size numbers. All callers must give the same kinds of
   * arrays, or V8 compiles it for several; plain arrays of doubles as `out`, which is read and written most, are a sixth faster than Float64Array.
   */
  class FFT {
    readonly size: number;
    constructor(size: number);
    transform(out: number[], data: Float64Array): void;
    inverseTransform(out: number[], data: Float64Array): void;
  }
  export = FFT;
}

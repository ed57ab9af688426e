// The Fourier transform of real frames, as one complex transform of half the size. Knows no windows and no frames.
import FFT from 'fft.js';

/** Transforms of real frames of one size. One object must not be used by two computations at once. */
export interface RealFft {
  readonly size: number;
  /** size / 2 + 1. */
  readonly binCount: number;
  /** Mutates: re and im, binCount values each, unscaled: a constant 1 gives `size` at bin 0. */
  forward(frame: Float64Array, re: Float64Array, im: Float64Array): void;
  /** Mutates: frame, `size` values. Exact inverse of forward; imaginary parts of the first and last bin are ignored. */
  inverse(re: Float64Array, im: Float64Array, frame: Float64Array): void;
}

/**
 * Creates the transform of real frames of `size` samples, a power of two of at least 8.
 *
 * Even samples become real and odd samples imaginary parts of a frame of half the size, whose spectrum Z is taken apart:
 * X[k] = E[k] + w^k·O[k], with E = (Z[k] + Z*[H-k])/2, O = (Z[k] - Z*[H-k])/2i, w = exp(-2πi/size), H = size/2.
 */
export function createRealFft(size: number): RealFft {
  const half = size / 2;
  const complex = new FFT(half);
  const packed = new Float64Array(size);
  const spectrum = new Float64Array(size);
  const cosines = Float64Array.from({ length: half + 1 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
  const sines = Float64Array.from({ length: half + 1 }, (_, k) => Math.sin((2 * Math.PI * k) / size));
  return {
    size,
    binCount: half + 1,
    forward(frame, re, im) {
      complex.transform(spectrum, frame);
      for (let k = 0; k <= half / 2; k += 1) {
        const low = 2 * k;
        const high = k === 0 ? 0 : size - 2 * k;
        const evenRe = 0.5 * (spectrum[low] + spectrum[high]);
        const evenIm = 0.5 * (spectrum[low + 1] - spectrum[high + 1]);
        const oddRe = 0.5 * (spectrum[low + 1] + spectrum[high + 1]);
        const oddIm = 0.5 * (spectrum[high] - spectrum[low]);
        const turnedRe = oddRe * cosines[k] + oddIm * sines[k];
        const turnedIm = oddIm * cosines[k] - oddRe * sines[k];
        re[k] = evenRe + turnedRe;
        im[k] = evenIm + turnedIm;
        re[half - k] = evenRe - turnedRe;
        im[half - k] = turnedIm - evenIm;
      }
    },
    inverse(re, im, frame) {
      packed[0] = 0.5 * (re[0] + re[half]);
      packed[1] = 0.5 * (re[0] - re[half]);
      for (let k = 1; k < half; k += 1) {
        const evenRe = 0.5 * (re[k] + re[half - k]);
        const evenIm = 0.5 * (im[k] - im[half - k]);
        const turnedRe = 0.5 * (re[k] - re[half - k]);
        const turnedIm = 0.5 * (im[k] + im[half - k]);
        const oddRe = turnedRe * cosines[k] - turnedIm * sines[k];
        const oddIm = turnedIm * cosines[k] + turnedRe * sines[k];
        packed[2 * k] = evenRe - oddIm;
        packed[2 * k + 1] = evenIm + oddRe;
      }
      complex.inverseTransform(frame, packed);
    },
  };
}

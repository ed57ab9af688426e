// A complex transform by fft.js whose result lies in one part or in two, whichever is faster. Knows no real frames.
import FFT from 'fft.js';

/** Every `stride`-th value of a spectrum Z: Z[first + stride·m] = values[2m] + i·values[2m + 1]. */
export interface SpectrumPart {
  readonly first: number;
  readonly values: readonly number[];
}

export interface PartedTransform {
  readonly stride: number;
  readonly parts: readonly SpectrumPart[];
  /** Shape: data is [2·size], interleaved, and stays as it is. Mutates: the values of the parts. */
  transform(data: Float64Array): void;
}

/** Room for `size` complex values, as fft.js is fastest with it. */
export function complexValues(size: number): number[] {
  return Array.from({ length: 2 * size }, () => 0.5); // with 0, V8 would begin with an array of integers, and later turn it into one of doubles
}

/**
 * Creates the transform of `size` values, a power of two of at least 4.
 *
 * fft.js works in steps of radix 4, and begins with one of radix 2 where the size is no power of 4. That one step costs it a fifth of
 * its time at 512, so it is taken here: Z[2m] is the transform of z[n] + z[n + H], Z[2m + 1] that of (z[n] - z[n + H])·w^n, with H = size/2 and w = exp(-2πi/size).
 *
 * Source: decimation in frequency, Gentleman and Sande, "Fast Fourier transforms: for fun and profit" (1966).
 */
export function createPartedTransform(size: number): PartedTransform {
  return Math.log2(size) % 2 === 0 ? inOnePart(size) : inTwoParts(size);
}

function inOnePart(size: number): PartedTransform {
  const fft = new FFT(size);
  const values = complexValues(size);
  return { stride: 1, parts: [{ first: 0, values }], transform: (data) => fft.transform(values, data) };
}

function inTwoParts(size: number): PartedTransform {
  const fft = new FFT(size / 2);
  const cosines = Float64Array.from({ length: size / 2 }, (_, n) => Math.cos((2 * Math.PI * n) / size));
  const sines = Float64Array.from({ length: size / 2 }, (_, n) => Math.sin((2 * Math.PI * n) / size));
  const [sums, differences] = [new Float64Array(size), new Float64Array(size)];
  const [even, odd] = [complexValues(size / 2), complexValues(size / 2)];
  return {
    stride: 2,
    parts: [{ first: 0, values: even }, { first: 1, values: odd }],
    transform(data) {
      for (let n = 0, at = 0; at < size; n += 1, at += 2) {
        const re = data[at] - data[at + size];
        const im = data[at + 1] - data[at + size + 1];
        sums[at] = data[at] + data[at + size];
        sums[at + 1] = data[at + 1] + data[at + size + 1];
        differences[at] = re * cosines[n] + im * sines[n];
        differences[at + 1] = im * cosines[n] - re * sines[n];
      }
      fft.transform(even, sums);
      fft.transform(odd, differences);
    },
  };
}

// The Fourier transform of any size, a power of two or not, for a few samples and the bins that are wanted. Knows no windows and no frames.
import FFT from 'fft.js';
import { requireInteger } from '../base/checks.js';
import { complexValues } from './parted-transform.js';

export interface ChirpTransformSettings {
  /** Samples of the whole transform, zeros included: bin k lies at k/size of the sample rate. In [1, 1048576]. */
  readonly size: number;
  /** Samples that are given; the rest of `size` is zero. In [1, size]. */
  readonly sampleCount: number;
  /** Bins that are wanted, from bin 0 upwards. In [1, size]. */
  readonly binCount: number;
}

export interface ChirpTransform {
  /** Shape: samples [sampleCount] -> re, im [binCount]. Unscaled. Mutates: re and im. */
  forward(samples: Float64Array, re: Float64Array, im: Float64Array): void;
}

/**
 * Creates a transform that is exact for every size, by two power-of-two transforms over sampleCount + binCount values.
 *
 * nk = (n² + k² - (k - n)²)/2 turns X[k] = Σ x[n]·w^(nk), w = exp(-2πi/size), into a convolution with w^(-m²/2).
 * Memory: buffers are reused; one object serves one computation at a time.
 * Source: Bluestein, "A linear filtering approach to the computation of discrete Fourier transform" (1970).
 */
export function createChirpTransform({ size, sampleCount, binCount }: ChirpTransformSettings): ChirpTransform {
  requireInteger('chirpTransform: size', size, { min: 1, max: 2 ** 20 });
  requireInteger('chirpTransform: sampleCount', sampleCount, { min: 1, max: size });
  requireInteger('chirpTransform: binCount', binCount, { min: 1, max: size });
  const length = 2 ** Math.max(1, Math.ceil(Math.log2(sampleCount + binCount - 1)));
  const fft = new FFT(length);
  const longest = Math.max(sampleCount, binCount);
  // m² modulo 2·size keeps the angles of large m as exact as those of small ones.
  const angles = Float64Array.from({ length: longest }, (_, m) => (Math.PI * ((m * m) % (2 * size))) / size);
  const cosines = angles.map(Math.cos);
  const sines = angles.map(Math.sin);
  const kernel = new Float64Array(2 * length);
  const place = (at: number, m: number): void => {
    kernel[2 * at] = cosines[m];
    kernel[2 * at + 1] = sines[m];
  };
  for (let m = 0; m < binCount; m += 1) place(m, m);
  for (let m = 1; m < sampleCount; m += 1) place(length - m, m);
  const filter = complexValues(length);
  fft.transform(filter, kernel);
  const work = new Float64Array(2 * length);
  const values = complexValues(length);
  return {
    forward(samples, re, im) {
      work.fill(0);
      for (let n = 0; n < sampleCount; n += 1) {
        work[2 * n] = samples[n] * cosines[n];
        work[2 * n + 1] = -samples[n] * sines[n];
      }
      fft.transform(values, work);
      for (let index = 0; index < 2 * length; index += 2) {
        work[index] = values[index] * filter[index] - values[index + 1] * filter[index + 1];
        work[index + 1] = values[index] * filter[index + 1] + values[index + 1] * filter[index];
      }
      fft.inverseTransform(values, work);
      for (let k = 0; k < binCount; k += 1) {
        re[k] = values[2 * k] * cosines[k] + values[2 * k + 1] * sines[k];
        im[k] = values[2 * k + 1] * cosines[k] - values[2 * k] * sines[k];
      }
    },
  };
}

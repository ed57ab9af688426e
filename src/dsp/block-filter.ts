// A long row of weights slid along a signal, every so many samples, by Fourier transforms of overlapping blocks. Knows no rates.
import { createRealFft } from './real-fft.js';

export interface BlockFilterSettings {
  readonly weights: Float32Array;
  /** Samples from one output to the next, at least 1. */
  readonly step: number;
}

export interface BlockFilter {
  /** Outputs of a block, and the inputs that they rest on. */
  readonly outputCount: number;
  readonly inputCount: number;
  /**
   * One block: out[outStart + j] = Σ_tap weights[tap]·signal[start + j·step + tap] for as many j as `out` has room for. Beyond its end
   * the signal is silent. Mutates: out.
   */
  apply(signal: Float32Array, start: number, out: Float32Array, outStart: number): void;
}

/** Transforms are so many times as long as the weights: longer ones waste less at their ends, and leave the cache. */
const LENGTHS_PER_TRANSFORM = 6;

/**
 * Creates the filter. The sums are exact to the rounding of float64, and an output is the same whatever block of a stream it lies in, as
 * long as blocks begin at the same inputs.
 *
 * Memory: buffers are reused; one object serves one computation at a time.
 * Source: overlap-save, in Oppenheim and Schafer, "Discrete-Time Signal Processing".
 */
export function createBlockFilter({ weights, step }: BlockFilterSettings): BlockFilter {
  const size = Math.max(16, 2 ** Math.ceil(Math.log2(LENGTHS_PER_TRANSFORM * weights.length)));
  const fft = createRealFft(size);
  const bins = (): Float64Array => new Float64Array(fft.binCount);
  const [re, im, weightRe, weightIm] = [bins(), bins(), bins(), bins()];
  const frame = new Float64Array(size);
  frame.set(weights);
  fft.forward(frame, weightRe, weightIm);
  const outputCount = Math.floor((size - weights.length) / step) + 1;
  const inputCount = (outputCount - 1) * step + weights.length;
  return {
    outputCount,
    inputCount,
    apply(signal, start, out, outStart) {
      const count = Math.min(inputCount, signal.length - start);
      for (let index = 0; index < count; index += 1) frame[index] = signal[start + index];
      frame.fill(0, Math.max(0, count));
      fft.forward(frame, re, im);
      for (let bin = 0; bin < fft.binCount; bin += 1) {
        const real = re[bin] * weightRe[bin] + im[bin] * weightIm[bin];
        im[bin] = im[bin] * weightRe[bin] - re[bin] * weightIm[bin];
        re[bin] = real;
      }
      fft.inverse(re, im, frame);
      const end = Math.min(outputCount, out.length - outStart);
      for (let index = 0; index < end; index += 1) out[outStart + index] = frame[index * step];
    },
  };
}

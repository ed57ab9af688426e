// What every method of finding phases works on: wanted magnitudes, and the nearest spectrum that a signal has. Knows no method.
import type { Magnitudes } from './magnitudes.js';
import type { Spectrum, Transform } from './stft.js';

export interface PhaseProblem {
  /** Magnitudes that the spectrum is to have. Shape: [N*F]. */
  readonly magnitude: Float32Array;
  /** The spectrum of the signal that is nearest to `guess` in the least-squares sense. Mutates: into. */
  rebuild(guess: Spectrum, into: Spectrum): void;
  /** A spectrum of zeros of the problem's shape. */
  createSpectrum(): Spectrum;
}

/** Window sums below this share of the largest are edges where a spectrum that no signal has would be blown up. */
export const LEAST_WEIGHT = 0.01;

interface PhaseProblemOptions {
  readonly sampleCount: number;
  /** Called with each rebuilt signal, to hold it to what is known of it. Mutates: signal. */
  readonly hold?: (signal: Float32Array) => void;
}

/** Creates the problem of a signal of given length. Memory: keeps `magnitude` and one signal. */
export function createPhaseProblem(stft: Transform, { magnitude, frameCount }: Magnitudes, { sampleCount, hold }: PhaseProblemOptions): PhaseProblem {
  const signal = new Float32Array(sampleCount);
  return {
    magnitude,
    rebuild(guess, into) {
      stft.inverseInto(guess, signal, LEAST_WEIGHT);
      hold?.(signal);
      stft.forwardInto(signal, into);
    },
    createSpectrum: () => stft.createSpectrum(frameCount),
  };
}

// Magnitudes of a transform without their phases, and how far a signal is from having them. Knows no mel.
import type { Spectrum, Stft } from './stft.js';

/** Magnitudes of a transform. Shape: [N*F], frame after frame; unit: as the transform gives them, unscaled. */
export interface Magnitudes {
  readonly magnitude: Float32Array;
  readonly frameCount: number;
  readonly binCount: number;
}

/** Keeps the angle of every cell and gives it the wanted magnitude; a cell of 0 stays 0. Shape: both [N*F]. Mutates: spectrum. */
export function imposeMagnitude({ re, im }: Spectrum, magnitude: Float32Array): void {
  for (let cell = 0; cell < magnitude.length; cell += 1) {
    const scale = magnitude[cell] / (Math.sqrt(re[cell] * re[cell] + im[cell] * im[cell]) + 1e-30);
    re[cell] *= scale;
    im[cell] *= scale;
  }
}

/**
 * Spectral convergence 20·log10(‖|X| - S‖/‖S‖) of a signal's transform X against wanted magnitudes S. Unit: dB; lower is nearer,
 * 0 is as far as silence is, -Infinity is reached. NaN where nothing is wanted.
 *
 * Source: Sturmel and Daudet, "Signal reconstruction from STFT magnitude: a state of the art" (2011).
 */
export function spectralConvergenceDb(stft: Stft, signal: Float32Array, { magnitude }: Magnitudes): number {
  const { re, im } = stft.forward(signal);
  let off = 0;
  let all = 0;
  for (let cell = 0; cell < magnitude.length; cell += 1) {
    off += (Math.sqrt(re[cell] * re[cell] + im[cell] * im[cell]) - magnitude[cell]) ** 2;
    all += magnitude[cell] ** 2;
  }
  return 10 * Math.log10(off / all);
}

// Magnitudes that a signal has and that still give the wanted mel spectrogram. Changes no phases and knows no decibels.
import { requireShape } from '../base/checks.js';
import type { Magnitudes } from './magnitudes.js';
import type { MelFilterBank } from './mel.js';
import { createMelCorrection } from './mel-correction.js';
import type { PhaseProblem } from './phase-problem.js';

export interface MelTarget {
  readonly bank: MelFilterBank;
  /** Σ of filter weight · magnitude², magnitudes as the transform gives them. Shape: [N*M], frame after frame. */
  readonly mel: Float32Array;
  /** Rebuildings that leave the magnitudes as they are, so that phases settle first. Default 0. */
  readonly after?: number;
}

/**
 * Share of the even solution in the power that `withEvenShare` gives. On hits, effects, notes and speech that no table of the README has,
 * 0.08 to 0.3 did alike, 0 worse, and 0.5 worse on notes.
 */
const EVEN_SHARE = 0.1;

/**
 * Turns a problem of fixed magnitudes into one of a mel spectrogram: after each rebuilding, the wanted magnitudes become the
 * rebuilt ones, corrected so that every mel filter holds what it should. What a mel spectrogram leaves open, such as where under a
 * wide filter a harmonic lies, is so settled by what signals have instead of by the even spread of least squares.
 *
 * Source: the idea of consistency with both, Masuyama, Ueno, Ono, "Signal reconstruction from mel-spectrogram based on bi-level
 * consistency of full-band magnitude and phase" (2023); the correction is that of mel-correction.ts.
 * Mutates: the problem's magnitudes, at each rebuilding.
 */
export function withMelConsistency(problem: PhaseProblem, target: MelTarget): PhaseProblem {
  const { bank, mel, after = 0 } = target;
  requireFrames('withMelConsistency', problem.magnitude, target);
  const { correct } = createMelCorrection(bank);
  const power = new Float64Array(bank.binCount);
  let count = 0;
  return {
    ...problem,
    rebuild(guess, into) {
      problem.rebuild(guess, into);
      count += 1;
      if (count <= after) return;
      for (let start = 0, n = 0; start < problem.magnitude.length; start += bank.binCount, n += 1) {
        for (let bin = 0; bin < bank.binCount; bin += 1) power[bin] = into.re[start + bin] * into.re[start + bin] + into.im[start + bin] * into.im[start + bin];
        correct(power, mel.subarray(n * bank.melBins, (n + 1) * bank.melBins));
        for (let bin = 0; bin < bank.binCount; bin += 1) problem.magnitude[start + bin] = Math.sqrt(power[bin]);
      }
    },
  };
}

/** `steps` such corrections of magnitudes. Mutates: magnitude. */
export function correctToMel({ magnitude, frameCount, binCount }: Magnitudes, target: Omit<MelTarget, 'after'>, steps = 1): void {
  const { bank, mel } = target;
  requireFrames('correctToMel', magnitude, target);
  const { correct } = createMelCorrection(bank);
  const power = new Float64Array(binCount);
  for (let n = 0; n < frameCount; n += 1) {
    const frame = magnitude.subarray(n * binCount, (n + 1) * binCount);
    for (let bin = 0; bin < binCount; bin += 1) power[bin] = frame[bin] ** 2;
    for (let step = 0; step < steps; step += 1) correct(power, mel.subarray(n * bank.melBins, (n + 1) * bank.melBins));
    for (let bin = 0; bin < binCount; bin += 1) frame[bin] = Math.sqrt(power[bin]);
  }
}

/**
 * A solution of least squares, led a tenth of the way towards the most even power that gives the same mel spectrogram, which all but keeps it
 * one. Least squares take the shortest one, with nothing at all in many bins; methods that improve phases find their way out of
 * such holes slowly, and a sound has few of them.
 *
 * Shape: [N, F] -> [N, F].
 */
export function withEvenShare(shortest: Magnitudes, target: Omit<MelTarget, 'after'>): Magnitudes {
  const { bank, mel } = target;
  requireFrames('withEvenShare', shortest.magnitude, target);
  const { binCount, frameCount } = shortest;
  const { spread } = createMelCorrection(bank);
  const even = new Float64Array(binCount);
  const magnitude = new Float32Array(shortest.magnitude.length);
  for (let n = 0; n < frameCount; n += 1) {
    spread(mel.subarray(n * bank.melBins, (n + 1) * bank.melBins), even);
    for (let bin = 0; bin < binCount; bin += 1) {
      const cell = n * binCount + bin;
      magnitude[cell] = Math.sqrt((1 - EVEN_SHARE) * shortest.magnitude[cell] ** 2 + EVEN_SHARE * even[bin]);
    }
  }
  return { magnitude, frameCount, binCount };
}

function requireFrames(where: string, magnitude: Float32Array, { bank, mel }: MelTarget): void {
  requireShape(where, [mel.length / bank.melBins], [magnitude.length / bank.binCount]);
}

// Magnitudes that a signal has and that still give the wanted mel spectrogram. Changes no phases and knows no decibels.
import { requireShape } from '../base/checks.js';
import type { MelFilterBank } from './mel.js';
import type { PhaseProblem } from './phase-problem.js';
import type { Spectrum } from './stft.js';

export interface MelTarget {
  readonly bank: MelFilterBank;
  /** Σ of filter weight · magnitude², magnitudes as the transform gives them. Shape: [N*M], frame after frame. */
  readonly mel: Float32Array;
  /** Rebuildings that leave the magnitudes as they are, so that phases settle first. Default 0. */
  readonly after?: number;
}

/** A filter that holds far too little gets at most this much more power in one step. */
const LARGEST_RATIO = 100;

/**
 * Turns a problem of fixed magnitudes into one of a mel spectrogram: after each rebuilding, the wanted magnitudes become the
 * rebuilt ones, corrected so that every mel filter holds what it should. What a mel spectrogram leaves open, such as where under a
 * wide filter a harmonic lies, is so settled by what signals have instead of by the even spread of least squares.
 *
 * The correction of bin k is Richardson and Lucy's, x_k ← x_k · Σ_m W_mk r_m / Σ_m W_mk with r_m = wanted/held of filter m: it
 * never goes below 0 and leaves what is right as it is.
 *
 * Source: the idea of consistency with both, Masuyama, Ueno, Ono, "Signal reconstruction from mel-spectrogram based on bi-level
 * consistency of full-band magnitude and phase" (2023); the step, Shepp and Vardi, "Maximum likelihood reconstruction" (1982).
 * Mutates: the problem's magnitudes, at each rebuilding.
 */
export function withMelConsistency(problem: PhaseProblem, target: MelTarget): PhaseProblem {
  const { bank, after = 0 } = target;
  requireShape('withMelConsistency', [target.mel.length / bank.melBins], [problem.magnitude.length / bank.binCount]);
  const buffers = gainBuffers(bank);
  let count = 0;
  return {
    ...problem,
    rebuild(guess, into) {
      problem.rebuild(guess, into);
      count += 1;
      if (count <= after) return;
      for (let n = 0; n * bank.binCount < problem.magnitude.length; n += 1) {
        const gains = gainsOf(n, into, target, buffers);
        for (let bin = 0; bin < bank.binCount; bin += 1) {
          const cell = n * bank.binCount + bin;
          problem.magnitude[cell] = gains[bin] * Math.sqrt(into.re[cell] * into.re[cell] + into.im[cell] * into.im[cell]);
        }
      }
    },
  };
}

/** One such correction of a spectrum: its magnitudes change, its phases stay. Mutates: spectrum. */
export function correctToMel(spectrum: Spectrum, target: Omit<MelTarget, 'after'>): void {
  const { re, im, frameCount, binCount } = spectrum;
  requireShape('correctToMel', [target.mel.length / target.bank.melBins, target.bank.binCount], [frameCount, binCount]);
  const buffers = gainBuffers(target.bank);
  for (let n = 0; n < frameCount; n += 1) {
    const gains = gainsOf(n, spectrum, target, buffers);
    for (let bin = 0; bin < binCount; bin += 1) {
      re[n * binCount + bin] *= gains[bin];
      im[n * binCount + bin] *= gains[bin];
    }
  }
}

interface GainBuffers {
  /** Of bins. Shape: [F]. */
  readonly gains: Float64Array;
  /** Of filters, and of none. Shape: [M+1]. */
  readonly ratios: Float64Array;
}

function gainBuffers({ binCount, melBins }: MelFilterBank): GainBuffers {
  return { gains: new Float64Array(binCount), ratios: new Float64Array(melBins + 1) };
}

/** What the magnitudes of a frame are to be multiplied by. Mutates: the buffers, and returns their gains. */
function gainsOf(n: number, { re, im }: Spectrum, { bank, mel }: Omit<MelTarget, 'after'>, { gains, ratios }: GainBuffers): Float64Array {
  const { melBins, binCount, filterOf, lowerWeights, upperWeights } = bank;
  ratios.fill(0);
  for (let bin = 0; bin < binCount; bin += 1) {
    const cell = n * binCount + bin;
    const filter = filterOf[bin];
    if (filter < 0) continue;
    const power = re[cell] * re[cell] + im[cell] * im[cell];
    ratios[filter] += lowerWeights[bin] * power;
    ratios[filter + 1] += upperWeights[bin] * power;
  }
  for (let filter = 0; filter < melBins; filter += 1) ratios[filter] = mel[n * melBins + filter] / (ratios[filter] + 1e-30);
  ratios[melBins] = 0; // no filter: its weights are 0
  for (let bin = 0; bin < binCount; bin += 1) {
    const filter = filterOf[bin];
    const weight = lowerWeights[bin] + upperWeights[bin];
    gains[bin] = filter < 0 ? 0 : Math.sqrt(Math.min(LARGEST_RATIO, (lowerWeights[bin] * ratios[filter] + upperWeights[bin] * ratios[filter + 1]) / weight));
  }
  return gains;
}

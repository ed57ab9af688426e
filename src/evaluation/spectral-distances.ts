// Distances between two sounds by their spectra: of the log spectrum, and over several resolutions. Knows no mel, no phase and no files.
import { requireInteger, requireNumber } from '../base/checks.js';
import { createStft } from '../dsp/stft.js';

/** Two mono sounds of equal length and rate. Shape: [T] each. */
export interface SoundPair {
  readonly reference: Float32Array;
  readonly candidate: Float32Array;
}

export interface SpectralRange {
  /**
   * Decibels below the reference's loudest cell at which cells of both sounds stop to count as different, in (0, 200], default 60.
   * More counts what is barely heard, and with a codec's floor in between, what no inverter can know.
   */
  readonly rangeDb?: number;
}

export interface LogSpectralDistanceOptions extends SpectralRange {
  /** Default 2048. */
  readonly fftSize?: number;
  /** Default 512. */
  readonly hopSamples?: number;
}

/**
 * Log-spectral distance: the root of the mean squared difference of the bins in dB, frame by frame, then the mean over frames.
 * Two independent noises of equal spectrum are about 7.9 dB apart; a sound 1 dB louder is 1 dB away.
 *
 * Source: Gray and Markel, "Distance measures for speech processing" (1976), the d₂ of log spectra.
 * Unit: dB, at least 0. NaN when the reference is silent.
 * @throws MelstromError when the lengths differ.
 */
export function logSpectralDistance(pair: SoundPair, { fftSize = 2048, hopSamples = 512, rangeDb = 60 }: LogSpectralDistanceOptions = {}): number {
  const { reference, candidate, least, binCount } = magnitudesOf(pair, { fftSize, hopSamples, rangeDb });
  if (Number.isNaN(least)) return Number.NaN;
  let sum = 0;
  for (let start = 0; start < reference.length; start += binCount) {
    let squares = 0;
    for (let cell = start; cell < start + binCount; cell += 1) squares += (20 * Math.log10(Math.max(reference[cell], least) / Math.max(candidate[cell], least))) ** 2;
    sum += Math.sqrt(squares / binCount);
  }
  return (sum * binCount) / reference.length;
}

/** Transforms of the multi-resolution distance: those that neural vocoders are commonly trained with. Unit: samples. */
export const RESOLUTIONS = [
  { fftSize: 512, hopSamples: 50, windowSamples: 240 },
  { fftSize: 1024, hopSamples: 120, windowSamples: 600 },
  { fftSize: 2048, hopSamples: 240, windowSamples: 1200 },
] as const;

export interface MultiResolutionDistance {
  /** The sum of the two below. */
  readonly distance: number;
  /** ‖|X| - |Y|‖/‖|X|‖, mean over resolutions. 0 is equal, 1 as far as silence. */
  readonly spectralConvergence: number;
  /** Mean absolute difference of natural logarithms of magnitudes, mean over resolutions. 0.115 is 1 dB. */
  readonly logMagnitude: number;
}

/**
 * Multi-resolution STFT distance: spectral convergence plus log magnitude distance, averaged over three transforms, so that
 * neither smeared attacks nor rough tones go unseen.
 *
 * Source: Yamamoto, Song, Kim, "Parallel WaveGAN" (2020), equations 6 to 8; there logarithms are bounded by a constant, here by
 * `rangeDb` below the loudest cell, so that the distance does not change with level.
 * NaN when the reference is silent.
 * @throws MelstromError when the lengths differ.
 */
export function multiResolutionDistance(pair: SoundPair, { rangeDb = 60 }: SpectralRange = {}): MultiResolutionDistance {
  let spectralConvergence = 0;
  let logMagnitude = 0;
  for (const resolution of RESOLUTIONS) {
    const { reference, candidate, least } = magnitudesOf(pair, { ...resolution, rangeDb });
    let off = 0;
    let all = 0;
    let logs = 0;
    for (let cell = 0; cell < reference.length; cell += 1) {
      off += (reference[cell] - candidate[cell]) ** 2;
      all += reference[cell] ** 2;
      logs += Math.abs(Math.log(Math.max(reference[cell], least) / Math.max(candidate[cell], least)));
    }
    spectralConvergence += Math.sqrt(off / all) / RESOLUTIONS.length;
    logMagnitude += (Number.isNaN(least) ? Number.NaN : logs / reference.length) / RESOLUTIONS.length;
  }
  return { distance: spectralConvergence + logMagnitude, spectralConvergence, logMagnitude };
}

interface MagnitudeSettings {
  readonly fftSize: number;
  readonly hopSamples: number;
  readonly windowSamples?: number;
  readonly rangeDb: number;
}

/** Shape: [T] -> [N*F] each. `least` is NaN when the reference is silent. */
function magnitudesOf({ reference, candidate }: SoundPair, { rangeDb, ...settings }: MagnitudeSettings): { reference: Float32Array; candidate: Float32Array; least: number; binCount: number } {
  requireInteger('spectral distance: samples of the candidate', candidate.length, { min: reference.length, max: reference.length, fix: 'Cut or fill it to the length of the reference.' });
  requireNumber('spectral distance: rangeDb', rangeDb, { min: Number.MIN_VALUE, max: 200 });
  const stft = createStft(settings);
  const [a, b] = [reference, candidate].map((signal) => {
    const { re, im } = stft.forward(signal);
    return re.map((value, cell) => Math.sqrt(value * value + im[cell] * im[cell]));
  });
  const loudest = a.reduce((most, value) => Math.max(most, value), 0);
  return { reference: a, candidate: b, least: loudest === 0 ? Number.NaN : loudest * 10 ** (-rangeDb / 20), binCount: stft.binCount };
}

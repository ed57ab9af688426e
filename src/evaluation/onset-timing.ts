// When sounds begin, and how far a copy's beginnings are from the original's.
import { createStft } from '../dsp/stft.js';

const SETTINGS = { fftSize: 512, hopSamples: 64 };
/** Onsets closer than this are one. Unit: s. */
const LEAST_GAP_SECONDS = 0.05;
/** An onset of the copy further away than this is another one. Unit: s. */
const SEARCH_SECONDS = 0.05;
/** Share of the strongest onset that counts as one. */
const LEAST_STRENGTH = 0.2;
/** Magnitudes this far below the loudest are nothing. */
const RANGE_DB = 60;

export interface OnsetTiming {
  /** Mean distance of the copy's onsets from those of the original, NaN where none was matched. Unit: ms. */
  readonly errorMs: number;
  readonly onsets: number;
  /** Onsets of the original that the copy doesn't have within 50 ms. */
  readonly missed: number;
}

/** Compares two sounds of one rate. To about 1 ms: frames of the flux are 64 samples apart, and maxima are interpolated. */
export function compareOnsets(original: Float32Array, copy: Float32Array, sampleRateHz: number): OnsetTiming {
  const secondsPerFrame = SETTINGS.hopSamples / sampleRateHz;
  const [wanted, got] = [original, copy].map((signal) => findOnsets(signal, secondsPerFrame));
  const errors = wanted.flatMap((onset) => {
    const nearest = got.reduce((least, other) => Math.min(least, Math.abs(other - onset)), Infinity) * secondsPerFrame;
    return nearest <= SEARCH_SECONDS ? [1000 * nearest] : [];
  });
  return { errorMs: errors.reduce((sum, error) => sum + error, 0) / errors.length, onsets: wanted.length, missed: wanted.length - errors.length };
}

/** Positions of the maxima of spectral flux, between frames. */
function findOnsets(signal: Float32Array, secondsPerFrame: number): number[] {
  const flux = spectralFlux(signal);
  const strongest = flux.reduce((most, value) => Math.max(most, value), 0);
  const gap = Math.round(LEAST_GAP_SECONDS / secondsPerFrame);
  const onsets: number[] = [];
  for (let frame = 0; frame < flux.length; frame += 1) {
    if (strongest === 0 || flux[frame] < LEAST_STRENGTH * strongest) continue;
    const around = flux.subarray(Math.max(0, frame - gap), frame + gap + 1);
    if (around.some((value) => value > flux[frame])) continue;
    if (onsets.length > 0 && frame - onsets[onsets.length - 1] < gap) continue;
    onsets.push(frame + vertex(flux[frame - 1] ?? 0, flux[frame], flux[frame + 1] ?? 0));
  }
  return onsets;
}

/** How much louder each frame's bins got, in dB above 60 dB below the loudest. Shape: [T] -> [N]. */
function spectralFlux(signal: Float32Array): Float64Array {
  const stft = createStft(SETTINGS);
  const { re, im, frameCount, binCount } = stft.forward(signal);
  const magnitudes = re.map((value, cell) => Math.hypot(value, im[cell]));
  const least = magnitudes.reduce((most, value) => Math.max(most, value), 0) * 10 ** (-RANGE_DB / 20);
  const flux = new Float64Array(frameCount);
  if (least === 0) return flux;
  const levels = magnitudes.map((value) => Math.log(Math.max(value, least) / least));
  for (let frame = 0; frame < frameCount; frame += 1) {
    for (let bin = 0; bin < binCount; bin += 1) flux[frame] += Math.max(0, levels[frame * binCount + bin] - (frame === 0 ? 0 : levels[(frame - 1) * binCount + bin]));
  }
  return flux;
}

/** Where the parabola through three neighbours is highest, from the middle one, in [-0.5, 0.5]. */
function vertex(before: number, middle: number, after: number): number {
  const bend = before - 2 * middle + after;
  return bend >= 0 ? 0 : Math.max(-0.5, Math.min(0.5, (before - after) / (2 * bend)));
}

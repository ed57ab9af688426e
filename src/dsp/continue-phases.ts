// Phases that go on from known samples: where an iterative inverter starts when part of the sound is given.
import { createRandom } from '../base/random.js';
import type { KnownSamples } from './given-sound.js';
import type { Magnitudes } from './magnitudes.js';
import { createRealFft } from './real-fft.js';
import { createStft, type Spectrum, type StftSettings } from './stft.js';
import { centredHannWindow } from './windows.js';

/** Below this share of the wanted magnitude there is nothing to go on from, such as before a hit; alike phases would make it a pulse. */
const LEAST_TRACE = 0.03;

interface ContinueOptions extends KnownSamples {
  /** Of the phases where there is nothing to go on from. Default 0. */
  readonly seed?: number;
}

/** Times that the phases of a frame are taken from what is there of its samples, itself among them. */
const ROUNDS = 4;

/**
 * Takes frame after frame, those nearest to the known samples first: the phases of a frame are those of the samples that are there already,
 * known or made by the frames before; with the wanted magnitudes the frame then adds its own. So tones go on through the edge of what
 * is known, where phases drawn at random would have to find their way to it.
 *
 * Source: Beauregard, Zhu, Wyse, "An efficient algorithm for real-time spectrogram inversion" (2005), from known samples outwards.
 * Shape: [N*F], unscaled. Where there is nothing to go on from, phases are random, the same ones for a seed.
 */
export function continuePhases(settings: StftSettings, target: Magnitudes, { samples, isKnown, seed = 0 }: ContinueOptions): Spectrum {
  const { fftSize, hopSamples, windowSamples = fftSize } = settings;
  const { frameCount, binCount, magnitude } = target;
  const stft = createStft(settings);
  const fft = createRealFft(fftSize);
  const window = centredHannWindow(windowSamples, fftSize);
  const overlapSum = window.reduce((sum, value) => sum + value * value, 0) / hopSamples;
  const guess = stft.createSpectrum(frameCount);
  const made = Float32Array.from(samples, (value, at) => (isKnown[at] === 1 ? value : 0));
  const re = new Float64Array(binCount);
  const im = new Float64Array(binCount);
  const frame = new Float64Array(fftSize);
  const random = createRandom(seed, 'continue-phases');

  const addFrame = (n: number, sign: 1 | -1): void => {
    fft.inverse(re, im, frame);
    const start = n * hopSamples - fftSize / 2;
    for (let index = Math.max(0, -start); index < Math.min(fftSize, made.length - start); index += 1) {
      if (isKnown[start + index] !== 1) made[start + index] += (sign * frame[index] * window[index]) / overlapSum;
    }
  };
  for (const n of nearestFirst({ frameCount, hopSamples, isKnown })) {
    const offset = n * binCount;
    for (let round = 0; round < ROUNDS; round += 1) {
      stft.frameInto(made, n, { re, im });
      for (let bin = 0; bin < binCount; bin += 1) {
        const size = Math.hypot(re[bin], im[bin]);
        const wanted = magnitude[offset + bin];
        const angle = size > LEAST_TRACE * wanted ? Math.atan2(im[bin], re[bin]) : random.uniform() * 2 * Math.PI;
        const [nextRe, nextIm] = [wanted * Math.cos(angle), wanted * Math.sin(angle)];
        [re[bin], im[bin]] = [guess.re[offset + bin], guess.im[offset + bin]];
        guess.re[offset + bin] = nextRe;
        guess.im[offset + bin] = nextIm;
      }
      if (round > 0) addFrame(n, -1);
      for (let bin = 0; bin < binCount; bin += 1) [re[bin], im[bin]] = [guess.re[offset + bin], guess.im[offset + bin]];
      addFrame(n, 1);
    }
  }
  return guess;
}

/** Frames by their distance from the nearest known sample. */
function nearestFirst({ frameCount, hopSamples, isKnown }: { readonly frameCount: number; readonly hopSamples: number; readonly isKnown: Uint8Array }): number[] {
  const distances = new Float64Array(frameCount).fill(Infinity);
  const last = isKnown.length - 1;
  const pass = (frames: readonly number[], step: 1 | -1): void => {
    let near = -Infinity * step; // the last known sample that was passed
    let at = step === 1 ? 0 : last;
    for (const n of frames) {
      const centre = Math.min(n * hopSamples, last);
      for (; step === 1 ? at <= centre : at >= centre; at += step) if (isKnown[at] === 1) near = at;
      distances[n] = Math.min(distances[n], Math.abs(centre - near));
    }
  };
  const forward = Array.from({ length: frameCount }, (_, n) => n);
  pass(forward, 1);
  pass([...forward].reverse(), -1);
  return forward.sort((a, b) => distances[a] - distances[b] || a - b);
}

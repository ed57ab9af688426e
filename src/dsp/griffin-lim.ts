// Phase for magnitudes that came without one: fast Griffin-Lim. Knows no mel.
import { requireInteger, requireNumber } from '../base/checks.js';
import { createRandom } from '../base/random.js';
import type { Spectrum, Stft } from './stft.js';

/** Magnitudes of a transform. Shape: [N*F], frame after frame; unit: as the transform gives them, unscaled. */
export interface Magnitudes {
  readonly magnitude: Float32Array;
  readonly frameCount: number;
  readonly binCount: number;
}

export interface GriffinLimOptions {
  /** Samples to make. Default (N - 1)·hopSamples, the shortest signal with N frames. */
  readonly sampleCount?: number;
  /** In [0, 10000], default 32. More: less reverberant, slower. */
  readonly iterations?: number;
  /** In [0, 1), default 0.99. 0 is the plain algorithm; near 1 converges in far fewer steps. */
  readonly momentum?: number;
  /** Chooses the first phases. Same seed, same bytes. Default 0. */
  readonly seed?: number;
  /** A sound that part of is to stay; default none. */
  readonly around?: GivenSound;
}

/** A sound of which only a part is to be found anew: the rest stays, and the new part joins on in phase. */
export interface GivenSound {
  /** As many as are made. */
  readonly samples: Float32Array;
  /** Keeps of a difference to the samples what may differ. It is linear, and applying it twice changes little. Mutates: difference. */
  limit(difference: Float32Array): void;
}

/** Window sums below this share of the largest are edges where a spectrum that no signal has would be blown up. */
const LEAST_WEIGHT = 0.01;

/**
 * Finds a signal whose magnitudes are near the given ones. Level is kept: the energy of the result's spectrogram is that
 * of the magnitudes, and scaling these scales the result. Where all frames over a sample are 0, the sample is 0.
 *
 * Around a given sound every guess is held to it outside the part to be found, and the level is that of the magnitudes as they are;
 * what comes back is near the given sound there, and whoever asked puts its samples back.
 *
 * Source: Perraudin, Balazs, Søndergaard, "A fast Griffin-Lim algorithm" (2013), equation 5, as in librosa 0.11 `griffinlim`.
 * Shape: [N*F] -> [T].
 */
export function griffinLim(stft: Stft, target: Magnitudes, options: GriffinLimOptions = {}): Float32Array {
  const { frameCount, binCount } = target;
  const { iterations = 32, momentum = 0.99, seed = 0, around, sampleCount = Math.max(1, (frameCount - 1) * stft.hopSamples) } = options;
  requireInteger('griffinLim: iterations', iterations, { min: 0, max: 10_000 });
  requireNumber('griffinLim: momentum', momentum, { min: 0, max: 1 - 1e-9 });
  const frames = stft.frameCount(sampleCount);
  requireInteger('griffinLim: sampleCount', sampleCount, { min: 1 });
  requireInteger('griffinLim: frames of sampleCount', frames, { min: frameCount, max: frameCount, fix: 'Ask for frames·hopSamples samples or fewer.' });
  if (around !== undefined) requireInteger('griffinLim: samples of the given sound', around.samples.length, { min: sampleCount, max: sampleCount });
  const signal = new Float32Array(sampleCount);
  const loudest = target.magnitude.reduce((a, b) => Math.max(a, b), 0);
  if (loudest === 0) return signal;

  const magnitude = target.magnitude.map((value) => value / loudest);
  const guess = stft.createSpectrum(frameCount);
  const rebuilt = stft.createSpectrum(frameCount);
  const random = createRandom(seed, 'griffin-lim');
  for (let cell = 0; cell < magnitude.length; cell += 1) {
    const angle = (random.uint32() * 2 * Math.PI) / 2 ** 32;
    guess.re[cell] = magnitude[cell] * Math.cos(angle);
    guess.im[cell] = magnitude[cell] * Math.sin(angle);
  }
  if (around !== undefined) takePhases(guess, stft.forward(around.samples));
  const past = stft.createSpectrum(frameCount);
  const pull = momentum / (1 + momentum);
  for (let iteration = 0; iteration < iterations; iteration += 1) {
    stft.inverseInto(guess, signal, LEAST_WEIGHT);
    holdTo(around, signal, loudest);
    stft.forwardInto(signal, rebuilt);
    for (let cell = 0; cell < binCount * frameCount; cell += 1) {
      const wanted = magnitude[cell];
      const re = rebuilt.re[cell] - pull * past.re[cell];
      const im = rebuilt.im[cell] - pull * past.im[cell];
      const scale = wanted / (Math.sqrt(re * re + im * im) + 1e-30);
      guess.re[cell] = re * scale;
      guess.im[cell] = im * scale;
    }
    past.re.set(rebuilt.re);
    past.im.set(rebuilt.im);
  }
  stft.inverseInto(guess, signal, LEAST_WEIGHT);
  if (around === undefined) stft.forwardInto(signal, rebuilt);
  const gain = around === undefined ? loudest * energyGain(magnitude, rebuilt) : loudest;
  for (let index = 0; index < sampleCount; index += 1) signal[index] *= gain;
  return signal;
}

/** Turns each cell to the phase of a spectrum, where that holds anything. Mutates: guess. */
function takePhases(guess: Spectrum, { re, im }: Spectrum): void {
  for (let cell = 0; cell < re.length; cell += 1) {
    const size = Math.hypot(re[cell], im[cell]);
    if (size === 0) continue;
    const magnitude = Math.hypot(guess.re[cell], guess.im[cell]);
    guess.re[cell] = (magnitude * re[cell]) / size;
    guess.im[cell] = (magnitude * im[cell]) / size;
  }
}

/** Puts the given samples wherever the limit lets nothing differ. Mutates: signal, which is the sound over `loudest`. */
function holdTo(around: GivenSound | undefined, signal: Float32Array, loudest: number): void {
  if (around === undefined) return;
  const { samples } = around;
  for (let index = 0; index < signal.length; index += 1) signal[index] -= samples[index] / loudest;
  around.limit(signal);
  for (let index = 0; index < signal.length; index += 1) signal[index] += samples[index] / loudest;
}

/** The factor that gives the spectrum the energy of the magnitudes. */
function energyGain(magnitude: Float32Array, { re, im }: { readonly re: Float32Array; readonly im: Float32Array }): number {
  let wanted = 0;
  let got = 0;
  for (let cell = 0; cell < magnitude.length; cell += 1) {
    wanted += magnitude[cell] ** 2;
    got += re[cell] ** 2 + im[cell] ** 2;
  }
  return got > 0 ? Math.sqrt(wanted / got) : 1;
}

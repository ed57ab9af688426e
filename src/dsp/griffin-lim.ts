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
  /** Samples that are given: they come back as they are, and the rest is made to go with them. */
  readonly known?: KnownSamples;
  /** A spectrum whose phases are the first guess. Default random phases. */
  readonly start?: Spectrum;
}

/** Shape of both: [sampleCount]. */
export interface KnownSamples {
  readonly samples: Float32Array;
  /** 1 where the sample is known, else 0. */
  readonly isKnown: Uint8Array;
}

/** What is asked of a transform. */
export type Transform = Pick<Stft, 'fftSize' | 'hopSamples' | 'frameCount' | 'createSpectrum' | 'forwardInto' | 'inverseInto'>;

/** Window sums below this share of the largest are edges where a spectrum that no signal has would be blown up. */
const LEAST_WEIGHT = 0.01;

/**
 * Finds a signal whose magnitudes are near the given ones. Level is kept: the energy of the result's spectrogram is that
 * of the magnitudes, and scaling these scales the result. Where all frames over a sample are 0, the sample is 0.
 *
 * Source: Perraudin, Balazs, Søndergaard, "A fast Griffin-Lim algorithm" (2013), equation 5, as in librosa 0.11 `griffinlim`.
 * Shape: [N*F] -> [T].
 */
export function griffinLim(stft: Transform, target: Magnitudes, options: GriffinLimOptions = {}): Float32Array {
  const { frameCount, binCount } = target;
  const { iterations = 32, momentum = 0.99, seed = 0, known, start, sampleCount = Math.max(1, (frameCount - 1) * stft.hopSamples) } = options;
  requireInteger('griffinLim: iterations', iterations, { min: 0, max: 10_000 });
  requireNumber('griffinLim: momentum', momentum, { min: 0, max: 1 - 1e-9 });
  const frames = stft.frameCount(sampleCount);
  requireInteger('griffinLim: sampleCount', sampleCount, { min: 1 });
  requireInteger('griffinLim: frames of sampleCount', frames, { min: frameCount, max: frameCount, fix: 'Ask for frames·hopSamples samples or fewer.' });
  const signal = new Float32Array(sampleCount);
  const loudest = target.magnitude.reduce((a, b) => Math.max(a, b), 0);
  const keep = (scale: number): void => {
    if (known !== undefined) for (let index = 0; index < sampleCount; index += 1) if (known.isKnown[index] === 1) signal[index] = known.samples[index] * scale;
  };
  if (loudest === 0) {
    keep(1);
    return signal;
  }

  const magnitude = target.magnitude.map((value) => value / loudest);
  const guess = stft.createSpectrum(frameCount);
  const rebuilt = stft.createSpectrum(frameCount);
  const random = createRandom(seed, 'griffin-lim');
  for (let cell = 0; cell < magnitude.length; cell += 1) {
    const angle = start === undefined ? (random.uint32() * 2 * Math.PI) / 2 ** 32 : Math.atan2(start.im[cell], start.re[cell]);
    guess.re[cell] = magnitude[cell] * Math.cos(angle);
    guess.im[cell] = magnitude[cell] * Math.sin(angle);
  }
  const past = stft.createSpectrum(frameCount);
  const pull = momentum / (1 + momentum);
  for (let iteration = 0; iteration < iterations; iteration += 1) {
    stft.inverseInto(guess, signal, LEAST_WEIGHT);
    keep(1 / loudest);
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
  stft.forwardInto(signal, rebuilt);
  const gain = energyGain(magnitude, rebuilt);
  if (known === undefined) for (let index = 0; index < sampleCount; index += 1) signal[index] *= gain * loudest;
  else {
    applyGain(signal, { gain, isKnown: known.isKnown, rampSamples: stft.fftSize });
    for (let index = 0; index < sampleCount; index += 1) signal[index] *= loudest;
    keep(1);
  }
  return signal;
}

interface GainOptions {
  readonly gain: number;
  readonly isKnown: Uint8Array;
  readonly rampSamples: number;
}

/** Gains from 1 beside a known sample to the whole gain a ramp away. Mutates: signal. */
function applyGain(signal: Float32Array, { gain, isKnown, rampSamples }: GainOptions): void {
  const distance = new Float32Array(signal.length).fill(rampSamples);
  for (let index = 0, from = rampSamples; index < signal.length; index += 1) {
    from = isKnown[index] === 1 ? 0 : Math.min(from + 1, rampSamples);
    distance[index] = from;
  }
  for (let index = signal.length - 1, from = rampSamples; index >= 0; index -= 1) {
    from = isKnown[index] === 1 ? 0 : Math.min(from + 1, rampSamples);
    distance[index] = Math.min(distance[index], from);
  }
  for (let index = 0; index < signal.length; index += 1) signal[index] *= gain ** (distance[index] / rampSamples);
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

// The short-time Fourier transform and its inverse: sound ↔ complex frames. Knows no mel, no decibels and no files.
import { requireInteger } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import { mirrorIndex } from './mirror-index.js';
import { createRealFft } from './real-fft.js';
import { centredHannWindow, fullScaleFactor } from './windows.js';

/** Complex frames. Shape: re and im are [N*F], frame after frame. */
export interface Spectrum {
  readonly re: Float32Array;
  readonly im: Float32Array;
  readonly frameCount: number;
  readonly binCount: number;
}

export interface StftSettings {
  /** Samples per transform: a power of two in [8, 65536]. */
  readonly fftSize: number;
  /** Samples between frames, in [1, windowSamples/2]. */
  readonly hopSamples: number;
  /** Samples under the window, in [4, fftSize]. Default fftSize. */
  readonly windowSamples?: number;
}

export interface Stft {
  readonly fftSize: number;
  readonly hopSamples: number;
  readonly windowSamples: number;
  readonly binCount: number;
  /** Multiplies a magnitude so that a full-scale sine reads 1. */
  readonly fullScale: number;
  /** 1 + floor(T / hopSamples). */
  frameCount(sampleCount: number): number;
  /** Shape: [T] -> [N*F]. */
  forward(signal: Float32Array): Spectrum;
  /** Mutates: spectrum, which must have the frame count of the signal. */
  forwardInto(signal: Float32Array, spectrum: Spectrum): void;
  /** One frame, reflect padding included. Mutates: re and im, F values each. */
  frameInto(signal: Float32Array, frameIndex: number, out: { readonly re: Float64Array; readonly im: Float64Array }): void;
  /** Squared magnitudes of as many frames as `power` has room for, from `first` on. Shape: power is [n*F]. Mutates: power. */
  powerInto(signal: Float32Array, first: number, power: Float64Array): void;
  /** Least-squares inverse. Shape: [N*F] -> [T]. */
  inverse(spectrum: Spectrum, sampleCount: number): Float32Array;
  /** Mutates: signal. leastWeight in [0, 1): window sums below this share of the largest count as that share, which tames edges of spectra that no signal has. */
  inverseInto(spectrum: Spectrum, signal: Float32Array, leastWeight?: number): void;
  createSpectrum(frameCount: number): Spectrum;
}

/** What finding phases asks of a transform. */
export type Transform = Pick<Stft, 'fftSize' | 'hopSamples' | 'windowSamples' | 'frameCount' | 'createSpectrum' | 'forwardInto' | 'inverseInto'>;

/**
 * Creates a transform with a periodic Hann window. Frame n is centred on sample n·hopSamples; the signal is mirrored
 * at its ends without repeating the end samples. Buffers are reused: one object serves one computation at a time.
 *
 * Source: agrees with librosa 0.11 `stft(center=True, pad_mode='reflect')` and `istft(length=T)`.
 * @throws MelstromError when a setting is out of range.
 */
export function createStft({ fftSize, hopSamples, windowSamples = fftSize }: StftSettings): Stft {
  requireInteger('stft: fftSize', fftSize, { min: 8, max: 65_536, fix: 'Use a power of two, for example 1024.' });
  if ((fftSize & (fftSize - 1)) !== 0) {
    throw new MelstromError({ kind: 'usage', where: 'stft: fftSize', got: String(fftSize), expected: 'a power of two', fix: 'Use for example 1024.' });
  }
  requireInteger('stft: windowSamples', windowSamples, { min: 4, max: fftSize, fix: 'Use fftSize.' });
  requireInteger('stft: hopSamples', hopSamples, { min: 1, max: Math.floor(windowSamples / 2), fix: 'Use about a quarter of fftSize.' });

  const fft = createRealFft(fftSize);
  const { binCount } = fft;
  const window = centredHannWindow(windowSamples, fftSize);
  const frame = new Float64Array(fftSize);
  const re = new Float64Array(binCount);
  const im = new Float64Array(binCount);
  const centre = fftSize / 2;
  const getWeights = createWeightCache(window, hopSamples);
  let sum = new Float64Array(0);

  const countFrames = (sampleCount: number): number => 1 + Math.floor(sampleCount / hopSamples);

  const frameInto: Stft['frameInto'] = (signal, frameIndex, out) => {
    windowInto(signal, frameIndex * hopSamples - centre, window, frame);
    if (isZero(frame, 0, fftSize)) {
      out.re.fill(0);
      out.im.fill(0);
    } else {
      fft.forward(frame, out.re, out.im);
    }
  };

  const powerInto: Stft['powerInto'] = (signal, first, power) => {
    for (let n = first, offset = 0; offset < power.length; n += 1, offset += binCount) {
      windowInto(signal, n * hopSamples - centre, window, frame);
      if (isZero(frame, 0, fftSize)) power.fill(0, offset, offset + binCount);
      else fft.power(frame, power, offset);
    }
  };

  const forwardInto: Stft['forwardInto'] = (signal, spectrum) => {
    requireSignal(signal);
    requireInteger('stft: frames of the spectrum', spectrum.frameCount, { min: countFrames(signal.length), max: countFrames(signal.length), kind: 'internal' });
    for (let n = 0; n < spectrum.frameCount; n += 1) {
      frameInto(signal, n, { re, im });
      spectrum.re.set(re, n * binCount);
      spectrum.im.set(im, n * binCount);
    }
  };

  const inverseInto: Stft['inverseInto'] = (spectrum, signal, leastWeight = 0) => {
    const paddedLength = signal.length + fftSize;
    if (sum.length < paddedLength) sum = new Float64Array(paddedLength);
    sum.fill(0, 0, paddedLength);
    for (let n = 0; n < spectrum.frameCount; n += 1) {
      const offset = n * binCount;
      if (isZero(spectrum.re, offset, binCount) && isZero(spectrum.im, offset, binCount)) continue;
      for (let bin = 0; bin < binCount; bin += 1) {
        re[bin] = spectrum.re[offset + bin];
        im[bin] = spectrum.im[offset + bin];
      }
      fft.inverse(re, im, frame);
      const start = n * hopSamples;
      const count = Math.min(fftSize, paddedLength - start);
      for (let index = 0; index < count; index += 1) sum[start + index] += frame[index] * window[index];
    }
    const { weights, largest } = getWeights(spectrum.frameCount, signal.length);
    const least = leastWeight * largest;
    for (let index = 0; index < signal.length; index += 1) {
      const weight = Math.max(weights[index], least);
      signal[index] = weight > 0 ? sum[index + centre] / weight : 0;
    }
  };

  const createSpectrum = (frameCount: number): Spectrum => ({
    re: new Float32Array(frameCount * binCount),
    im: new Float32Array(frameCount * binCount),
    frameCount,
    binCount,
  });

  return {
    fftSize,
    hopSamples,
    windowSamples,
    binCount,
    fullScale: fullScaleFactor(window),
    frameCount: countFrames,
    forward(signal) {
      const spectrum = createSpectrum(countFrames(signal.length));
      forwardInto(signal, spectrum);
      return spectrum;
    },
    forwardInto,
    frameInto,
    powerInto,
    inverse(spectrum, sampleCount) {
      const signal = new Float32Array(sampleCount);
      inverseInto(spectrum, signal);
      return signal;
    },
    inverseInto,
    createSpectrum,
  };
}

function requireSignal(signal: Float32Array): void {
  if (signal.length === 0) {
    throw new MelstromError({ kind: 'data', where: 'stft: signal', got: 'no samples', expected: 'at least one' });
  }
}

/** The samples from `start` on under a window; beyond the ends of the signal they are mirrored. Mutates: frame. */
function windowInto(signal: Float32Array, start: number, window: Float64Array, frame: Float64Array): void {
  if (start >= 0 && start + frame.length <= signal.length) {
    for (let index = 0; index < frame.length; index += 1) frame[index] = signal[start + index] * window[index];
  } else {
    for (let index = 0; index < frame.length; index += 1) frame[index] = signal[mirrorIndex(start + index, signal.length)] * window[index];
  }
}

/** Whether a stretch is silent: its transform needs no work. Ends at the first sound. */
function isZero(values: Float32Array | Float64Array, offset: number, count: number): boolean {
  for (let index = offset; index < offset + count; index += 1) {
    if (values[index] !== 0) return false;
  }
  return true;
}

interface OverlapWeights {
  /** Σ of the squared windows over each sample of the signal. */
  readonly weights: Float64Array;
  readonly largest: number;
}

/** Sums of the squared, shifted windows; the last one asked for is kept. */
function createWeightCache(window: Float64Array, hopSamples: number): (frameCount: number, sampleCount: number) => OverlapWeights {
  let key = '';
  let kept: OverlapWeights = { weights: new Float64Array(0), largest: 0 };
  return (frameCount, sampleCount) => {
    const wanted = `${frameCount}/${sampleCount}`;
    if (wanted === key) return kept;
    const weights = new Float64Array(sampleCount);
    const centre = window.length / 2;
    for (let n = 0; n < frameCount; n += 1) {
      const start = n * hopSamples - centre;
      const last = Math.min(window.length, sampleCount - start);
      for (let index = Math.max(0, -start); index < last; index += 1) weights[start + index] += window[index] ** 2;
    }
    key = wanted;
    kept = { weights, largest: weights.reduce((a, b) => Math.max(a, b), 0) };
    return kept;
  };
}

// The short-time Fourier transform of a loop: its last frame goes on at its first. For inverters that look for a sound without a seam.
import { requireInteger } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import { createRealFft } from './real-fft.js';
import type { StftSettings, Transform } from './stft.js';
import { centredHannWindow } from './windows.js';

export interface LoopSettings extends StftSettings {
  readonly sampleCount: number;
  /** Frames spread evenly over the loop, at least sampleCount / (windowSamples / 2). */
  readonly frames: number;
}

/**
 * Creates the transform of loops of one length. Frame n is centred on sample n·sampleCount/frames, rounded, and reads on at the other end
 * where the loop ends; nothing is mirrored. Frames need not be a whole number of samples apart, so that a loop has any length.
 *
 * Memory: buffers are reused. @throws MelstromError when the loop is shorter than a transform, or has too few frames
 */
export function createLoopStft({ fftSize, hopSamples, windowSamples = fftSize, sampleCount, frames }: LoopSettings): Transform {
  requireInteger('loop: sampleCount', sampleCount, { min: fftSize });
  requireInteger('loop: frames', frames, { min: Math.ceil(sampleCount / (windowSamples / 2)) });
  const fft = createRealFft(fftSize);
  const { binCount } = fft;
  const window = centredHannWindow(windowSamples, fftSize);
  const frame = new Float64Array(fftSize);
  const re = new Float64Array(binCount);
  const im = new Float64Array(binCount);
  const starts = Array.from({ length: frames }, (_, n) => (Math.round((n * sampleCount) / frames) - fftSize / 2 + sampleCount) % sampleCount);
  const weights = new Float64Array(sampleCount);
  for (const start of starts) for (let index = 0; index < fftSize; index += 1) weights[(start + index) % sampleCount] += window[index] ** 2;
  const sum = new Float64Array(sampleCount);

  return {
    fftSize,
    hopSamples,
    windowSamples,
    frameCount: () => frames,
    createSpectrum: (frameCount) => ({ re: new Float32Array(frameCount * binCount), im: new Float32Array(frameCount * binCount), frameCount, binCount }),
    forwardInto(signal, spectrum) {
      requireLength(signal.length, sampleCount);
      for (const [n, start] of starts.entries()) {
        for (let index = 0, at = start; index < fftSize; index += 1) {
          frame[index] = signal[at] * window[index];
          at = at + 1 === sampleCount ? 0 : at + 1;
        }
        fft.forward(frame, re, im);
        spectrum.re.set(re, n * binCount);
        spectrum.im.set(im, n * binCount);
      }
    },
    inverseInto(spectrum, signal) {
      requireLength(signal.length, sampleCount);
      sum.fill(0);
      for (const [n, start] of starts.entries()) {
        const offset = n * binCount;
        for (let bin = 0; bin < binCount; bin += 1) {
          re[bin] = spectrum.re[offset + bin];
          im[bin] = spectrum.im[offset + bin];
        }
        fft.inverse(re, im, frame);
        for (let index = 0, at = start; index < fftSize; index += 1) {
          sum[at] += frame[index] * window[index];
          at = at + 1 === sampleCount ? 0 : at + 1;
        }
      }
      for (let index = 0; index < sampleCount; index += 1) signal[index] = sum[index] / weights[index];
    },
  };
}

function requireLength(got: number, expected: number): void {
  if (got !== expected) throw new MelstromError({ kind: 'internal', where: 'loop', got: `${got} samples`, expected: String(expected) });
}

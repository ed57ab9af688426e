// Mel frames the way peers make them: any transform size, amplitude or power, no decibels and no reference. Knows no image.
import { createChirpTransform } from '../../dsp/chirp-transform.js';
import { applyMelFilterBank, melFilterBank, type MelFilterBank, type MelNorm, type MelScale } from '../../dsp/mel.js';
import { mirrorIndex } from '../../dsp/mirror-index.js';
import { hannWindow } from '../../dsp/windows.js';

/** What a peer's cell means. */
export interface MelTransform {
  readonly sampleRateHz: number;
  /** Samples per transform, zeros around the window included. Any size. */
  readonly fftSize: number;
  readonly windowSamples: number;
  readonly hopSamples: number;
  readonly melBins: number;
  readonly minHz: number;
  readonly maxHz: number;
  readonly melScale: MelScale;
  readonly melNorm: MelNorm;
  /** Whether filters sum amplitudes (1) or powers (2). */
  readonly exponent: 1 | 2;
  /** What lies beyond the ends of the sound: its mirror image, or silence. */
  readonly edges: 'mirrored' | 'silent';
}

/** Shape: data is [melBins, frameCount], row 0 the lowest frequency. Unit: of samples within ±1 under an unscaled transform. */
export interface MelFrames {
  readonly frameCount: number;
  readonly data: Float32Array;
}

/** The filters of a transform. With an odd size or rate, bins are spread evenly up to the half rate, as torchaudio does. */
export function filterBankOf({ sampleRateHz, fftSize, ...rest }: MelTransform): MelFilterBank {
  return melFilterBank({ ...rest, sampleRateHz: 2 * Math.floor(sampleRateHz / 2), fftSize: 2 * Math.floor(fftSize / 2) });
}

/**
 * Mel amplitudes or powers of a sound; frame n is centred on sample n·hopSamples. Shape: [T] -> [M, N], N = 1 + floor(T / hopSamples).
 *
 * Source: agrees with torchaudio 2.11 (Spectrogram, then MelScale on magnitudes) and librosa 0.11 `melspectrogram`.
 */
export function analyseMelFrames(signal: Float32Array, transform: MelTransform): MelFrames {
  const { fftSize, windowSamples, hopSamples, melBins, exponent, edges } = transform;
  const bank = filterBankOf(transform);
  const window = hannWindow(windowSamples);
  const binCount = 1 + bank.filterOf.reduce((highest, filter, bin) => (filter < 0 ? highest : bin), 0);
  const chirp = createChirpTransform({ size: fftSize, sampleCount: windowSamples, binCount });
  const frame = new Float64Array(windowSamples);
  const re = new Float64Array(bank.binCount);
  const im = new Float64Array(bank.binCount);
  const linear = new Float64Array(bank.binCount);
  const mel = new Float64Array(melBins);
  const frameCount = 1 + Math.floor(signal.length / hopSamples);
  const data = new Float32Array(melBins * frameCount);
  const lead = Math.floor(fftSize / 2) - Math.floor((fftSize - windowSamples) / 2);
  for (let n = 0; n < frameCount; n += 1) {
    const start = n * hopSamples - lead;
    for (let index = 0; index < windowSamples; index += 1) {
      const at = edges === 'mirrored' ? mirrorIndex(start + index, signal.length) : start + index;
      frame[index] = (signal[at] ?? 0) * window[index];
    }
    if (frame.every((sample) => sample === 0)) continue;
    chirp.forward(frame, re, im);
    for (let bin = 0; bin < binCount; bin += 1) {
      const power = re[bin] * re[bin] + im[bin] * im[bin];
      linear[bin] = exponent === 2 ? power : Math.sqrt(power);
    }
    applyMelFilterBank(bank, linear, mel);
    for (let row = 0; row < melBins; row += 1) data[row * frameCount + n] = mel[row];
  }
  return { frameCount, data };
}

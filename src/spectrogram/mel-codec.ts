// The mel codec: sound → image and image → magnitudes, with the level kept. Knows no files and no phase.
import { requireNumber } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';
import { dbToPower, powerToClampedDb } from '../dsp/decibels.js';
import type { Magnitudes } from '../dsp/magnitudes.js';
import type { MelTarget } from '../dsp/mel-consistency.js';
import { applyMelFilterBank, melFilterBank, requireNoEmptyFilter } from '../dsp/mel.js';
import { createMelNnls } from '../dsp/nnls.js';
import { createStft, type Stft } from '../dsp/stft.js';
import { assertSameCodec } from './codec-identity.js';
import { dbToImageValue, imageValueToDb, requireMelImage, type MelImage } from './mel-image.js';
import { requireOneChannel } from './one-channel.js';

export { assertSameCodec, codecHash } from './codec-identity.js';

export interface InvertOptions {
  /**
   * Decibels above floorDb that still count as silence, in [0, 60], default 0. For images drawn by a network, whose
   * silence is near the floor but seldom on it: 1 to 3 removes the hiss this leaves.
   */
  readonly gateDb?: number;
}

export interface MelCodec {
  readonly settings: MelSettings;
  /** The transform underneath, for inverters. */
  readonly stft: Stft;
  /** Shape: [T] -> [M, N], N = 1 + floor(T / hopSamples). Nothing is normalised: level is part of the image. */
  analyse(signal: Float32Array): MelImage;
  /** Decibels re full scale of every cell. Shape: [M, N], as the image. */
  toDb(image: MelImage): Float32Array;
  /**
   * Linear magnitudes by exact non-negative least squares on power; cells at the floor hold no power. Unit: magnitudes
   * of `stft`, unscaled. Shape: [M, N] -> [N*F].
   */
  invertToMagnitude(image: MelImage, options?: InvertOptions): Magnitudes;
  /** Mel power in units of `stft`'s squared magnitudes; cells at the floor hold none. Shape: [M, N] -> [N*M]. */
  toMelTarget(image: MelImage, options?: InvertOptions): MelTarget;
}

/**
 * Creates the codec of some settings. Power of the transform, scaled so that a full-scale sine reads 0 dB at its bin, is
 * summed under the mel filters, then 10·log10, clipped to [floorDb, ceilingDb] and mapped to [-1, 1].
 *
 * Memory: buffers are reused; one object serves one computation at a time.
 * @throws MelstromError when the settings are of two channels, which the stereo codec is for, or leave a mel bin empty.
 */
export function createMelCodec(settings: MelSettings): MelCodec {
  const { melBins } = settings;
  requireOneChannel(settings, 'mel codec');
  const stft = createStft(settings);
  const bank = melFilterBank(settings);
  requireNoEmptyFilter(bank);
  const nnls = createMelNnls(bank);
  const { binCount, fullScale } = stft;
  const re = new Float64Array(binCount);
  const im = new Float64Array(binCount);
  const linear = new Float64Array(binCount);
  const mel = new Float64Array(melBins + 1);

  const requireOwn = (image: MelImage): void => {
    assertSameCodec(image.settings, settings, 'mel image');
    requireMelImage(image, 'mel image');
  };

  /** Power re full scale of every cell. Shape: [M, N] -> [N*M]. */
  const melPower = (image: MelImage, { gateDb = 0 }: InvertOptions = {}): Float64Array => {
    requireOwn(image);
    requireNumber('invertToMagnitude: gateDb', gateDb, { min: 0, max: 60 });
    const { frameCount, data } = image;
    const silent = Math.fround(dbToImageValue(settings.floorDb + gateDb, settings));
    const power = new Float64Array(data.length);
    for (let row = 0; row < melBins; row += 1) {
      for (let n = 0; n < frameCount; n += 1) {
        const value = data[row * frameCount + n];
        power[n * melBins + row] = value <= silent ? 0 : dbToPower(imageValueToDb(Math.min(value, 1), settings));
      }
    }
    return power;
  };

  return {
    settings,
    stft,
    analyse(signal) {
      requireSound(signal);
      const frameCount = stft.frameCount(signal.length);
      const data = new Float32Array(melBins * frameCount);
      for (let n = 0; n < frameCount; n += 1) {
        stft.frameInto(signal, n, { re, im });
        for (let bin = 0; bin < binCount; bin += 1) linear[bin] = (re[bin] * re[bin] + im[bin] * im[bin]) * fullScale * fullScale;
        applyMelFilterBank(bank, linear, mel);
        for (let row = 0; row < melBins; row += 1) data[row * frameCount + n] = dbToImageValue(powerToClampedDb(mel[row], settings), settings);
      }
      return { settings, frameCount, data };
    },
    toDb(image) {
      requireOwn(image);
      return image.data.map((value) => imageValueToDb(value, settings));
    },
    invertToMagnitude(image, options) {
      const { frameCount } = image;
      const power = melPower(image, options);
      const magnitude = new Float32Array(frameCount * binCount);
      nnls.restart();
      for (let n = 0; n < frameCount; n += 1) {
        nnls.solve(power.subarray(n * melBins, (n + 1) * melBins), linear);
        for (let bin = 0; bin < binCount; bin += 1) magnitude[n * binCount + bin] = Math.sqrt(linear[bin]) / fullScale;
      }
      return { magnitude, frameCount, binCount };
    },
    toMelTarget: (image, options) => ({ bank, mel: Float32Array.from(melPower(image, options), (power) => power / fullScale ** 2) }),
  };
}

/** @throws MelstromError of kind 'data' for no samples, or one that is not finite */
export function requireSound(signal: Float32Array): void {
  if (signal.length === 0) {
    throw new MelstromError({ kind: 'data', where: 'mel codec', got: 'no samples', expected: 'at least one' });
  }
  for (let index = 0; index < signal.length; index += 1) {
    if (!Number.isFinite(signal[index])) throw new MelstromError({ kind: 'data', where: 'mel codec', got: `${signal[index]} at sample ${index}`, expected: 'finite samples' });
  }
}

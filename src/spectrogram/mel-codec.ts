// The mel codec: sound → image and image → magnitudes, with the level kept. Knows no files and no phase.
import { requireNumber } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';
import { dbToPower } from '../dsp/decibels.js';
import type { Magnitudes } from '../dsp/magnitudes.js';
import type { MelTarget } from '../dsp/mel-consistency.js';
import { applyMelFilterBank, melFilterBank, requireNoEmptyFilter } from '../dsp/mel.js';
import { createMelNnls } from '../dsp/nnls.js';
import { createStft, type Stft } from '../dsp/stft.js';
import { assertSameCodec } from './codec-identity.js';
import { dbToImageValue, imageValueToDb, powerToImageValue, requireMelImage, type MelImage } from './mel-image.js';
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
  /** The frames of `analyse` from `first` on and before `last`. Shape: [T] -> [M, last - first]. */
  analyseFrames(signal: Float32Array, first: number, last: number): Float32Array<ArrayBuffer>;
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

/** Frames that are stored in the image together: it lies row after row, and one column of it is all over the memory. */
const FRAMES_AT_ONCE = 8;

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
  const toImageValue = powerToImageValue(settings, fullScale ** 2);
  const blockPower = new Float64Array(FRAMES_AT_ONCE * binCount);
  const mel = new Float64Array(FRAMES_AT_ONCE * melBins);

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

  const analyseFrames: MelCodec['analyseFrames'] = (signal, first, last) => {
    const width = last - first;
    const data = new Float32Array(melBins * width);
    for (let column = 0; column < width; column += FRAMES_AT_ONCE) {
      const count = Math.min(FRAMES_AT_ONCE, width - column);
      const power = blockPower.subarray(0, count * binCount);
      stft.powerInto(signal, first + column, power);
      for (let n = 0; n < count; n += 1) if (!Number.isFinite(power[n * binCount])) requireSound(signal); // bin 0 is the sum of all samples
      applyMelFilterBank(bank, power, mel);
      for (let row = 0; row < melBins; row += 1) {
        for (let n = 0; n < count; n += 1) data[row * width + column + n] = toImageValue(mel[row * count + n]);
      }
    }
    return data;
  };

  return {
    settings,
    stft,
    analyse(signal) {
      requireSamples(signal);
      const frameCount = stft.frameCount(signal.length);
      return { settings, frameCount, data: analyseFrames(signal, 0, frameCount) };
    },
    analyseFrames,
    toDb(image) {
      requireOwn(image);
      return image.data.map((value) => imageValueToDb(value, settings));
    },
    invertToMagnitude(image, options) {
      const { frameCount } = image;
      const power = melPower(image, options);
      const linear = new Float64Array(binCount);
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
  requireSamples(signal);
  const index = signal.findIndex((sample) => !Number.isFinite(sample));
  if (index >= 0) throw new MelstromError({ kind: 'data', where: 'mel codec', got: `${signal[index]} at sample ${index}`, expected: 'finite samples' });
}

function requireSamples(signal: Float32Array): void {
  if (signal.length === 0) throw new MelstromError({ kind: 'data', where: 'mel codec', got: 'no samples', expected: 'at least one' });
}

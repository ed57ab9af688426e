// Two channels of sound as one mel image: mid and side, each as the mel codec has it, and how the two hang together. Knows no files and no phase.
import { MelstromError } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';
import { dbToPower } from '../dsp/decibels.js';
import { applyMelFilterBank, melFilterBank } from '../dsp/mel.js';
import { midSide } from '../dsp/mid-side.js';
import { assertSameCodec } from './codec-identity.js';
import { createMelCodec, requireSound, type MelCodec } from './mel-codec.js';
import { imageChannel, powerToImageValue, requireMelImage, type MelImage } from './mel-image.js';

/** A stereo image taken apart for an inverter: the side is `gains` times the mid's sound, cell by cell, and a sound of its own that has nothing to do with it. */
export interface StereoParts {
  readonly mid: MelImage;
  /** The part of the side that does not go with the mid. */
  readonly loose: MelImage;
  /** In [-2, 2]; 1 is all left, 0 the middle, -1 all right. Shape: [N*M]. */
  readonly gains: Float32Array;
}

export interface StereoCodec {
  readonly settings: MelSettings;
  /** The codec of mid and side. */
  readonly mono: MelCodec;
  /** Shape: [T] twice -> [3·M, N]: mid at the bottom, side, panning. */
  analyse(left: Float32Array, right: Float32Array): MelImage;
  split(image: MelImage): StereoParts;
}

/** The side follows the mid up to this gain, beyond where panning ends, so that an image's errors of up to 6 dB leave it in one piece; what is louder is loose. */
const LARGEST_GAIN = 2;

/**
 * Creates the codec of stereo settings. Mid is (left + right) / 2 and side (left - right) / 2, so that the mono sum is an image of its own. Their
 * levels alone do not tell left from right: that is in the sign of what they have in common. Panning is the angle of their
 * correlation under a mel filter, (2/π)·arcsin(Σ Re(mid·side*) / √(Σ|mid|² Σ|side|²)): 1 where the side is the mid's sound and louder on the
 * left, -1 on the right, 0 where they are strangers, such as in a room's echo, and where either is silent. Near the codec's floor it fades to 0.
 *
 * An image of left and right would keep what is left, but not how much of it is one sound; with mid, side and correlation, the powers of all
 * four follow: left = mid + side + 2·√(mid·side)·correlation.
 *
 * Source: the cues are those of Breebaart, van de Par, Kohlrausch, Schuijers, "Parametric coding of stereo audio" (2005), level difference and coherence,
 * without the phase difference, here of mid and side.
 * Memory: as the mel codec. @throws MelstromError when the settings are of one channel, or leave a mel bin empty
 */
export function createStereoCodec(settings: MelSettings): StereoCodec {
  if (settings.channels !== 2) throw new MelstromError({ kind: 'internal', where: 'stereo codec: mel channels', got: String(settings.channels), expected: '2' });
  const mono = createMelCodec({ ...settings, channels: 1 });
  const { melBins, floorDb } = settings;
  const { stft } = mono;
  const { binCount, fullScale } = stft;
  const bank = melFilterBank(settings);
  const toImageValue = powerToImageValue(settings, fullScale ** 2);
  const floor = dbToPower(floorDb) / fullScale ** 2;
  const spectra = [0, 1].map(() => ({ re: new Float64Array(binCount), im: new Float64Array(binCount) }));
  const linear = new Float64Array(3 * binCount); // power of mid, of side, and what they have in common
  const sums = new Float64Array(3 * melBins);

  const measureFrame = (): void => {
    for (const [part, [a, b]] of ([[0, 0], [1, 1], [0, 1]] as const).entries()) {
      const [first, second] = [spectra[a], spectra[b]];
      for (let bin = 0; bin < binCount; bin += 1) linear[part * binCount + bin] = first.re[bin] * second.re[bin] + first.im[bin] * second.im[bin];
    }
    applyMelFilterBank(bank, linear, sums);
  };

  return {
    settings,
    mono,
    analyse(left, right) {
      const signals = midSide(left, right);
      signals.forEach(requireSound);
      const frameCount = stft.frameCount(left.length);
      const data = new Float32Array(3 * melBins * frameCount);
      for (let n = 0; n < frameCount; n += 1) {
        signals.forEach((signal, index) => stft.frameInto(signal, n, spectra[index]));
        measureFrame();
        for (let row = 0; row < melBins; row += 1) {
          const [mid, side, common] = [sums[3 * row], sums[3 * row + 1], sums[3 * row + 2]];
          data[row * frameCount + n] = toImageValue(mid);
          data[(melBins + row) * frameCount + n] = toImageValue(side);
          data[(2 * melBins + row) * frameCount + n] = panningOf({ mid, side, common, floor });
        }
      }
      return { settings, frameCount, data };
    },
    split(image) {
      assertSameCodec(image.settings, settings, 'mel image');
      requireMelImage(image, 'mel image');
      const { frameCount } = image;
      const [mid, side, pan] = [0, 1, 2].map((channel) => imageChannel(image, channel));
      const [midPower, sidePower] = [mid, side].map((part) => mono.toMelTarget(part).mel);
      const loose = new Float32Array(melBins * frameCount);
      const gains = new Float32Array(melBins * frameCount);
      for (let row = 0; row < melBins; row += 1) {
        for (let n = 0; n < frameCount; n += 1) {
          const cell = n * melBins + row;
          const { gain, power } = follow(midPower[cell], sidePower[cell], pan.data[row * frameCount + n]);
          gains[cell] = gain;
          loose[row * frameCount + n] = toImageValue(power);
        }
      }
      return { mid, loose: { ...mid, data: loose }, gains };
    },
  };
}

/** The angle of a correlation, in [-1, 1]: fine where a sound is nearly all on one side, since what is left of it there goes with the cosine. */
function panningOf({ mid, side, common, floor }: Readonly<Record<'mid' | 'side' | 'common' | 'floor', number>>): number {
  if (mid <= floor || side <= floor) return 0;
  const correlation = (common / Math.sqrt(mid * side)) * Math.sqrt((1 - floor / mid) * (1 - floor / side));
  return Math.asin(Math.min(Math.max(correlation, -1), 1)) / (Math.PI / 2);
}

/** How the side goes with the mid, and the power of what does not. */
function follow(mid: number, side: number, angle: number): { readonly gain: number; readonly power: number } {
  if (mid === 0 || side === 0) return { gain: 0, power: side };
  const radians = (Math.PI / 2) * Math.min(Math.max(angle, -1), 1);
  const gain = Math.sin(radians) * Math.sqrt(side / mid);
  if (Math.abs(gain) <= LARGEST_GAIN) return { gain, power: Math.cos(radians) ** 2 * side };
  return { gain: Math.sign(gain) * LARGEST_GAIN, power: Math.max(0, side - LARGEST_GAIN ** 2 * mid) };
}

import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { melSchema } from '../../src/config/mel.js';
import { createImageCodec } from '../../src/spectrogram/image-codec.js';
import { gainToLevel, imageLevelDb, withGain } from '../../src/spectrogram/image-level.js';
import type { MelImage } from '../../src/spectrogram/mel-image.js';
import { expectClose } from '../support/close.js';

const mel = melSchema.parse({ sampleRateHz: 8000, fftSize: 256, windowSamples: 256, hopSamples: 64, melBins: 16, frames: 16, maxHz: 4000 });
const stereo = melSchema.parse({ ...mel, channels: 2 });

const atImageLevel = (image: MelImage, levelDb: number): MelImage => withGain(image, gainToLevel(image, levelDb));

/** Noise and a tone. Shape: [960]. */
function sound(gain: number, seed = 1): Float32Array {
  const random = createRandom(seed, 'level test');
  return Float32Array.from({ length: 960 }, (_, at) => gain * (0.1 * random.normal() + 0.3 * Math.sin(at / 3)));
}

const imageOf = (...channels: Float32Array[]): MelImage => createImageCodec(channels.length === 2 ? stereo : mel).analyse(channels);
const filled = (value: number): MelImage => ({ settings: mel, frameCount: 4, data: new Float32Array(64).fill(value) });

describe('imageLevelDb', () => {
  it('is the level of the cells where all are alike, and goes with the gain of the sound', () => {
    expect(imageLevelDb(filled(1))).toBeCloseTo(mel.ceilingDb, 5);
    expect(imageLevelDb(filled(-1))).toBeCloseTo(mel.floorDb, 5);
    expect(imageLevelDb(imageOf(sound(1))) - imageLevelDb(imageOf(sound(0.25)))).toBeCloseTo(20 * Math.log10(4), 1);
  });

  it('takes the mean of power, and of decibels within squares', () => {
    const half = { ...filled(-1), data: Float32Array.from({ length: 64 }, (_, cell) => (cell % 2 === 0 ? 1 : -1)) };
    expect(imageLevelDb(half)).toBeCloseTo(mel.ceilingDb - 10 * Math.log10(2), 3);
    expect(imageLevelDb(half, 2)).toBeCloseTo((mel.ceilingDb + mel.floorDb) / 2, 5);
  });
});

describe('gainToLevel and withGain', () => {
  it('make of an image that of the sound with a gain', () => {
    const [loud, soft] = [imageOf(sound(1)), imageOf(sound(0.25))];
    expectClose(atImageLevel(loud, imageLevelDb(soft)).data, soft.data, { absolute: 2e-3, reason: 'the floor holds what the gain would take below it' });
    expectClose(atImageLevel(soft, imageLevelDb(loud)).data, loud.data, { absolute: 2e-3 });
  });

  it('come to the level also where cells meet the ceiling, leave silence silent, and nothing beyond floor and ceiling', () => {
    const wanted = imageLevelDb(imageOf(sound(1))) + 25;
    const louder = atImageLevel(imageOf(sound(1)), wanted);
    expect(imageLevelDb(louder)).toBeCloseTo(wanted, 0);
    expect(Math.max(...louder.data)).toBe(1);
    expect(atImageLevel(filled(-1), -10).data).toEqual(filled(-1).data);
    expect(Math.min(...atImageLevel(imageOf(sound(1)), mel.floorDb + 4).data)).toBe(-1);
  });

  it('leave panning as it is, and move mid and side alike', () => {
    const image = imageOf(sound(1), sound(0.5, 2));
    const moved = atImageLevel(image, imageLevelDb(image) - 6);
    const levels = 2 * stereo.melBins * image.frameCount;
    expect(image.data.length).toBe(levels * 1.5);
    expect(moved.data.subarray(levels)).toEqual(image.data.subarray(levels));
    expectClose(moved.data.subarray(0, levels), imageOf(sound(10 ** -0.3), sound(0.5 * 10 ** -0.3, 2)).data.subarray(0, levels), { absolute: 2e-3 });
  });
});

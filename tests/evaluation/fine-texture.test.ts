// Fine texture: of images whose value is known, and that smoothing takes it while level and gain do not.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { melSchema } from '../../src/config/mel.js';
import { fineTextureDb } from '../../src/evaluation/fine-texture.js';
import type { MelImage } from '../../src/spectrogram/mel-image.js';
import { expectClose } from '../support/close.js';

const settings = melSchema.parse({ sampleRateHz: 8000, fftSize: 256, windowSamples: 256, hopSamples: 64, melBins: 20, maxHz: 4000, frames: 40, floorDb: -80, ceilingDb: 20 });
const image = (value: (row: number, frame: number) => number, over = {}): MelImage => {
  const own = { ...settings, ...over };
  const rows = own.melBins * (own.channels === 2 ? 3 : 1);
  return { settings: own, frameCount: 40, data: Float32Array.from({ length: rows * 40 }, (_, at) => value(Math.floor(at / 40), at % 40)) };
};

describe('fineTextureDb', () => {
  it('of white noise is its deviation, less what the surroundings follow', () => {
    const random = createRandom(1);
    const noise = image(() => 0.05 * random.normal()); // 2.5 dB
    const weights = [1, 2, 1].flatMap((a) => [1, 2, 1].map((b) => (a * b) / 16));
    const left = Math.sqrt(1 - 2 * (4 / 16) + weights.reduce((sum, weight) => sum + weight ** 2, 0));
    expectClose(fineTextureDb(noise), 2.5 * left, { relative: 0.05, reason: '684 cells drawn by chance' });
    const louder = { ...noise, data: noise.data.map((value) => value + 0.2) };
    expectClose(fineTextureDb(louder), fineTextureDb(noise), { relative: 1e-5, reason: 'float32' });
    const smoothed = { ...noise, data: noise.data.map((value, at) => (value + (noise.data[at + 1] ?? 0)) / 2) };
    expect(fineTextureDb(smoothed)).toBeLessThan(0.75 * fineTextureDb(noise));
  });

  it('of a slope is 0, of rows in turn known, and there is none near silence', () => {
    expectClose(fineTextureDb(image((row, frame) => 0.01 * row - 0.005 * frame)), 0, { absolute: 1e-5, reason: 'float32' });
    expectClose(fineTextureDb(image((row) => (row % 2 === 0 ? 0.1 : -0.1))), 5, { relative: 1e-5, reason: 'float32' });
    expect(fineTextureDb(image((row) => (row % 2 === 0 ? -0.95 : -0.9)))).toBeNaN();
  });

  it('of stereo sound looks at mid and side, each by itself, not at panning', () => {
    const stereo = { channels: 2 } as const;
    expectClose(fineTextureDb(image((row) => (row < 20 ? 0.5 : row < 40 ? -0.2 : row % 2), stereo)), 0, { absolute: 1e-5, reason: 'float32' });
    expectClose(fineTextureDb(image((row) => (row < 40 ? (row % 2 === 0 ? 0.1 : -0.1) : 0), stereo)), 5, { relative: 1e-5, reason: 'float32' });
  });
});

import { describe, expect, it } from 'vitest';
import { melSchema } from '../../src/config/mel.js';
import { sustainOf } from '../../src/spectrogram/sustain.js';

const settings = melSchema.parse({ melBins: 4, frames: 16, fftSize: 256, windowSamples: 256, hopSamples: 64, sampleRateHz: 8000, minHz: 60, maxHz: 4000 });
const frameCount = 8;

describe('sustainOf', () => {
  const levels = (valueOf: (row: number, frame: number) => number, frames = { from: 0, to: 8 }): number => sustainOf({ settings, frameCount, data: Float32Array.from({ length: 4 * frameCount }, (_, cell) => valueOf(Math.floor(cell / frameCount), cell % frameCount)) }, frames);
  const db = (settings.ceilingDb - settings.floorDb) / 2;

  it('is 1 up to a change of 3 dB from half to half, 0 from 9 dB, and between them in between', () => {
    for (const [change, sustain] of [[0, 1], [2.9, 1], [6, 0.5], [9.1, 0], [-6, 0.5]]) expect(levels((_, frame) => 0.2 + (frame < 4 ? 0 : change / db))).toBeCloseTo(sustain, 4);
  });

  it('listens to what is within 40 dB of the loudest, and to no silence', () => {
    expect(levels((index, frame) => (index === 0 ? 0.5 : 0.5 - 41 / db - (frame < 4 ? 0 : 20 / db)))).toBe(1);
    expect(levels((index, frame) => (index === 0 ? 0.5 : 0.5 - 30 / db - (frame < 4 ? 0 : 20 / db)))).toBe(0);
    expect(levels(() => -1 + 19 / db)).toBe(0);
    expect(levels(() => 0.5, { from: 3, to: 4 })).toBe(0);
  });
});

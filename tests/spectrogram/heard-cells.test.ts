import { describe, expect, it } from 'vitest';
import { melSchema } from '../../src/config/mel.js';
import { heardCells } from '../../src/spectrogram/heard-cells.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';

const settings = melSchema.parse({ melBins: 12, fftSize: 256, windowSamples: 256, hopSamples: 64, sampleRateHz: 8000, minHz: 0, maxHz: 4000 });
const codec = createMelCodec(settings);

describe('heardCells', () => {
  it('are those that a change inside the region can move, and no others', () => {
    const region = { fromSample: 1000, toSample: 1400, lowHz: 0, highHz: 4000 };
    const quiet = new Float32Array(3000).fill(0.1).map((value, index) => value * Math.sin(index));
    const changed = quiet.map((value, index) => (index >= region.fromSample && index < region.toSample ? value + 0.5 * Math.sin(index * index) : value));
    const [before, after] = [codec.analyse(quiet), codec.analyse(changed)];
    const cells = heardCells(settings, before.frameCount, region);
    cells.forEach((heard, cell) => {
      if (heard === 0) expect(after.data[cell]).toBe(before.data[cell]);
    });
    const moved = cells.filter((heard, cell) => heard === 1 && after.data[cell] !== before.data[cell]).length;
    expect(moved).toBeGreaterThan(0.9 * cells.filter((heard) => heard === 1).length);
  });

  it('reach over the rows whose filters lie in the band', () => {
    const region = { fromSample: 0, toSample: 3000, lowHz: 1000, highHz: 2000 };
    const tone = (hz: number): Float32Array => Float32Array.from({ length: 3000 }, (_, index) => 0.5 * Math.sin((2 * Math.PI * hz * index) / 8000));
    const frames = codec.analyse(tone(1000)).frameCount;
    const cells = heardCells(settings, frames, region);
    const rows = Array.from({ length: 12 }, (_, row) => cells[row * frames + 10]);
    const loudestRow = (hz: number): number => {
      const { data } = codec.analyse(tone(hz));
      return Array.from({ length: 12 }, (_, row) => data[row * frames + 10]).reduce((best, value, row, all) => (value > all[best] ? row : best), 0);
    };
    for (const hz of [1000, 1300, 1700, 2000]) expect(rows[loudestRow(hz)]).toBe(1);
    for (const hz of [100, 500, 2900, 3800]) expect(rows[loudestRow(hz)]).toBe(0);
    expect(new Set(cells.subarray(0, frames)).size).toBe(1);
  });
});

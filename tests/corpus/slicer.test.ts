import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { augmentSlice } from '../../src/corpus/augment.js';
import { createSlicer, type Slice, type SlicerSettings } from '../../src/corpus/slicer.js';

const settings: SlicerSettings = { melBins: 2, frames: 4, hopFrames: 4, minFill: 0.5, maxSlices: null, alignOnset: false };

/** Frames numbered 1 … count in steps of a hundredth; row 1 is the negative of row 0. */
function ramp(count: number, leadingSilence = 0): Float32Array {
  return Float32Array.from({ length: 2 * (count + leadingSilence) }, (_, index) => {
    const frame = Math.floor(index / 2) - leadingSilence;
    return frame < 0 ? -1 : ((frame + 1) / 100) * (index % 2 === 0 ? 1 : -1);
  });
}

function sliceAll(frames: Float32Array, change: Partial<SlicerSettings> = {}, blockFrames = 3): Slice[] {
  const slicer = createSlicer({ ...settings, ...change });
  const slices: Slice[] = [];
  for (let start = 0; start < frames.length; start += 2 * blockFrames) slices.push(...slicer.push(frames.subarray(start, start + 2 * blockFrames)));
  return [...slices, ...slicer.end()];
}

const summary = (slices: readonly Slice[]): number[][] => slices.map(({ offsetFrames, fillFrames }) => [offsetFrames, fillFrames]);

describe('createSlicer', () => {
  it('turns frames into rows and pads with silence', () => {
    const [slice] = sliceAll(ramp(3));
    expect(slice.image).toEqual(Float32Array.from([0.01, 0.02, 0.03, -1, -0.01, -0.02, -0.03, -1]));
    expect(slice.fillFrames).toBe(3);
  });

  it.each([
    [1, {}, [[0, 1]]],
    [4, {}, [[0, 4]]],
    [5, {}, [[0, 4]]],
    [6, {}, [[0, 4], [4, 2]]],
    [6, { minFill: 0.75 }, [[0, 4]]],
    [8, { hopFrames: 2 }, [[0, 4], [2, 4], [4, 4]]],
    [9, { hopFrames: 2 }, [[0, 4], [2, 4], [4, 4], [6, 3]]],
    [20, { maxSlices: 2 }, [[0, 4], [4, 4]]],
  ])('cuts %i frames with %j', (count, change, expected) => {
    for (const block of [1, 3, 100]) expect(summary(sliceAll(ramp(count), change, block))).toEqual(expected);
  });

  it('keeps two frames before the onset when told to', () => {
    const [slice] = sliceAll(ramp(3, 7), { alignOnset: true });
    expect([slice.offsetFrames, slice.fillFrames]).toEqual([5, 4]);
    expect([...slice.image.subarray(0, 4)]).toEqual([-1, -1, Math.fround(0.01), Math.fround(0.02)]);
    expect(summary(sliceAll(ramp(3), { alignOnset: true }))).toEqual([[0, 3]]);
    expect(summary(sliceAll(ramp(0, 9), { alignOnset: true }))).toEqual([[0, 4]]);
  });
});

describe('augmentSlice', () => {
  const shape = { melBins: 1, frames: 6, rangeDb: 80 };
  const source = [-1, -0.5, 0, 0.9, -1, -1];

  it('moves level, keeps silence and clips at the ceiling', () => {
    for (let step = 0; step < 50; step += 1) {
      const image = Float32Array.from(source);
      expect(augmentSlice(image, 4, { augment: { gainDb: 12, shiftFrames: 0 }, shape, random: createRandom(step) })).toBe(4);
      const moved = image[2] - 0;
      expect(Math.abs(moved)).toBeLessThanOrEqual(0.3 + 1e-6);
      expect(image[1]).toBeCloseTo(Math.max(-1, -0.5 + moved), 6);
      expect(image[3]).toBeCloseTo(Math.min(1, 0.9 + moved), 6);
      expect([image[0], image[4], image[5]]).toEqual([-1, -1, -1]);
    }
  });

  it('moves time both ways, brings in silence and never moves all sound out', () => {
    const seen = new Set<number>();
    for (let step = 0; step < 200; step += 1) {
      const image = Float32Array.from([0.1, 0.2, 0.3, 0.4, -1, -1]);
      const fill = augmentSlice(image, 4, { augment: { gainDb: 0, shiftFrames: 5 }, shape, random: createRandom(step) });
      const shift = image.indexOf(Math.fround(0.4)) - 3;
      seen.add(shift);
      expect(fill).toBe(shift > 2 || !image.includes(Math.fround(0.4)) ? 6 : 4 + shift);
      expect(fill).toBeGreaterThan(0);
    }
    expect([...seen].filter((shift) => shift >= -3).sort((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2]);
  });
});

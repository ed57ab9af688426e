import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { cropBatch } from '../../src/training/crop-batch.js';

const [MEL_BINS, FRAMES, CROP] = [3, 16, 8];

/** Each cell holds row · 100 + frame, so that a window tells where it was cut. */
function batchOf(fills: readonly number[]) {
  const image = Array.from({ length: MEL_BINS * FRAMES }, (_, index) => Math.floor(index / FRAMES) * 100 + (index % FRAMES));
  return {
    images: Float32Array.from(fills.flatMap(() => image)),
    labels: Int32Array.from(fills, (_, item) => item),
    fills: Float32Array.from(fills),
    indices: fills.map((_, item) => 10 + item),
  };
}

function crop(fills: readonly number[], seed: number) {
  return cropBatch(batchOf(fills), { melBins: MEL_BINS, frames: FRAMES, cropFrames: CROP, random: createRandom(seed, 'crop') });
}

const startOf = (images: Float32Array, item: number): number => images[item * MEL_BINS * CROP];

describe('cropBatch', () => {
  it('cuts the same window out of every row, and leaves labels and indices as they are', () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const { images, labels, indices } = crop([1, 1], seed);
      expect(images.length).toBe(2 * MEL_BINS * CROP);
      for (const item of [0, 1]) {
        const start = startOf(images, item);
        for (let row = 0; row < MEL_BINS; row += 1) {
          const line = Array.from(images.subarray((item * MEL_BINS + row) * CROP, (item * MEL_BINS + row + 1) * CROP));
          expect(line).toEqual(Array.from({ length: CROP }, (_, frame) => row * 100 + start + frame));
        }
      }
      expect(Array.from(labels)).toEqual([0, 1]);
      expect(indices).toEqual([10, 11]);
    }
  });

  it('visits every place over the sound, its ends most often, and none in the padding', () => {
    const counts = Array.from({ length: FRAMES }, () => 0);
    for (let seed = 0; seed < 400; seed += 1) counts[startOf(crop([0.75], seed).images, 0)] += 1; // sound ends at frame 12
    expect(counts.slice(0, 5).every((count) => count > 0)).toBe(true);
    expect(counts.slice(5).every((count) => count === 0)).toBe(true);
    expect(Math.min(counts[0], counts[4])).toBeGreaterThan(Math.max(...counts.slice(1, 4)));
  });

  it('keeps the start of a sound shorter than the window, and says how much of it is sound', () => {
    const { images, fills } = crop([0.25, 1], 3);
    expect(startOf(images, 0)).toBe(0);
    expect(Array.from(fills)).toEqual([0.5, 1]);
  });

  it('is a pure function of its random sequence', () => {
    expect(crop([1, 0.8, 0.6], 5)).toEqual(crop([1, 0.8, 0.6], 5));
  });
});

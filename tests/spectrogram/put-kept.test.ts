import { describe, expect, it } from 'vitest';
import { melSchema } from '../../src/config/mel.js';
import type { MelImage } from '../../src/spectrogram/mel-image.js';
import { putKept } from '../../src/spectrogram/put-kept.js';
import { expectClose } from '../support/close.js';

const settings = melSchema.parse({ melBins: 4, frames: 16, fftSize: 256, windowSamples: 256, hopSamples: 64, sampleRateHz: 8000, minHz: 60, maxHz: 4000 });
const FRAMES = 16;
const image = (valueOf: (row: number, frame: number) => number, frameCount = FRAMES): MelImage => ({ settings, frameCount, data: Float32Array.from({ length: 4 * frameCount }, (_, cell) => valueOf(Math.floor(cell / frameCount), cell % frameCount)) });
const row = ({ data, frameCount }: MelImage, index: number): number[] => Array.from(data.subarray(index * frameCount, (index + 1) * frameCount));

describe('putKept', () => {
  const drawn = image(() => 0);
  const own = image((index, frame) => (index === 0 ? 0.01 * (frame + 1) : 0.5));

  it('puts kept cells in and, with no detail, leaves all others', () => {
    const made = putKept(drawn, { image: own, firstFrame: 0, isKept: (_, frame) => frame < 6 }, { detail: 0, reachFrames: 8 });
    expectClose(row(made, 0), [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, ...Array.from({ length: 10 }, () => 0)], { absolute: 1e-6 });
    expect(row(drawn, 0).every((value) => value === 0)).toBe(true);
  });

  it('carries what is lacking over a join, mirrored, fading as the square over its reach or as far as frames are kept', () => {
    const isKept = (_: number, frame: number): boolean => frame < 6;
    const [near, far] = [4, 100].map((reachFrames) => row(putKept(drawn, { image: own, firstFrame: 0, isKept }, { detail: 1, reachFrames }), 0).slice(6));
    expectClose(near, [0.06, 0.05 * 0.75 ** 2, 0.04 * 0.5 ** 2, 0.03 * 0.25 ** 2, 0, 0, 0, 0, 0, 0], { absolute: 1e-6 });
    expectClose(far.slice(0, 6), [6, 5, 4, 3, 2, 1].map((cells, distance) => 0.01 * cells * (1 - distance / 6) ** 2), { absolute: 1e-6 });
    expectClose(row(putKept(drawn, { image: own, firstFrame: 0, isKept }, { detail: 0.5, reachFrames: 4 }), 0).slice(6), near.map((value) => value / 2), { absolute: 1e-6 });
  });

  it('carries from behind as from before, and from an image that begins later', () => {
    const later = image((index, frame) => own.data[index * FRAMES + frame + 10], 6);
    const made = putKept(drawn, { image: later, firstFrame: 10, isKept: (_, frame) => frame >= 10 }, { detail: 1, reachFrames: 2 });
    expectClose(row(made, 0), [0, 0, 0, 0, 0, 0, 0, 0, 0.12 / 4, 0.11, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16], { absolute: 1e-6 });
  });

  it('carries no more than is lacking between two joins, whatever the shares, and stays within the range', () => {
    const isKept = (_: number, frame: number): boolean => frame < 7 || frame >= 9;
    const made = putKept(drawn, { image: own, firstFrame: 0, isKept }, { detail: 1, reachFrames: 6 });
    expectClose(row(made, 1), Array.from({ length: FRAMES }, () => 0.5), { absolute: 1e-6 });
    const bright = putKept(image(() => 0.9), { image: image((_, frame) => (frame < 7 ? 1 : 0.9)), firstFrame: 0, isKept: (_, frame) => frame < 4 }, { detail: 1, reachFrames: 4 });
    expect(Math.max(...bright.data)).toBe(1);
  });

  it('leaves a row of which nothing is kept', () => {
    const made = putKept(drawn, { image: own, firstFrame: 0, isKept: (index) => index > 0 }, { detail: 1, reachFrames: 8 });
    expect(row(made, 0)).toEqual(row(drawn, 0));
    expect(row(made, 1)).toEqual(row(own, 1));
  });

  it('holds a sustained sound over a join, mirrored, while what is drawn takes its place along half a cosine', () => {
    const steady = image((index, frame) => (index === 0 ? 0.4 + 0.01 * (frame % 2) : 0.2));
    const made = row(putKept(drawn, { image: steady, firstFrame: 0, isKept: (_, frame) => frame < 6 }, { detail: 0, reachFrames: 8, holdFrames: 4 }), 0);
    expectClose(made.slice(6), [0.41, 0.4 * Math.cos(Math.PI / 8) ** 2, 0.41 / 2, 0.4 * Math.cos((3 * Math.PI) / 8) ** 2, 0, 0, 0, 0, 0, 0], { absolute: 1e-6 });
    const before = row(putKept(drawn, { image: steady, firstFrame: 0, isKept: (_, frame) => frame >= 10 }, { detail: 0, reachFrames: 8, holdFrames: 4 }), 0);
    expectClose(before.slice(0, 10), [0, 0, 0, 0, 0, 0, 0.41 * Math.cos((3 * Math.PI) / 8) ** 2, 0.4 / 2, 0.41 * Math.cos(Math.PI / 8) ** 2, 0.4], { absolute: 1e-6 });
    const between = row(putKept(drawn, { image: steady, firstFrame: 0, isKept: (_, frame) => frame < 7 || frame >= 9 }, { detail: 1, reachFrames: 6, holdFrames: 6 }), 1);
    expectClose(between, Array.from({ length: FRAMES }, () => 0.2), { absolute: 1e-6 });
  });

  it.each([
    ['silence', () => -1],
    ['a decay', (frame: number) => 0.9 - 0.2 * frame],
    ['an attack', (frame: number) => (frame < 5 ? -1 : 0.5)],
  ])('holds nothing of %s', (_, level) => {
    const made = putKept(drawn, { image: image((_, frame) => level(frame)), firstFrame: 0, isKept: (_, frame) => frame < 6 }, { detail: 0, reachFrames: 8, holdFrames: 4 });
    for (let index = 0; index < 4; index += 1) expect(row(made, index).slice(6).every((value) => value === 0)).toBe(true);
  });

  it('holds no more than sounds beside the join, so that a peak before it does not come again', () => {
    const peak = image((index, frame) => (index === 0 && frame === 2 ? 0.9 : 0.4));
    const made = row(putKept(image(() => 0.4), { image: peak, firstFrame: 0, isKept: (_, frame) => frame < 6 }, { detail: 0, reachFrames: 8, holdFrames: 5 }), 0);
    expectClose(made.slice(6), Array.from({ length: 10 }, () => 0.4), { absolute: 1e-6 });
  });

  it('goes by the rows that are kept beside the join alone, as those of a band are', () => {
    const mixed = image((index, frame) => (index === 0 ? 0.4 : 0.9 - 0.2 * frame));
    const isKept = (index: number, frame: number): boolean => frame < 6 && index === 0;
    const made = row(putKept(drawn, { image: mixed, firstFrame: 0, isKept }, { detail: 0, reachFrames: 8, holdFrames: 4 }), 0);
    expect(made[6]).toBeCloseTo(0.4);
    expect(row(putKept(drawn, { image: mixed, firstFrame: 0, isKept: (_, frame) => frame < 6 }, { detail: 0, reachFrames: 8, holdFrames: 4 }), 0)[6]).toBe(0);
  });
});

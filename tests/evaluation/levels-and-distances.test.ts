import { describe, expect, it } from 'vitest';
import { defaultMelSettings } from '../../src/config/mel.js';
import { guardedClip, measureLevel, reportLevels, type GuardedClip } from '../../src/evaluation/level-guard.js';
import { coarseOf, copyDistanceDb } from '../../src/evaluation/memorisation.js';
import { logMelStatistics } from '../../src/evaluation/log-mel-statistics.js';
import { melDistance, poolDistances } from '../../src/evaluation/mel-distance.js';
import type { MelImage } from '../../src/spectrogram/mel-image.js';

const settings = { ...defaultMelSettings, melBins: 8, frames: 32, floorDb: -80, ceilingDb: 0 };
const flat = (db: number): MelImage => ({ settings, frameCount: 32, data: new Float32Array(8 * 32).fill((db + 80) / 40 - 1) });

describe('levels', () => {
  it('reads a full-scale square as 0 dBFS in peak and RMS', () => {
    const square = Float32Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? 1 : -1));
    expect(measureLevel(square)).toEqual({ peakDbfs: 0, rmsDbfs: 0 });
  });
});

describe('the level guard', () => {
  const RATE = 8000;
  /** Decaying harmonics at a level in dB, in two labels of which the second is 20 dB quieter. In step they peak together. */
  const clip = (levelDb: number, { label = 0, isInStep = false } = {}): GuardedClip => {
    const gain = 0.05 * 10 ** ((levelDb - 20 * label) / 20);
    const samples = Float32Array.from({ length: RATE }, (_, index) => {
      let sum = 0;
      for (let order = 1; order <= 16; order += 1) sum += Math.cos((2 * Math.PI * 150 * order * index) / RATE + (isInStep ? 0 : Math.PI * order * order / 16));
      return gain * sum * Math.exp((-3 * index) / RATE);
    });
    return guardedClip([samples], { sampleRateHz: RATE, label });
  };
  const real = [-2, -1, 0, 1, 2].flatMap((db) => [clip(db), clip(db, { label: 1 })]);
  const silence = guardedClip([new Float32Array(RATE)], { sampleRateHz: RATE, label: 0 });
  const shareOf = (...judged: GuardedClip[]): number => reportLevels(judged, real).inRangeShare;

  it('passes clips as loud as real ones of their label are, and 3 dB beyond', () => {
    expect(shareOf(clip(0), clip(0, { label: 1 }), clip(4.9), clip(-4.9))).toBe(1);
    expect(reportLevels([clip(4.9)], real, { toleranceDb: 2 }).inRangeShare).toBe(0);
  });

  it.each([
    ['10 dB too loud', clip(10)],
    ['10 dB too quiet', clip(-10, { label: 1 })],
    ['10 dB too loud for its label alone', clip(10, { label: 1 })],
    ['10 dB too quiet for its label alone', clip(-10)],
    ['silent', silence],
    ['of a label without real clips', clip(0, { label: 2 })],
  ])('fails a clip that is %s', (_, wrong) => {
    expect(shareOf(wrong)).toBe(0);
    expect(shareOf(wrong, clip(0))).toBe(0.5);
  });

  it('does not judge by peaks, which phases decide, but tells them', () => {
    const inStep = clip(0, { isInStep: true });
    expect(inStep.peakDbfs).toBeGreaterThan(Math.max(...real.map(({ peakDbfs }) => peakDbfs)) + 3);
    const report = reportLevels([inStep, clip(0)], real);
    expect(report).toMatchObject({ inRangeShare: 1, highestPeakDbfs: inStep.peakDbfs, realHighestPeakDbfs: clip(2).peakDbfs });
  });

  it('calls digital silence silent, also where half is, and leaves silent real clips out of the range', () => {
    expect(reportLevels([silence, clip(0)], [...real, silence])).toMatchObject({ silentShare: 0.5, inRangeShare: 0.5, medianLufs: -Infinity, realRangeLufs: [clip(-2, { label: 1 }).loudnessLufs, clip(2).loudnessLufs] });
    expect(reportLevels([], real)).toMatchObject({ silentShare: 0, inRangeShare: 0, medianLufs: Number.NaN });
  });
});

describe('mel distance', () => {
  it('reads a uniform shift as its decibels and its sign', () => {
    const distance = melDistance(flat(-30), flat(-33));
    expect(distance.activeErrorDb).toBeCloseTo(3, 4);
    expect(distance.biasDb).toBeCloseTo(-3, 4);
    expect(distance.activeCells).toBe(8 * 32);
  });

  it('leaves cells near the floor out of the active error', () => {
    expect(melDistance(flat(-77), flat(-20)).activeCells).toBe(0);
    expect(poolDistances([melDistance(flat(-77), flat(-20)), melDistance(flat(-30), flat(-31))]).activeErrorDb).toBeCloseTo(1, 4);
  });

  it('compares mid and side of stereo sound, and not panning', () => {
    const stereo = (midDb: number, sideDb: number, panning: number): MelImage => {
      const [mid, side] = [midDb, sideDb].map((db) => flat(db));
      return { ...mid, settings: { ...mid.settings, channels: 2 }, data: Float32Array.from([...mid.data, ...side.data, ...mid.data.map(() => panning)]) };
    };
    expect(melDistance(stereo(-30, -40, 0), stereo(-32, -44, 1)).activeErrorDb).toBeCloseTo(3, 4);
    expect(melDistance(stereo(-30, -40, 0), stereo(-30, -40, 1)).errorDb).toBe(0);
    expect(copyDistanceDb(stereo(-30, -40, 0), stereo(-30, -44, 0))).toBeCloseTo(2, 4); // at the gain between them
    expect(coarseOf(stereo(-30, -40, 0)).data.length).toBe(2 * 16);
    const twelveBins: MelImage = { settings: { ...settings, channels: 2, melBins: 12 }, frameCount: 2, data: new Float32Array(36 * 2).fill(0.5, 0, 12 * 2) };
    expect([...coarseOf(twelveBins).data]).toEqual([0.5, 0.5, 0, 0]); // no row holds both channels
    const [first, other] = [logMelStatistics(stereo(-30, -40, 0.5)), logMelStatistics(stereo(-30, -40, -0.5))];
    expect([first.length, first[0], first[32]]).toEqual([96, expect.closeTo(50, 3), expect.closeTo(40, 3)]);
    expect([first[64], other[64]]).toEqual([expect.closeTo(20, 3), expect.closeTo(-20, 3)]);
    expect(() => melDistance(stereo(-30, -40, 0), flat(-30))).toThrow(/melDistance/);
  });

  it('refuses images of other sizes', () => {
    expect(() => melDistance(flat(-30), { ...flat(-30), frameCount: 16 })).toThrow(/melDistance/);
  });
});

describe('log-mel statistics', () => {
  it('are zero for silence and the level for a steady sound', () => {
    expect([...logMelStatistics(flat(-80))].every((value) => Math.abs(value) < 1e-4)).toBe(true);
    const steady = logMelStatistics(flat(-30));
    expect(steady[0]).toBeCloseTo(50, 3);
    expect(steady[8]).toBeCloseTo(0, 1);
    expect(steady[16]).toBeCloseTo(50, 3);
  });
});

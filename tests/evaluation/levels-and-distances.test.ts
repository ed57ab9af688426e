import { describe, expect, it } from 'vitest';
import { defaultMelSettings } from '../../src/config/mel.js';
import { measureLevel, reportLevels } from '../../src/evaluation/level-guard.js';
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

  it('calls digital silence silent and out of range', () => {
    const silence = measureLevel(new Float32Array(50));
    const real = [{ peakDbfs: -6, rmsDbfs: -20 }, { peakDbfs: -12, rmsDbfs: -25 }];
    expect(reportLevels([silence, real[0]], real)).toMatchObject({ silentShare: 0.5, inRangeShare: 0.5, realRangeDbfs: [-12, -6] });
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

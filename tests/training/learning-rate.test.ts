import { assert, double, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learningRateShare } from '../../src/training/learning-rate.js';

describe('learningRateShare', () => {
  const settings = { steps: 101, warmupSteps: 10, finalLearningRateShare: 0.1 };

  it('rises to 1 over the warm-up and falls to the final share at the last step', () => {
    expect(learningRateShare(0, settings)).toBeCloseTo(1 / 11, 12);
    expect(learningRateShare(9, settings)).toBeCloseTo(10 / 11, 12);
    expect(learningRateShare(10, settings)).toBe(1);
    expect(learningRateShare(55, settings)).toBeCloseTo(0.55, 12);
    expect(learningRateShare(100, settings)).toBeCloseTo(0.1, 12);
  });

  it('rises, then falls, and stays in (0, 1] for any settings', () => {
    assert(
      property(integer({ min: 1, max: 300 }), integer({ min: 0, max: 400 }), double({ min: 0.01, max: 1, noNaN: true }), (steps, warmupSteps, finalLearningRateShare) => {
        let before = 0;
        for (let step = 0; step < steps; step += 1) {
          const share = learningRateShare(step, { steps, warmupSteps, finalLearningRateShare });
          expect(share).toBeGreaterThan(0);
          expect(share).toBeLessThanOrEqual(1);
          if (step > 0 && step <= warmupSteps) expect(share).toBeGreaterThanOrEqual(before);
          if (step > warmupSteps) expect(share).toBeLessThanOrEqual(before + 1e-12);
          before = share;
        }
      }),
      { numRuns: 50 },
    );
  });
});

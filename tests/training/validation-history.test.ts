import { describe, expect, it } from 'vitest';
import { bestValidation, describeValidation, stoppedImproving } from '../../src/training/validation-history.js';

const records = (...losses: number[]) => losses.map((loss, index) => ({ step: (index + 1) * 10, figures: { loss, errorDb: 2 } }));

describe('the history of validations', () => {
  it('knows the best, the first of equals', () => {
    expect(bestValidation(records(3, 1, 2, 1))?.step).toBe(20);
    expect(bestValidation([])).toBeNull();
  });

  it('says that improvement has stopped once per patience, and not while it lasts', () => {
    const losses = [3, 2, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 0.9, 1];
    const said = losses.map((_, index) => stoppedImproving(records(...losses.slice(0, index + 1)), 2) !== null);
    expect(said).toEqual([false, false, false, false, true, false, true, false, false, false]);
    expect(stoppedImproving(records(1, 2, 3), 2)).toMatch(/stopped improving: the best was 1\.000 at step 10, 2 validations ago/);
    expect(stoppedImproving([], 1)).toBeNull();
  });

  it('is described in a line', () => {
    expect(describeValidation(records(2, 3))).toBe('step 20: validation loss 3.000 (best 2.000 at step 10), errorDb 2.000');
    expect(describeValidation(records(2, 1))).toContain('the best so far');
  });
});

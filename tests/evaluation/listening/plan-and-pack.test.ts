import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AbxTrial, Item, PreferenceTrial } from '../../../src/evaluation/listening/listening-test.js';
import { fromBytes, toBytes } from '../../../src/evaluation/listening/pack-sound.js';
import { pairsOf, planTrials } from '../../../src/evaluation/listening/plan-trials.js';
import { binomialTail } from '../../../src/evaluation/listening/statistics.js';

function items(count: number, { conditions = ['a', 'b', 'c'], hasReference = true } = {}): Item[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `item ${index}`, loopSamples: 100, reference: hasReference ? { condition: 'reference', sound: 0 } : null,
    stimuli: conditions.map((condition, sound) => ({ condition, sound: sound + 1 })),
  }));
}

const TEST = { seed: 4, trials: 12, practice: 0 };

describe('the plan', () => {
  it('is the same for a listener who comes back, and another for another', () => {
    const test = { ...TEST, kind: 'mushra', items: items(6) } as const;
    expect(planTrials(test, ' Ann ')).toEqual(planTrials(test, 'ann'));
    expect(planTrials(test, 'ann')).not.toEqual(planTrials(test, 'bob'));
    expect(planTrials({ ...test, seed: 5 }, 'ann')).not.toEqual(planTrials(test, 'ann'));
  });

  it('of MUSHRA asks for each item once with all its sounds', () => {
    const plan = planTrials({ ...TEST, kind: 'mushra', items: items(6) }, 'ann');
    expect(plan.map(({ item }) => item).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    for (const trial of plan) expect(trial.kind === 'mushra' && [...trial.order].sort()).toEqual(['a', 'b', 'c']);
  });

  it('of ABX has its number of trials for each pair, items in turn, and X and sides even in the long run', () => {
    const plan = planTrials({ ...TEST, trials: 400, kind: 'abx', items: items(4) }, 'ann') as AbxTrial[];
    expect(plan).toHaveLength(3 * 400);
    for (const condition of ['a', 'b', 'c']) {
      const own = plan.filter((trial) => trial.a === condition || trial.b === condition);
      expect(own).toHaveLength(400);
      for (const item of [0, 1, 2, 3]) expect(own.filter((trial) => trial.item === item)).toHaveLength(100);
    }
    for (const isSo of [(trial: AbxTrial) => trial.x === 'a', (trial: AbxTrial) => trial.a === 'reference']) {
      const hits = plan.filter(isSo).length;
      expect(Math.min(binomialTail(hits, 1200), binomialTail(1200 - hits, 1200))).toBeGreaterThan(1e-4);
    }
  });

  it('of preference asks for every pair of every item', () => {
    const plan = planTrials({ ...TEST, trials: 2, kind: 'preference', items: items(3, { hasReference: false }) }, 'ann') as PreferenceTrial[];
    const asked = plan.map(({ item, a, b }) => `${item} ${[a, b].sort().join('/')}`);
    expect(asked).toHaveLength(18);
    expect(new Set(asked).size).toBe(9);
  });

  it('begins with practice that does not count', () => {
    const plan = planTrials({ ...TEST, practice: 2, kind: 'mushra', items: items(3) }, 'ann');
    expect(plan.map(({ isPractice }) => isPractice)).toEqual([true, true, false, false, false]);
  });

  it('compares with the reference, or each with each', () => {
    expect(pairsOf(items(1))).toEqual([['reference', 'a'], ['reference', 'b'], ['reference', 'c']]);
    expect(pairsOf(items(1, { hasReference: false }))).toEqual([['a', 'b'], ['a', 'c'], ['b', 'c']]);
  });
});

describe('packing', () => {
  it('comes back bit for bit', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: -32768, max: 32767 }), { minLength: 1, maxLength: 60 }), fc.boolean(), (samples, isStereo) => {
      const channels = [Int16Array.from(samples), ...(isStereo ? [Int16Array.from(samples).reverse()] : [])];
      expect(fromBytes(toBytes(channels), channels.length)).toEqual(channels);
    }));
  });

  it('makes a tone smaller than deflate alone does', () => {
    const tone = Int16Array.from({ length: 20_000 }, (_, index) => Math.round(9000 * Math.sin(index / 9) + 3000 * Math.sin(index / 2.3)));
    const packed = deflateRawSync(toBytes([tone]), { level: 9 }).length;
    expect(packed).toBeLessThan(0.6 * deflateRawSync(new Uint8Array(tone.buffer), { level: 9 }).length);
  });
});

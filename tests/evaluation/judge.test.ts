import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { fitJudge, type JudgedClip } from '../../src/evaluation/judge.js';

function cluster(label: number, centre: number, count: number): JudgedClip[] {
  const random = createRandom(1, 'judge', label, count);
  return Array.from({ length: count }, () => ({ label, features: Float64Array.from({ length: 6 }, () => centre + 0.3 * random.normal()) }));
}

describe('judge', () => {
  const real = [...cluster(0, 0, 12), ...cluster(1, 3, 12), ...cluster(2, -3, 12)];

  it('gives separated clips their label', () => {
    const judge = fitJudge(real);
    expect(judge.agreement([...cluster(0, 0, 7), ...cluster(1, 3, 7), ...cluster(2, -3, 7)])).toBe(1);
  });

  it('judges each of its own clips by the others alone', () => {
    expect(fitJudge(real).selfAgreement()).toBe(1);
    const stray: JudgedClip = { label: 2, features: Float64Array.from({ length: 6 }, () => 0.01) }; // among those of label 0
    expect(fitJudge([...real, stray]).selfAgreement()).toBe(real.length / (real.length + 1));
    expect(fitJudge([...real, stray], { neighbours: 1 }).assign(stray.features)).toBe(2);
  });

  it('fails clips whose labels are shuffled', () => {
    const judge = fitJudge(real);
    const shuffled = [...cluster(0, 3, 10), ...cluster(1, -3, 10), ...cluster(2, 0, 10)];
    expect(judge.agreement(shuffled)).toBe(0);
    expect(judge.confusion(shuffled, 3)).toEqual([[0, 10, 0], [0, 0, 10], [10, 0, 0]]);
  });

  it('falls to chance when labels say nothing', () => {
    const random = createRandom(5, 'chance');
    const judge = fitJudge(real.map((clip) => ({ ...clip, label: random.integer(3) })));
    const probes = Array.from({ length: 90 }, (_, index) => ({ ...cluster(index % 3, 3 * ((index % 3) - 1), 1)[0], label: random.integer(3) }));
    expect(judge.agreement(probes)).toBeLessThan(0.55);
  });

  it('ignores features that never vary', () => {
    const judge = fitJudge(real.map(({ label, features }) => ({ label, features: Float64Array.of(...features, 7) })));
    expect(judge.assign(Float64Array.of(3, 3, 3, 3, 3, 3, 1e9))).toBe(1);
  });

  it('refuses to judge without real clips', () => {
    expect(() => fitJudge([])).toThrow(/no real clips/);
  });
});

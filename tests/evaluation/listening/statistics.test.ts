// Against scipy; its version and the script stand beside the numbers.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { binomialTail, holm, meanInterval, quartiles, shareInterval, signFlipTest, signTest, tQuantile } from '../../../src/evaluation/listening/statistics.js';

interface Fixture {
  readonly binomial: readonly (readonly [number, number, number, number, number, number])[];
  readonly t: readonly (readonly [number, number, number])[];
  readonly means: readonly (readonly [number[], number, number])[];
  readonly flips: readonly (readonly [number[], number])[];
}

const reference = JSON.parse(readFileSync(new URL('fixtures/statistics.json', import.meta.url), 'utf8')) as Fixture;

/** Relative 1e-10, since everything is computed in doubles by another series. */
function expectClose(got: number, wanted: number): void {
  expect(Math.abs(got - wanted)).toBeLessThanOrEqual(1e-10 * Math.abs(wanted) + 1e-14);
}

describe('shares', () => {
  it.each(reference.binomial)('of %i in %i have scipy’s p-values and exact interval', (hits, count, greater, twoSided, low, high) => {
    expectClose(binomialTail(hits, count), greater);
    expectClose(signTest(hits, count - hits), twoSided);
    const [from, to] = shareInterval(hits, count);
    expectClose(from, low);
    expectClose(to, high);
  });

  it('of 12 in 16 are counted by hand: 2517 of 65536 ways', () => expectClose(binomialTail(12, 16), 2517 / 65536));
  it('of nothing are no surprise', () => expect([binomialTail(0, 0), signTest(0, 0)]).toEqual([1, 1]));
});

describe('means', () => {
  it.each(reference.t)('t below %d with %i degrees of freedom', (probability, freedom, t) => expectClose(tQuantile(probability, freedom), t));
  it.each(reference.means)('of %j have scipy’s interval', (values, low, high) => {
    const interval = meanInterval(values);
    expectClose(interval.low, low);
    expectClose(interval.high, high);
  });
  it('of one value have no interval', () => expect(meanInterval([3])).toEqual({ mean: 3, low: Number.NaN, high: Number.NaN }));
});

describe('the test of randomisation', () => {
  it.each(reference.flips)('of %j counts all signs as scipy does', (differences, p) => expectClose(signFlipTest(differences), p));

  it('draws where there are too many, and comes close to what counting gives', () => {
    const base = reference.flips[2][0];
    const many = [...base, ...base.map((value) => -value / 2)];
    const draws = signFlipTest(many);
    expect(signFlipTest(many)).toBe(draws);
    const variance = many.reduce((sum, value) => sum + value * value, 0);
    const z = Math.abs(many.reduce((sum, value) => sum + value, 0)) / Math.sqrt(variance);
    const t = z * Math.sqrt((many.length - 1) / (many.length - z * z));
    // The t test is the same question with a bell curve in place of the counted signs: with 22 differences they agree within 0.03.
    const p = 2 * (1 - shareBelow(t, many.length - 1));
    expect(Math.abs(draws - p)).toBeLessThan(0.03);
  });

  it('of nothing is 1', () => expect(signFlipTest([])).toBe(1));
});

describe('Holm', () => {
  it('raises each value by how many are left, and never breaks their order', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([0.6, 0.7])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });
});

describe('quartiles', () => {
  it('count the middle value to both halves, as BS.1534 has it', () => {
    expect(quartiles([5, 1, 4, 2, 3])).toEqual({ low: 2, median: 3, high: 4 });
    expect(quartiles([1, 2, 3, 4])).toEqual({ low: 1.5, median: 2.5, high: 3.5 });
    expect(quartiles([7])).toEqual({ low: 7, median: 7, high: 7 });
    expect(quartiles([]).median).toBeNaN();
  });
});

function shareBelow(t: number, freedom: number): number {
  let [low, high] = [0.5, 1 - 1e-9];
  for (let round = 0; round < 60; round += 1) {
    const half = (low + high) / 2;
    if (tQuantile(half, freedom) < t) low = half;
    else high = half;
  }
  return low;
}

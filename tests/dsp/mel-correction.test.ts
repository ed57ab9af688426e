import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { applyMelFilterBank, melFilterBank } from '../../src/dsp/mel.js';
import { createMelCorrection } from '../../src/dsp/mel-correction.js';
import { expectClose } from '../support/close.js';

const bank = melFilterBank({ sampleRateHz: 22_050, fftSize: 1024, melBins: 80, minHz: 20, maxHz: 11_025, melScale: 'slaney', melNorm: 'slaney' });
const { melBins, binCount, filterOf, lowerWeights, upperWeights, weights } = bank;
const { correct, spread } = createMelCorrection(bank);
const random = createRandom(3, 'mel correction');

/** Power as of noise, whose bins differ by tens of decibels. */
function noisePower(): Float64Array {
  return Float64Array.from({ length: binCount }, (_, bin) => (random.normal() ** 2 + random.normal() ** 2) / (1 + bin) ** 2);
}

function held(power: Float64Array): Float32Array {
  const sums = new Float64Array(melBins);
  applyMelFilterBank(bank, power, sums);
  return Float32Array.from(sums);
}

function offDb(power: Float64Array, wanted: Float32Array): number {
  return held(power).reduce((sum, value, filter) => sum + Math.abs(10 * Math.log10(value / wanted[filter])), 0) / melBins;
}

/** Richardson and Lucy's step from the filters as a full matrix. */
function richardsonLucy(power: Float64Array, wanted: Float32Array): Float64Array {
  const sums = held(power);
  return power.map((value, bin) => {
    let up = 0;
    let all = 0;
    for (let filter = 0; filter < melBins; filter += 1) {
      const weight = weights[filter * binCount + bin];
      up += weight * (wanted[filter] / sums[filter]);
      all += weight;
    }
    return all === 0 ? 0 : value * (up / all);
  });
}

describe('correct', () => {
  it('leaves what is right, and nothing under no filter', () => {
    const power = noisePower();
    const before = power.slice();
    correct(power, held(power));
    expectClose(power, before.map((value, bin) => (filterOf[bin] < 0 ? 0 : value)), { absolute: 0, relative: 1e-4, reason: 'what is wanted is in float32' });
    expect(before[0]).toBeGreaterThan(0);
    expect(power[0]).toBe(0);
  });

  it('comes as near at once as ten of Richardson and Lucy\'s steps', () => {
    let ours = 0;
    let byTen = 0;
    for (let trial = 0; trial < 20; trial += 1) {
      const wanted = held(noisePower());
      const start = noisePower();
      let theirs: Float64Array = start.slice();
      for (let step = 0; step < 10; step += 1) theirs = richardsonLucy(theirs, wanted);
      correct(start, wanted);
      ours += offDb(start, wanted) / 20;
      byTen += offDb(theirs, wanted) / 20;
    }
    expect(ours).toBeLessThan(byTen);
    expect(byTen).toBeLessThan(0.5);
  });

  it('begins with one of them: alone under a filter, that is all', () => {
    const single = melFilterBank({ sampleRateHz: 22_050, fftSize: 1024, melBins: 1, minHz: 300, maxHz: 900, melScale: 'htk', melNorm: 'none' });
    const power = noisePower();
    const wanted = new Float32Array([7]);
    const sum = power.reduce((all, value, bin) => all + value * single.weights[bin], 0);
    const expected = power.map((value, bin) => (single.weights[bin] > 0 ? (value * 7) / sum : 0));
    createMelCorrection(single).correct(power, wanted);
    expectClose(power, expected, { absolute: 1e-12, relative: 1e-6 });
  });

  it('never goes below 0, is silent where the frame is, and leaves bins that hold nothing', () => {
    const power = noisePower().map((value, bin) => (bin % 7 === 3 ? 0 : value));
    const wanted = held(noisePower()).map((value, filter) => (filter < 20 ? 0 : value * (filter % 3 === 0 ? 30 : 1)));
    for (let step = 0; step < 5; step += 1) correct(power, wanted);
    expect(power.every((value) => value >= 0)).toBe(true);
    power.forEach((value, bin) => {
      if (bin % 7 === 3 || filterOf[bin] < 0 || (filterOf[bin] < 19 && lowerWeights[bin] + upperWeights[bin] > 0)) expect(value).toBeLessThan(1e-6 * power.reduce((a, b) => a + b, 0));
      if (bin % 7 === 3) expect(value).toBe(0);
    });
  });

  it('raises what holds next to nothing by 40 dB at most', () => {
    const power = noisePower();
    const wanted = held(power);
    const faint = power.map((value) => 1e-12 * value);
    correct(faint, wanted);
    faint.forEach((value, bin) => expect(value).toBeLessThanOrEqual(1e-8 * power[bin] * (1 + 1e-6)));
    expect(faint.reduce((a, b) => a + b, 0)).toBeGreaterThan(0.99e-10 * power.reduce((a, b, bin) => a + (filterOf[bin] < 0 ? 0 : b), 0));
  });
});

describe('spread', () => {
  it('is even where equal bins hold what is wanted', () => {
    const out = new Float64Array(binCount);
    spread(held(new Float64Array(binCount).fill(0.02)), out);
    expectClose(out, out.map((_, bin) => (filterOf[bin] < 0 ? 0 : 0.02)), { absolute: 0, relative: 1e-5, reason: 'what is wanted is in float32' });
  });

  it('holds what is wanted, and is less peaked than the noise', () => {
    const power = noisePower();
    const out = noisePower();
    spread(held(power), out);
    expect(offDb(out, held(power))).toBeLessThan(0.01);
    const roughness = (values: Float64Array): number => values.reduce((sum, value, bin) => sum + (filterOf[bin] < 0 || bin === 1 ? 0 : Math.abs(Math.log(value / values[bin - 1]))), 0);
    expect(roughness(out)).toBeLessThan(0.3 * roughness(power));
  });
});

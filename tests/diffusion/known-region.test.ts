import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { drawNoise, resampleKnown, sampleEuler, samplerByName, SAMPLER_NAMES, withKnown, type Sampler } from '../../src/diffusion/index.js';
import { useEngine } from '../support/engine.js';
import { geometricSigmas } from './gaussian.js';
import { ar1Denoiser } from './gaussian-process.js';

useEngine();

const [ROWS, LENGTH, KNOWN, VALUE, MEMORY] = [1500, 24, 12, 1.5, 0.9];

interface Drawn {
  readonly values: Float32Array;
  /** Of the drawn columns, the nearest first: their means, over what the known value makes of them, and their variances likewise. */
  readonly means: readonly number[];
  readonly variances: readonly number[];
}

/** Rows of an AR(1) process, half of each known to be 1.5 throughout. */
async function draw(resamples: number, { sample = sampleEuler as Sampler, steps = 30 } = {}): Promise<Drawn> {
  const isKnown = tf.tensor4d(Float32Array.from({ length: LENGTH }, (_, column) => (column < KNOWN ? 1 : 0)), [1, 1, LENGTH, 1]);
  const clean = tf.fill([1, ROWS, LENGTH, 1], VALUE) as tf.Tensor4D;
  const noise = drawNoise([createRandom(5)], [1, ROWS, LENGTH, 1]);
  const region = { clean, isKnown };
  const denoise = ar1Denoiser({ memory: MEMORY, deviation: 1 }, LENGTH);
  const end = await sample({
    sigmas: steps === 1 ? [60, 0] : geometricSigmas(steps - 1, 60, 0.03), initialNoise: noise, condition: null, random: [createRandom(6)], denoise: withKnown(denoise, region, noise),
    correct: resampleKnown(region, { denoise, condition: null, resamples, random: [createRandom(7)] }),
  });
  const values = (await end.data()) as Float32Array;
  tf.dispose([isKnown, clean, noise, end]);
  const columns = Array.from({ length: LENGTH - KNOWN }, (_, index) => Array.from({ length: ROWS }, (_row, row) => values[row * LENGTH + KNOWN + index]));
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  return {
    values,
    means: columns.map((list, index) => mean(list) / (VALUE * MEMORY ** (index + 1))),
    variances: columns.map((list, index) => mean(list.map((value) => (value - mean(list)) ** 2)) / (1 - MEMORY ** (2 * index + 2))),
  };
}

describe('a known region', () => {
  it.each(SAMPLER_NAMES)('comes out as it is with %s, in one step too, and leaves no tensor', async (name) => {
    await draw(1, { sample: samplerByName(name), steps: 1 });
    const before = tf.memory().numTensors;
    for (const steps of [1, 12]) {
      const { values } = await draw(1, { sample: samplerByName(name), steps });
      expect(values.every((value, cell) => cell % LENGTH >= KNOWN || Math.abs(value - VALUE) < 1e-5)).toBe(true);
      expect(values.every(Number.isFinite)).toBe(true);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is heeded the more, the more often the rest is resampled', async () => {
    // 1 is the exact answer, the mean and the variance given the known part.
    const [none, two, four] = [await draw(0), await draw(2), await draw(4)];
    expect(none.means[0]).toBeLessThan(0.65);
    expect(two.means[0]).toBeGreaterThan(0.8);
    expect(four.means[0]).toBeGreaterThan(0.87);
    expect(four.means[0]).toBeLessThan(1.02);
    expect(four.means[3]).toBeGreaterThan(none.means[3] * 1.8);
    expect(none.variances[0]).toBeGreaterThan(1.8);
    expect(four.variances[0]).toBeGreaterThan(0.85);
    expect(four.variances[0]).toBeLessThan(1.2);
  });

  it('may not be resampled a negative number of times', () => {
    const nothing = tf.zeros([1, 1, 1, 1]) as tf.Tensor4D;
    expect(() => resampleKnown({ clean: nothing, isKnown: nothing }, { denoise: tf.clone, condition: null, resamples: -1, random: [] })).toThrow('resamples: got -1');
    nothing.dispose();
  });
});

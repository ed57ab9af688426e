import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import {
  createNoiseSchedule, drawNoise, invertDdim, planSampler, planScheduler, sampleDdim, type Denoiser, type NoiseSettings, type SamplingPlan, type SchedulerSettings,
} from '../../src/diffusion/index.js';
import { useEngine } from '../support/engine.js';
import { geometricSigmas, idealDenoiser } from './gaussian.js';

const DATA = { mean: 0.6, deviation: 0.5 };
const SHAPE: [number, number, number, number] = [2, 3, 4, 1];
const base: NoiseSettings = { trainTimesteps: 1000, betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012, predictionType: 'v_prediction', zeroTerminalSnr: true };
const schedule = createNoiseSchedule(base);

useEngine();

/** Values of the data. */
function cleanSample(): tf.Tensor4D {
  const noise = drawNoise([1, 2].map((seed) => createRandom(seed, 'clean')), SHAPE);
  const clean = tf.tidy(() => tf.add(tf.mul(noise, DATA.deviation), DATA.mean) as tf.Tensor4D);
  noise.dispose();
  return clean;
}

interface Options {
  readonly corrections?: number;
  readonly denoise?: Denoiser<unknown>;
}

/** How far the clean sample is missed when the noise that was found is sampled again along the same path. */
async function missedBy(path: SamplingPlan<unknown>['path'], { corrections, denoise = idealDenoiser(DATA) }: Options = {}): Promise<number> {
  const clean = cleanSample();
  const noise = await invertDdim({ ...path, denoise, clean, condition: null, corrections });
  const again = await sampleDdim({ ...path, denoise, initialNoise: noise, condition: null, random: [] });
  const missed = tf.tidy(() => tf.max(tf.abs(tf.sub(again, clean))).dataSync()[0]);
  tf.dispose([clean, noise, again]);
  return missed;
}

describe('invertDdim', () => {
  it('finds the noise that the exact equation leads back to, with the error of a first-order method', async () => {
    const clean = cleanSample();
    const values = clean.dataSync();
    const errorWith = async (steps: number): Promise<number> => {
      const sigmas = geometricSigmas(steps, 20, 2e-3);
      const noise = await invertDdim({ sigmas, denoise: idealDenoiser(DATA), clean, condition: null, corrections: 6 });
      const exact = Array.from(values, (value) => ((value - DATA.mean) * (Math.hypot(DATA.deviation, 20) / DATA.deviation) + DATA.mean) / 20);
      const error = Math.max(...Array.from(noise.dataSync(), (value, index) => Math.abs(value - exact[index])));
      noise.dispose();
      return error;
    };
    const [coarse, fine] = [await errorWith(40), await errorWith(80)];
    clean.dispose();
    expect(Math.abs(Math.log2(coarse / fine) - 1)).toBeLessThan(0.25);
    expect(fine).toBeLessThan(0.1);
  });

  it('is undone by sampling again, the nearer the more corrections', async () => {
    const { path } = planSampler({ schedule, steps: 20 }, 'ddim');
    const [none, two, six] = [await missedBy(path, { corrections: 0 }), await missedBy(path, { corrections: 2 }), await missedBy(path, { corrections: 6 })];
    expect(none).toBeGreaterThan(0.02);
    expect(two).toBeLessThan(none / 4);
    expect(six).toBeLessThan(2e-3);
  });

  it('converges also over a few long steps, and for data of other deviations than it assumes', async () => {
    for (const steps of [1, 2, 5]) {
      const { path } = planSampler({ schedule, steps }, 'ddim');
      // From noise alone nothing leads back to one sample, in a single step least of all.
      if (steps > 1) expect(await missedBy(path, { corrections: 40 })).toBeLessThan(5e-3);
      else expect(Number.isFinite(await missedBy(path))).toBe(true);
    }
    const { path } = planSampler({ schedule, steps: 30 }, 'ddim');
    const narrow = idealDenoiser({ mean: DATA.mean, deviation: 0.4 });
    expect(await missedBy(path, { corrections: 60, denoise: narrow })).toBeLessThan(5e-3);
  });

  const dpm = { kind: 'dpm', spacing: 'leading', stepsOffset: 1, sigmaSpacing: 'timesteps', sigmaMin: null, sigmaMax: null, order: 1, solverType: 'midpoint', isStochastic: false, lowerOrderFinal: true, eulerAtFinal: false, smallestLogSnr: null } as const;
  it.each<SchedulerSettings>([
    { kind: 'ddim', spacing: 'leading', stepsOffset: 1, clipRange: null, endsAtZero: false },
    { kind: 'ddim', spacing: 'trailing', stepsOffset: 0, clipRange: null, endsAtZero: true },
    { ...dpm, endsAtZero: false },
    { kind: 'euler', spacing: 'linspace', stepsOffset: 0, sigmaSpacing: 'timesteps', sigmaMin: null, sigmaMax: null, endsAtZero: true },
  ])('goes back along the path of a scheduler: %j', async (scheduler) => {
    const { path } = planScheduler({ schedule, steps: 24 }, scheduler);
    expect(await missedBy(path, { corrections: 12 })).toBeLessThan(5e-3);
  });

  it('counts its steps, stops when aborted, and leaves no tensors', async () => {
    const { path } = planSampler({ schedule, steps: 6 }, 'ddim');
    const clean = cleanSample();
    const before = tf.memory().numTensors;
    const seen: number[] = [];
    const abort = new AbortController();
    const options = { ...path, denoise: idealDenoiser(DATA), clean, condition: null };
    (await invertDdim({ ...options, onStep: (done) => seen.push(done) })).dispose();
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    const stopped = invertDdim({ ...options, signal: abort.signal, onStep: (done) => done === 2 && abort.abort(new Error('enough')) });
    await expect(stopped).rejects.toThrow('enough');
    await expect(invertDdim({ ...options, corrections: -1 })).rejects.toThrow('corrections');
    expect(tf.memory().numTensors).toBe(before);
    clean.dispose();
  });
});

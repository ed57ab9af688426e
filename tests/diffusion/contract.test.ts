// What holds for every way to sample, named samplers and the reference's schedulers alike, one step included: finite, the same whatever the batch.
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import {
  createNoiseSchedule, drawNoise, planSampler, planScheduler, SAMPLER_NAMES, spreadWindows, withWindows, type Denoiser, type NoiseSettings, type SamplingPlan,
} from '../../src/diffusion/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { idealDenoiser } from './gaussian.js';
import { FLOW, leastSteps, SCHEDULERS } from './schedulers.js';

useEngine();

const base: NoiseSettings = { trainTimesteps: 1000, betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012, predictionType: 'v_prediction', zeroTerminalSnr: false };
const schedule = createNoiseSchedule(base);
const flow = createNoiseSchedule({ ...base, predictionType: 'flow' });
const DATA = { mean: 0.3, deviation: 0.5 };
const COLUMNS = 11;
const SEVEN = [1, 2, 3, 4, 5, 6, 7];

type Plan = (steps: number, strength?: number) => SamplingPlan<null>;
const plans: readonly (readonly [string, Plan, number])[] = [
  ...SAMPLER_NAMES.flatMap((name) => (['trailing', 'karras'] as const).map((spacing) => [`${name} on ${spacing}`, (steps, strength) => planSampler({ schedule, steps, eta: 0.5, strength }, name, spacing), 1] as const satisfies readonly [string, Plan, number])),
  ...SCHEDULERS.map(([name, scheduler]) => [`scheduler ${name}`, (steps, strength) => planScheduler({ schedule, steps, eta: 0.5, strength }, scheduler), leastSteps(scheduler)] as const satisfies readonly [string, Plan, number]),
  [`scheduler ${FLOW[0]}`, (steps, strength) => planScheduler({ schedule: flow, steps, strength }, FLOW[1]), 1],
];

const windows = spreadWindows({ length: COLUMNS, width: 4, overlap: 0.5 });
/** Pulls every cell towards the mean of its window, so that windows have something to agree on. */
const windowed: Denoiser<null> = withWindows<null>(
  (noisy, sigma, condition) => tf.tidy(() => tf.add(tf.mul(idealDenoiser(DATA)(noisy, sigma, condition), 0.8), tf.mul(tf.mean(noisy, [1, 2], true), 0.2 / (1 + sigma)))),
  { windows, select: (condition) => condition, batchSize: 3 },
);

async function draw({ path, sample }: SamplingPlan<null>, denoise: Denoiser<null>, seeds: readonly number[]): Promise<Float32Array[]> {
  const initialNoise = drawNoise(seeds.map((seed) => createRandom(seed, 'noise', 'initial')), [seeds.length, 2, COLUMNS, 1]);
  const drawn = await sample({ ...path, denoise, initialNoise, condition: null, random: seeds.map((seed) => createRandom(seed, 'noise', 'steps')) });
  const values = drawn.dataSync<'float32'>();
  tf.dispose([initialNoise, drawn]);
  return seeds.map((_, item) => values.slice(item * 2 * COLUMNS, (item + 1) * 2 * COLUMNS));
}

describe.each(plans)('%s', (_, plan, least) => {
  it.each([[0], [1], [12]])('gives each item what it gets alone, in batches of 1, 2 and 7, in %d steps more than the least, in windows too', async (more) => {
    const steps = least + more;
    for (const denoise of [idealDenoiser(DATA), windowed]) {
      const seven = await draw(plan(steps), denoise, SEVEN);
      for (const values of seven) expect(values.every(Number.isFinite)).toBe(true);
      expect(seven[0]).not.toEqual(seven[1]);
      const pair = await draw(plan(steps), denoise, [7, 1]);
      const alone = await draw(plan(steps), denoise, [3]);
      for (const [item, values] of [[6, pair[0]], [0, pair[1]], [2, alone[0]]] as const) expectClose(values, seven[item], { absolute: 1e-5, reason: 'a mean over windows may be summed in another order' });
    }
  });

  it('does so part way too, and asks no more of the network', async () => {
    for (const [steps, strength] of [[least, 0.3], [10, 0.55]] as const) {
      let calls = 0;
      const counting: Denoiser<null> = (noisy, sigma, condition) => {
        calls += 1;
        return idealDenoiser(DATA)(noisy, sigma, condition);
      };
      const [both, alone] = [await draw(plan(steps, strength), counting, [1, 2]), await draw(plan(steps, strength), idealDenoiser(DATA), [2])];
      expectClose(both[1], alone[0], { absolute: 1e-6 });
      expect(both[0].every(Number.isFinite)).toBe(true);
      const partly = calls;
      calls = 0;
      await draw(plan(steps), counting, [1, 2]);
      expect(partly).toBeLessThanOrEqual(calls);
    }
  });
});

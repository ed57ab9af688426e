import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import {
  createNoiseSchedule, noisedStart, partWay, planSampler, planScheduler, SAMPLER_NAMES, SPACINGS, type NoiseSettings, type SamplingPlan, type SchedulerSettings,
} from '../../src/diffusion/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { idealDenoiser } from './gaussian.js';

const DATA = { mean: 0.6, deviation: 0.5 };
const SHAPE: [number, number, number, number] = [1, 20, 25, 1];
const base: NoiseSettings = { trainTimesteps: 1000, betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012, predictionType: 'v_prediction', zeroTerminalSnr: true };
const schedule = createNoiseSchedule(base);
const flow = createNoiseSchedule({ ...base, predictionType: 'flow' });
const plainDpm = { kind: 'dpm', spacing: 'leading', stepsOffset: 1, sigmaSpacing: 'timesteps', sigmaMin: null, sigmaMax: null, endsAtZero: false, order: 2, solverType: 'midpoint', isStochastic: false, lowerOrderFinal: true, eulerAtFinal: false, smallestLogSnr: null } as const;
const schedulers: readonly SchedulerSettings[] = [
  plainDpm,
  { ...plainDpm, spacing: 'trailing', order: 3, endsAtZero: true, isStochastic: true },
  { kind: 'ddim', spacing: 'leading', stepsOffset: 1, clipRange: null, endsAtZero: false },
  { kind: 'ddpm', spacing: 'trailing', stepsOffset: 0, clipRange: null, variance: 'small' },
  { kind: 'pndm', spacing: 'leading', stepsOffset: 1, endsAtZero: false, startsWithRungeKutta: false },
  { kind: 'pndm', spacing: 'leading', stepsOffset: 0, endsAtZero: true, startsWithRungeKutta: true },
  { kind: 'euler', spacing: 'linspace', stepsOffset: 0, sigmaSpacing: 'karras', sigmaMin: null, sigmaMax: null, endsAtZero: true },
  { kind: 'euler-ancestral', spacing: 'leading', stepsOffset: 1 },
  { kind: 'heun', spacing: 'trailing', stepsOffset: 0, sigmaSpacing: 'timesteps', sigmaMin: null, sigmaMax: null, clipRange: null },
  { kind: 'flow', shift: 3 },
];

type Planner = (steps: number, strength: number) => SamplingPlan<unknown>;
const planners: readonly (readonly [string, Planner])[] = [
  ...SAMPLER_NAMES.map((name) => [name, (steps: number, strength: number) => planSampler({ schedule, steps, strength }, name)] as const),
  ['ddim with eta', (steps, strength) => planSampler({ schedule, steps, strength, eta: 0.6 }, 'ddim')],
  ...schedulers.map((scheduler, index): readonly [string, Planner] => [
    `scheduler ${index} ${scheduler.kind}`,
    (steps, strength) => planScheduler({ schedule: scheduler.kind === 'flow' ? flow : schedule, steps, strength }, scheduler),
  ]),
];

useEngine();

/** 500 clean values of the data, and where sampling leads that starts from them with noise. */
async function redraw({ path, sample, skipped }: SamplingPlan<unknown>): Promise<{ clean: Float32Array; noise: Float32Array; drawn: Float32Array }> {
  const clean = createRandom(1, 'clean').normals(500).map((value) => DATA.mean + DATA.deviation * value);
  const noise = createRandom(2, 'noise').normals(500);
  const sigma = path.initialScale ?? path.sigmas[0];
  const tensors = [tf.tensor4d(clean, SHAPE), tf.tensor4d(noise, SHAPE)];
  const initialNoise = noisedStart({ clean: tensors[0], noise: tensors[1], sigma });
  const random = createRandom(3, 'steps');
  random.position = skipped * 2000; // four words for two numbers
  const result = await sample({ ...path, denoise: idealDenoiser(DATA), initialNoise, condition: null, random: [random] });
  const drawn = result.dataSync<'float32'>();
  tf.dispose([...tensors, initialNoise, result]);
  return { clean, noise, drawn };
}

function rms(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

describe.each(planners)('part way along %s', (name, plan) => {
  // Runge-Kutta steps need four; a single step of linspace is at the first timestep, with next to no noise; and a few pseudo-numerical
  // steps err by more than strengths differ.
  const counts = name.includes('5 pndm') ? [30] : name.includes('4 pndm') ? [1, 30] : name.includes('6 euler') ? [3, 30] : [1, 3, 30];

  it('leads further from the clean sample the greater the strength, for any number of steps', async () => {
    for (const steps of counts) {
      const planned = plan(steps, 1);
      const distances: number[] = [];
      for (let tenth = 1; tenth < 10; tenth += 1) {
        const { clean, drawn } = await redraw(plan(steps, tenth / 10));
        distances.push(rms(drawn.map((value, index) => value - clean[index])));
      }
      // From 0.8 on next to nothing is left of the clean sample, and chance decides where fresh noise is added.
      const slack = planned.addsNoise ? 0.98 : 1;
      distances.forEach((distance, index) => expect(distance, `strength ${(index + 1) / 10} of ${steps} steps`).toBeGreaterThan(index === 0 ? 0 : slack * distances[index - 1]));
    }
  });

  it('ends at data of the right spread, or on the very point of the equation where no noise is added', async () => {
    const planned = plan(200, 0.6);
    const sigma = planned.path.sigmas[0];
    const { clean, noise, drawn } = await redraw(planned);
    if (planned.addsNoise) {
      // 500 draws: standard errors 0.022 and 0.016, and the steps' own error below that.
      expectClose(drawn.reduce((sum, value) => sum + value, 0) / 500, DATA.mean, { absolute: 0.07, reason: 'sampling error' });
      expectClose(rms(drawn.map((value) => value - DATA.mean)), DATA.deviation, { absolute: 0.06, reason: 'sampling error' });
      return;
    }
    const shrunk = DATA.deviation / Math.hypot(DATA.deviation, sigma);
    const exact = clean.map((value, index) => DATA.mean + (value + sigma * noise[index] - DATA.mean) * shrunk);
    const endsAbove = name.includes('leading') || /scheduler [024]/.test(name);
    expectClose(drawn, exact, { absolute: endsAbove ? 0.1 : 0.06, reason: 'first order, over 120 steps' });
  });

  it('takes about its share of the steps, from about its share of the timesteps', () => {
    for (const strength of [0.05, 0.25, 0.5, 0.8, 0.999]) {
      const [{ path }, { path: whole }] = [plan(40, strength), plan(40, 1)];
      const steps = path.sigmas.length - 1;
      expect(Math.abs(steps - 40 * strength)).toBeLessThan(name.includes('flow') || name.includes('euler') ? 21 : 2);
      expect(path.sigmas[0]).toBeLessThanOrEqual(whole.sigmas[0]);
      expect([path.targets?.length ?? steps, path.rescale?.length ?? steps]).toEqual([steps, steps]);
      expect(Array.from(path.sigmas.slice(1))).toEqual(Array.from(whole.sigmas.slice(-steps)));
    }
  });
});

describe('partWay', () => {
  const path = { sigmas: schedule.sigmas(10), timestepAt: schedule.timestepAt };

  it('is the path itself at strength 1, and enters a step half done below, or the next one when little of it is left', () => {
    expect(partWay(path, schedule, 1)).toEqual({ path, skipped: 0 });
    const { path: rest, skipped } = partWay(path, schedule, 0.58);
    expect([skipped, rest.sigmas.length]).toEqual([4, 7]);
    expect(partWay(path, schedule, 0.51).skipped).toBe(5);
    expect(rest.sigmas[0]).toBeCloseTo(schedule.sigmaAt(0.58 * 999), 12);
    expect(rest.initialScale).toBe(rest.sigmas[0]);
  });

  it.each(SPACINGS)('never starts above the first sigma of spacing %s', (spacing) => {
    for (const steps of [1, 4, 30]) {
      const sigmas = schedule.sigmas(steps, spacing);
      for (const strength of [1e-9, 0.3, 0.97, 1 - 1e-9]) {
        const [start] = partWay({ sigmas, timestepAt: schedule.timestepAt }, schedule, strength).path.sigmas;
        expect(start > 0 && start <= sigmas[0]).toBe(true);
      }
    }
  });

  it.each([0, -0.1, 1.5, Number.NaN])('refuses the strength %d', (strength) => {
    expect(() => partWay(path, schedule, strength)).toThrow('strength');
  });
});

import * as tf from '@tensorflow/tfjs';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Random } from '../../src/base/random.js';
import { createNoiseSchedule, denoiserFrom, planScheduler } from '../../src/diffusion/index.js';
import { fromSchedulerConfig } from '../../src/pipeline/scheduler-config.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

interface Run {
  readonly steps: number;
  readonly inputs: number[][];
  readonly timesteps: number[];
  readonly sample: number[];
}

interface Case {
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly eta: number;
  readonly runs: Run[];
}

const fixture = new URL('../diffusion/fixtures/trajectories.json', import.meta.url);
const text = readFileSync(fixture, 'utf8');
const { cases } = JSON.parse(text) as { cases: Case[] };
const SIZE = 4;

useEngine();

/** The closed formula of make-trajectories.py. */
function network(input: tf.Tensor4D, timesteps: tf.Tensor1D): tf.Tensor4D {
  const time = timesteps.dataSync()[0];
  return tf.tidy(() => {
    const wave = tf.sin(tf.add(tf.mul(input, 1.3), 0.004 * time));
    return tf.add(tf.add(tf.mul(wave, 0.7), tf.mul(input, 0.1)), 0.2 * Math.cos(0.003 * time)) as tf.Tensor4D;
  });
}

const indices = Array.from({ length: SIZE }, (_, index) => index);

/** Draws the noise that the fixture has for a step. */
function stepNoise(stepNow: () => number): Random {
  return { normals: () => Float32Array.from(indices, (index) => 1.5 * Math.cos(0.7 * (stepNow() + 1) * (index + 1) + 0.3)) } as unknown as Random;
}

/** What the network is asked along the way, and what comes out. */
async function follow({ config, eta }: Case, steps: number): Promise<Run> {
  const { diffusion, scheduler } = fromSchedulerConfig(config, 'scheduler_config.json');
  const schedule = createNoiseSchedule(diffusion);
  const { path, sample } = planScheduler<null>({ schedule, steps, eta }, scheduler);
  const inputs: number[][] = [];
  const timesteps: number[] = [];
  const asked = (input: tf.Tensor4D, times: tf.Tensor1D): tf.Tensor4D => {
    inputs.push(Array.from(input.dataSync()));
    timesteps.push(times.dataSync()[0]);
    return network(input, times);
  };
  let step = 0;
  const initialNoise = tf.tensor4d(indices.map((index) => 1.7 * Math.sin(1 + 2.1 * index)), [1, 1, 2, 2]);
  const result = await sample({
    ...path,
    denoise: denoiserFrom(asked, schedule, diffusion.predictionType, path.timestepAt),
    initialNoise,
    condition: null,
    random: [stepNoise(() => step)],
    onStep: (done) => (step = done),
  });
  const values = Array.from(result.dataSync());
  tf.dispose([initialNoise, result]);
  return { steps, inputs, timesteps, sample: values };
}

/** Within 1e-4 of the largest value of the row: a value near zero has no accuracy of its own. */
function expectSameRow(got: readonly number[], expected: readonly number[], where: string): void {
  try {
    expectClose(got, expected, { absolute: 1e-4 * Math.max(...expected.map(Math.abs)) });
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  }
}

describe('trajectories of diffusers', () => {
  it('are the ones that were written', () => {
    expect(createHash('sha256').update(text).digest('hex')).toBe(readFileSync(new URL(`${fixture.href}.sha256`), 'utf8').trim());
  });

  it.each(cases.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    expect(one.runs.length).toBeGreaterThan(2);
    for (const expected of one.runs) {
      const got = await follow(one, expected.steps);
      expectClose(got.timesteps, expected.timesteps, { absolute: 2e-3, reason: 'fractions come from logarithms in float32 there' });
      expected.inputs.forEach((input, call) => expectSameRow(got.inputs[call], input, `${expected.steps} steps, input ${call}`));
      expectSameRow(got.sample, expected.sample, `${expected.steps} steps, sample`);
    }
  });
});

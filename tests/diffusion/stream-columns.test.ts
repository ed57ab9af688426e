// A sample drawn some columns at a time is the one that is drawn whole, under every sampler and scheduler, whatever the blocks.
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import {
  createNoiseSchedule, drawNoise, planSampler, planScheduler, SAMPLER_NAMES, spreadWindows, streamColumns, withWindows, type Denoiser, type JointOptions, type NoiseSettings, type SamplingPlan, type Windows,
} from '../../src/diffusion/index.js';
import { heedKnown } from '../../src/diffusion/heed-known.js';
import { resampleKnown, withKnown } from '../../src/diffusion/known-region.js';
import type { KnownEnd } from '../../src/diffusion/stream-columns.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { idealDenoiser } from './gaussian.js';
import { FLOW, leastSteps, SCHEDULERS } from './schedulers.js';

useEngine();

const base: NoiseSettings = { trainTimesteps: 1000, betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012, predictionType: 'v_prediction', zeroTerminalSnr: false };
const schedule = createNoiseSchedule(base);
const flow = createNoiseSchedule({ ...base, predictionType: 'flow' });
const [ROWS, CHANNELS] = [3, 1];

type Plan = (steps: number) => SamplingPlan<number>;
const plans: readonly (readonly [string, Plan, number])[] = [
  ...SAMPLER_NAMES.map((name) => [name, (steps) => planSampler({ schedule, steps, eta: 0.5 }, name), 1] as const satisfies readonly [string, Plan, number]),
  ...SCHEDULERS.map(([name, scheduler]) => [`scheduler ${name}`, (steps) => planScheduler({ schedule, steps, eta: 0.5 }, scheduler), leastSteps(scheduler)] as const satisfies readonly [string, Plan, number]),
  [`scheduler ${FLOW[0]}`, (steps) => planScheduler({ schedule: flow, steps }, FLOW[1]), 1],
];

/** Every cell depends on the whole of its window, on where in it the cell lies, and on the condition. */
const denoise: Denoiser<number> = (noisy, sigma, condition) =>
  tf.tidy(() => {
    const ramp = tf.reshape(tf.linspace(-0.3, 0.3, noisy.shape[2]), [1, 1, -1, 1]);
    const ideal = idealDenoiser({ mean: 0.2, deviation: 0.5 })(noisy, sigma, condition);
    const mean = tf.div(tf.mean(noisy, [1, 2], true), Math.hypot(1, sigma));
    return tf.add(tf.add(tf.mul(ideal, 0.7), tf.mul(mean, condition)), ramp);
  });

const joint = (windows: Windows): JointOptions<number> => ({ windows, select: (condition) => condition, batchSize: 4 });

async function whole({ path, sample }: SamplingPlan<number>, windows: Windows): Promise<Float32Array> {
  const initialNoise = drawNoise([createRandom(5, 'initial')], [1, ROWS, windows.length, CHANNELS]);
  const drawn = await sample({ ...path, denoise: withWindows(denoise, joint(windows)), initialNoise, condition: 0.4, random: [createRandom(5, 'steps')] });
  const values = drawn.dataSync<'float32'>();
  tf.dispose([initialNoise, drawn]);
  return values;
}

interface Streaming {
  readonly known?: KnownEnd;
  readonly blockColumns?: number;
  readonly onAdvance?: (share: number) => void;
  readonly signal?: AbortSignal;
}

function stream({ path, sample }: SamplingPlan<number>, windows: Windows, more: Streaming): AsyncGenerator<tf.Tensor4D> {
  return streamColumns<number>({ ...joint(windows), path, sample, denoise, condition: 0.4, rows: ROWS, channels: CHANNELS, initial: createRandom(5, 'initial'), added: createRandom(5, 'steps'), ...more });
}

async function streamed(plan: SamplingPlan<number>, windows: Windows, more: Streaming = {}): Promise<Float32Array> {
  const blocks: tf.Tensor4D[] = [];
  for await (const block of stream(plan, windows, more)) blocks.push(block);
  const all = tf.concat(blocks, 2);
  expect(all.shape).toEqual([1, ROWS, windows.length, CHANNELS]);
  const values = all.dataSync<'float32'>();
  tf.dispose([...blocks, all]);
  return values;
}

describe.each(plans)('streamColumns under %s', (_, plan, least) => {
  it('gives what is drawn whole, in one step and in more, whatever the windows and blocks', async () => {
    for (const [windows, blockColumns] of [
      [spreadWindows({ length: 67, width: 6, overlap: 0.5 }), undefined],
      [spreadWindows({ length: 67, width: 6, overlap: 0.5 }), 5],
      [spreadWindows({ length: 40, width: 7, overlap: 0.8 }), 16],
      [spreadWindows({ length: 41, width: 6, overlap: 0 }), 11],
    ] as const) {
      for (const steps of [least, least + 4]) {
        const expected = await whole(plan(steps), windows);
        expectClose(await streamed(plan(steps), windows, { blockColumns }), expected, { absolute: 2e-5, relative: 1e-4, reason: 'sums over other batches' });
      }
    }
  });
});

describe.each(plans)('streamColumns of a sample whose start or end is given, under %s', (_, plan, least) => {
  it('gives what is drawn whole, whatever the rounds and blocks', async () => {
    const clean = tf.tensor4d(Float32Array.from({ length: ROWS * 7 }, (_, cell) => Math.sin(cell)), [1, ROWS, 7, CHANNELS]);
    const windows = spreadWindows({ length: 67, width: 6, overlap: 0.5 });
    for (const isAtEnd of [false, true]) {
      for (const [steps, heedRounds, resamples, blockColumns] of [[least, 2, 0, undefined], [least + 3, 1, 1, 7], [least + 3, 0, 1, 16]] as const) {
        const { path, sample } = plan(steps);
        const region = { clean: tf.pad(clean, [[0, 0], [0, 0], isAtEnd ? [60, 0] : [0, 60], [0, 0]]) as tf.Tensor4D, isKnown: tf.tensor4d(Float32Array.from({ length: 67 }, (_, column) => ((isAtEnd ? column >= 60 : column < 7) ? 1 : 0)), [1, 1, 67, 1]) };
        const initialNoise = drawNoise([createRandom(5, 'initial')], [1, ROWS, 67, CHANNELS]);
        const heeding = heedKnown(withWindows(denoise, joint(windows)), region, heedRounds);
        const drawn = await sample({
          ...path, denoise: withKnown(heeding, region, initialNoise), initialNoise, condition: 0.4, random: [createRandom(5, 'steps')],
          correct: resampleKnown(region, { denoise: heeding, condition: 0.4, resamples, random: [createRandom(5, 'known')] }),
        });
        const made = await streamed(plan(steps), windows, { blockColumns, known: { clean, isAtEnd, heedRounds, resamples, random: createRandom(5, 'known') } });
        expectClose(made, drawn.dataSync<'float32'>(), { absolute: 1e-3, relative: 1e-3, reason: 'rounding over other batches, divided by the push of each round' });
        tf.dispose([region.clean, region.isKnown, initialNoise, drawn]);
      }
    }
    clean.dispose();
  });
});

describe('streamColumns', () => {
  const windows = spreadWindows({ length: 400, width: 6, overlap: 0.5 });
  const plan = (): SamplingPlan<number> => planSampler({ schedule, steps: 6 }, 'dpmpp2m');

  it.each([null, 'start', 'end'])('holds no more tensors, and no more in them, of a longer sample (of which is given: %s)', async (given) => {
    const clean = tf.zeros([1, ROWS, 4, CHANNELS]) as tf.Tensor4D;
    const known = given === null ? undefined : { clean, isAtEnd: given === 'end', heedRounds: 2, resamples: 1, random: createRandom(5, 'known') };
    const most = async (length: number): Promise<number> => {
      const before = tf.memory().numBytes;
      let peak = 0;
      const long = spreadWindows({ length, width: 6, overlap: 0.5 });
      for await (const block of stream(plan(), long, { known, blockColumns: 24, onAdvance: () => (peak = Math.max(peak, tf.memory().numBytes - before)) })) block.dispose();
      return peak;
    };
    const [short, long] = [await most(200), await most(1600)];
    expect(short).toBeGreaterThan(0);
    expect(long).toBeLessThanOrEqual(short * 1.05);
    clean.dispose();
  });

  it('tells how far it is, yields from left to right as it goes, and leaves no tensor, also when it is left or stopped', async () => {
    await streamed(plan(), windows);
    const before = tf.memory().numTensors;
    const shares: number[] = [];
    let firstAt = 0;
    for await (const block of stream(plan(), windows, { blockColumns: 24, onAdvance: (share) => shares.push(share) })) {
      firstAt ||= shares.at(-1)!;
      block.dispose();
    }
    expect([...shares].sort((a, b) => a - b)).toEqual(shares);
    expect(shares.at(-1)).toBe(1);
    expect(firstAt).toBeLessThan(0.5);
    for await (const block of stream(plan(), windows, { blockColumns: 24 })) {
      block.dispose();
      break;
    }
    const abort = new AbortController();
    let advances = 0;
    await expect(streamed(plan(), windows, { signal: abort.signal, onAdvance: () => ((advances += 1), advances === 3 && abort.abort(new Error('enough'))) })).rejects.toThrow('enough');
    expect([advances, tf.memory().numTensors]).toEqual([3, before]);
  });
});

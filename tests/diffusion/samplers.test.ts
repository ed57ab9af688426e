import * as tf from '@tensorflow/tfjs';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import {
  createNoiseSchedule, denoiserFrom, drawNoise, SAMPLER_NAMES, sampleDdim, sampleDdpm, sampleDpmpp, sampleDpmpp2m, sampleEuler, sampleEulerAncestral, sampleHeun,
  samplePndm, samplerByName, type Denoiser, type NoiseSettings, type Sampler, type SamplerOptions, type SigmaPath,
} from '../../src/diffusion/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { exactEnd, geometricSigmas, idealDenoiser } from './gaussian.js';

const DATA = { mean: 0.6, deviation: 0.5 };
const SHAPE: [number, number, number, number] = [2, 2, 3, 1];
const base: NoiseSettings = { trainTimesteps: 1000, betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012, predictionType: 'v_prediction', zeroTerminalSnr: true };
const schedule = createNoiseSchedule(base);

const samplers: readonly (readonly [string, Sampler])[] = [
  ...SAMPLER_NAMES.map((name) => [name, samplerByName(name)] as const),
  ['ddim with eta 0.5', samplerByName('ddim', { eta: 0.5 })],
];

interface Run {
  readonly sigmas?: ArrayLike<number>;
  readonly path?: Omit<SigmaPath, 'sigmas'>;
  readonly shape?: [number, number, number, number];
  readonly seeds?: readonly number[];
  readonly denoise?: Denoiser<unknown>;
  readonly signal?: AbortSignal;
  readonly onStep?: (done: number) => void;
}

async function run(sampler: Sampler, { sigmas = schedule.sigmas(10), path = {}, shape = SHAPE, seeds = [1, 2], denoise = idealDenoiser(DATA), signal, onStep }: Run = {}): Promise<Float32Array> {
  const initialNoise = drawNoise(seeds.map((seed) => createRandom(seed, 'noise', 'initial')), shape);
  try {
    const random = seeds.map((seed) => createRandom(seed, 'noise', 'steps'));
    const sample = await sampler({ ...path, denoise, sigmas, initialNoise, condition: null, random, signal, onStep });
    expect(sample.shape).toEqual(shape);
    const values = sample.dataSync<'float32'>();
    sample.dispose();
    return values;
  } finally {
    initialNoise.dispose();
  }
}

const unitNoise = (seeds: readonly number[], count: number): number[] => seeds.flatMap((seed) => Array.from(createRandom(seed, 'noise', 'initial').normals(count)));

useEngine();

describe.each(samplers)('sampler %s', (_, sampler) => {
  it('is finite for 1 to 50 steps and for 1000, and one step is the denoised noise', async () => {
    for (const steps of [1, 2, 3, 5, 17, 50, 1000]) {
      const values = await run(sampler, { sigmas: schedule.sigmas(steps), seeds: [1], shape: [1, 1, 2, 1] });
      expect(values.every(Number.isFinite)).toBe(true);
    }
    expectClose(await run(sampler, { sigmas: schedule.sigmas(1) }), Array.from({ length: 12 }, () => DATA.mean), { absolute: 2e-3 });
  });

  it('lands on the known distribution', async () => {
    const values = await run(sampler, { sigmas: schedule.sigmas(100), shape: [1, 40, 50, 1], seeds: [3] });
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    // 2000 draws: standard errors 0.011 and 0.008, and the steps' own error below that.
    expectClose(mean, DATA.mean, { absolute: 0.04, reason: 'sampling error' });
    expectClose(deviation, DATA.deviation, { absolute: 0.035, reason: 'sampling error' });
  });

  it('gives every item what it gets alone, and the same seed the same values', async () => {
    const both = await run(sampler);
    const alone = await Promise.all([1, 2].map((seed) => run(sampler, { seeds: [seed], shape: [1, 2, 3, 1] })));
    expect([...both]).toEqual([...alone[0], ...alone[1]]);
    expect(both).toEqual(await run(sampler));
    expect([...alone[0]]).not.toEqual([...alone[1]]);
  });

  it('is exact for data that is one point', async () => {
    const values = await run(sampler, { denoise: (noisy) => tf.fill(noisy.shape, 0.25) as tf.Tensor4D });
    expect(values.every((value) => value === 0.25)).toBe(true);
  });

  it('leaves no tensors, counts its steps, and lets other work run between them', async () => {
    await run(sampler);
    const before = tf.memory().numTensors;
    const steps: number[] = [];
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    await run(sampler, { onStep: (done) => steps.push(done) });
    clearInterval(timer);
    expect(tf.memory().numTensors).toBe(before);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(turns).toBeGreaterThan(0);
  });

  it('stops between steps when aborted, and leaves no tensors then or when the denoiser fails', async () => {
    const before = tf.memory().numTensors;
    const abort = new AbortController();
    let done = 0;
    const stopped = run(sampler, {
      signal: abort.signal,
      onStep: (count) => {
        done = count;
        if (count === 3) abort.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');
    expect(done).toBe(3);
    let calls = 0;
    const failing: Denoiser<unknown> = (noisy, sigma, condition) => {
      calls += 1;
      if (calls === 4) throw new Error('broken');
      return idealDenoiser(DATA)(noisy, sigma, condition);
    };
    await expect(run(sampler, { denoise: failing })).rejects.toThrow('broken');
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([[[]], [[0]], [[1, 2, 0]], [[2, 2, 0]], [[2, 1]], [[Infinity, 1, 0]], [[Number.NaN, 0]]])('refuses sigmas %j', async (sigmas) => {
    await expect(run(sampler, { sigmas })).rejects.toThrow('sigmas');
  });
});

describe('order of convergence on Gaussian data', () => {
  const largest = 20;
  const errorWith = async (sampler: Sampler, steps: number): Promise<number> => {
    const values = await run(sampler, { sigmas: geometricSigmas(steps, largest, 2e-3) });
    const exact = exactEnd(DATA, unitNoise([1, 2], 6), largest);
    return Math.max(...exact.map((value, index) => Math.abs(value - values[index])));
  };
  const orderOf = async (sampler: Sampler): Promise<number> => Math.log2((await errorWith(sampler, 40)) / (await errorWith(sampler, 80)));

  it.each([
    ['ddim', sampleDdim, 1],
    ['euler', sampleEuler, 1],
    ['heun', sampleHeun, 2],
    ['dpmpp2m', sampleDpmpp2m, 2],
    ['dpmpp of order 1', (options: SamplerOptions<unknown>) => sampleDpmpp({ ...options, order: 1 }), 1],
    ['dpmpp by the integral', (options: SamplerOptions<unknown>) => sampleDpmpp({ ...options, solverType: 'heun' }), 2],
  ] as const)('%s', async (_, sampler, order) => {
    expect(Math.abs((await orderOf(sampler)) - order)).toBeLessThan(0.25);
  });

  it('has the third order of dpmpp and the fourth of pndm better than the second', async () => {
    const second = await errorWith(sampleDpmpp2m, 40);
    expect(await errorWith((options) => sampleDpmpp({ ...options, order: 3 }), 40)).toBeLessThan(second / 2);
    // Even steps in sigma, from 3 down: the answers are then even too, as pndm has them.
    const linear = Float64Array.from({ length: 42 }, (_, step) => (step > 40 ? 0 : 3 - (step / 40) * 2.99));
    const exact = exactEnd(DATA, unitNoise([1, 2], 6), 3);
    const worst = async (sampler: Sampler): Promise<number> => {
      const values = await run(sampler, { sigmas: linear });
      return Math.max(...exact.map((value, index) => Math.abs(value - values[index])));
    };
    expect(await worst(samplePndm)).toBeLessThan((await worst(sampleEuler)) / 20);
  });

  it('is what makes 20 steps of dpmpp2m better than 80 of euler', async () => {
    expect(await errorWith(sampleDpmpp2m, 20)).toBeLessThan(await errorWith(sampleEuler, 80));
  });

  it('lets ddpm keep the variance of the true process as steps grow', async () => {
    const [coarse, fine] = [await deviationWith(6), await deviationWith(100)];
    expect(Math.abs(fine - DATA.deviation)).toBeLessThan(0.03);
    expect(Math.abs(coarse - DATA.deviation)).toBeGreaterThan(Math.abs(fine - DATA.deviation));
  });
});

async function deviationWith(steps: number, sampler: Sampler = sampleDdpm): Promise<number> {
  const values = await run(sampler, { sigmas: geometricSigmas(steps, 20, 2e-3), shape: [1, 50, 80, 1], seeds: [5] });
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

describe('options of samplers', () => {
  it('let stochastic dpmpp keep the variance of the true process', async () => {
    for (const solverType of ['midpoint', 'heun'] as const) {
      const deviation = await deviationWith(60, (options) => sampleDpmpp({ ...options, isStochastic: true, solverType }));
      expect(Math.abs(deviation - DATA.deviation)).toBeLessThan(0.03);
    }
  });

  it('hold the denoised sample to a range', async () => {
    const far = { denoise: (noisy: tf.Tensor4D) => tf.fill(noisy.shape, 3) as tf.Tensor4D };
    for (const sampler of [
      (options: SamplerOptions<unknown>) => sampleDdim({ ...options, clipRange: 0.5 }),
      (options: SamplerOptions<unknown>) => sampleDdpm({ ...options, clipRange: 0.5 }),
      (options: SamplerOptions<unknown>) => sampleHeun({ ...options, clipRange: 0.5 }),
    ]) expect((await run(sampler, far)).every((value) => value === 0.5)).toBe(true);
  });

  it('give ddpm the larger variance, and its noise at the end', async () => {
    const larger = await run((options) => sampleDdpm({ ...options, variance: 'large' }));
    expect(larger).not.toEqual(await run(sampleDdpm));
    expect(await run((options) => sampleDdpm({ ...options, variance: 'large', addsNoiseAtEnd: true }))).not.toEqual(larger);
  });

  it('make the ancestral Euler step that of ddpm', async () => {
    expect(await run(sampleEulerAncestral)).toEqual(await run(sampleDdpm));
  });

  it('are needed for a path that ends above 0, or does not start at its first sigma', async () => {
    const doubled = await run(sampleEuler, { path: { initialScale: 2 }, sigmas: [1, 0.5] });
    const noise = unitNoise([1, 2], 6);
    // From 2 · noise at sigma 1 halfway to what is denoised there.
    expectClose(doubled, noise.map((value) => (2 * value + DATA.mean + (2 * value - DATA.mean) / (1 + (1 / DATA.deviation) ** 2)) / 2), { absolute: 1e-6 });
    await expect(run(sampleEuler, { path: { initialScale: 2, rescale: [1, 1] }, sigmas: [1, 0.5] })).rejects.toThrow('rescale');
  });
});

describe('accuracy from a first sigma of 4096', () => {
  it.each([['ddim', sampleDdim, 5e-6], ['dpmpp2m', sampleDpmpp2m, 5e-6]] as const)('%s agrees with float64', async (name, sampler, absolute) => {
    const sigmas = schedule.sigmas(50);
    const expected = unitNoise([1, 2], 6).map((noise) => inFloat64(sigmas, noise, name === 'dpmpp2m'));
    expectClose(await run(sampler, { sigmas }), expected, { absolute });
  });
});

/** The two deterministic samplers as the formulas have them, one number at a time in float64. */
function inFloat64(sigmas: Float64Array, noise: number, isSecondOrder: boolean): number {
  let x = noise * sigmas[0];
  let old = 0;
  for (let step = 0; step + 1 < sigmas.length; step += 1) {
    const [sigma, next] = [sigmas[step], sigmas[step + 1]];
    const denoised = DATA.mean + (x - DATA.mean) / (1 + (sigma / DATA.deviation) ** 2);
    let target = denoised;
    if (isSecondOrder && step > 0 && next > 0) {
      const r = Math.log(sigmas[step - 1] / sigma) / Math.log(sigma / next);
      target = (1 + 1 / (2 * r)) * denoised - old / (2 * r);
    }
    x = next === 0 ? denoised : (next / sigma) * x - Math.expm1(-Math.log(sigma / next)) * target;
    old = denoised;
  }
  return x;
}

describe('samplers against diffusers', () => {
  const { runs } = JSON.parse(readFileSync(new URL('fixtures/schedules.json', import.meta.url), 'utf8')) as { runs: Record<string, number[]> };

  it.each(Object.entries(runs))('%s', async (name, expected) => {
    const [sampler, steps, ending] = name.split('-') as ['dpmpp2m' | 'ddim', string, string];
    const schedule = createNoiseSchedule({ ...base, zeroTerminalSnr: ending === 'zero' });
    const denoise = denoiserFrom((input) => tf.sub(tf.mul(input, 0.5), 0.1) as tf.Tensor4D, schedule, 'v_prediction');
    const { noise } = schedule.mixAt(schedule.lastTimestep);
    // The reference starts from its input at the last timestep; ours from unit noise, which is that over the noise's amplitude.
    const initialNoise = tf.tensor4d(Array.from({ length: 8 }, (_, index) => (-2 + (4 * index) / 7) / noise), [1, 2, 4, 1]);
    const random = [createRandom(0, 'steps')];
    const sample = await samplerByName(sampler)({ denoise, sigmas: schedule.sigmas(Number(steps)), initialNoise, condition: null, random });
    const tolerance = ending === 'zero' && sampler === 'ddim' ? { absolute: 8e-4, reason: 'the reference puts the last signal at 0 and not at 2^-12 there' } : { absolute: 3e-5 };
    expectClose(sample.dataSync(), expected, tolerance);
  });
});

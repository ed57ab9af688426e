import * as fc from 'fast-check';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import {
  coverColumns, drawNoise, sampleEuler, samplerByName, SAMPLER_NAMES, spreadWindows, windowColumns, windowsAt, withWindows, type Denoiser, type Piece, type Windows,
} from '../../src/diffusion/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { exactEnd, geometricSigmas, idealDenoiser } from './gaussian.js';
import { ar1Denoiser, columnStatistics } from './gaussian-process.js';

useEngine();

const select = (condition: unknown): unknown => condition;

describe('spreadWindows', () => {
  it('covers every column, evenly, with the overlap asked for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.integer({ min: 0, max: 200 }), fc.double({ min: 0, max: 0.9, noNaN: true }), fc.boolean(), (width, extra, overlap, isLoop) => {
        const length = width + extra;
        const windows = spreadWindows({ length, width, overlap, isLoop });
        const { starts } = windows;
        const stride = Math.max(1, Math.floor(width * (1 - overlap)));
        const next = starts.map((start, index) => (starts[index + 1] ?? (isLoop ? starts[0] + length : start)) - start);
        expect(Math.max(...next)).toBeLessThanOrEqual(stride);
        expect(starts[0]).toBe(0);
        if (!isLoop) expect(starts.at(-1)).toBe(extra);
        for (const parts of coverColumns(windows)) expect(parts.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
      }),
      { numRuns: 200 },
    );
  });

  it('is one window where there is no more, but two for a loop', () => {
    expect(spreadWindows({ length: 8, width: 8 }).starts).toEqual([0]);
    expect(spreadWindows({ length: 8, width: 8, isLoop: true }).starts).toEqual([0, 4]);
    expect(spreadWindows({ length: 9, width: 8, overlap: 0 }).starts).toEqual([0, 1]);
    expect(Array.from(windowColumns({ length: 8, width: 4 }, 6))).toEqual([6, 7, 0, 1]);
  });

  it('stands windows side by side without an overlap: each column is one window\'s, from its start on', () => {
    for (const isLoop of [false, true]) {
      const windows = spreadWindows({ length: 21, width: 8, overlap: 0, isLoop });
      expect(windows.starts).toEqual([0, 7, isLoop ? 14 : 13]);
      coverColumns(windows).forEach((parts, column) => expect(parts).toEqual([{ window: windows.starts.findLastIndex((start) => start <= column), offset: expect.any(Number) as number, weight: 1 }]));
    }
    expect(spreadWindows({ length: 8, width: 8, overlap: 0, isLoop: true }).starts).toEqual([0]);
  });

  it('gives a column at a window\'s edge almost no weight', () => {
    const covers = coverColumns(spreadWindows({ length: 48, width: 16 }));
    expect(covers[8].find(({ offset }) => offset === 0)?.weight).toBeLessThan(0.01);
    expect(covers[0]).toEqual([{ window: 0, offset: 0, weight: 1 }]);
  });

  it('refuses less than a window, and overlaps that are none', () => {
    expect(() => spreadWindows({ length: 7, width: 8 })).toThrow('windows: length: got 7, expected an integer in [8, ∞)');
    expect(() => spreadWindows({ length: 8, width: 8, overlap: 1 })).toThrow('windows: overlap: got 1');
  });
});

describe('windowsAt', () => {
  it('moves windows from level to level, covers every column at each, and gives the same at the same level', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.integer({ min: 0, max: 200 }), fc.double({ min: 0.05, max: 0.9, noNaN: true }), fc.boolean(), fc.double({ min: 1e-3, max: 100, noNaN: true }), (width, extra, overlap, isLoop, sigma) => {
        const windows = spreadWindows({ length: width + extra, width, overlap, isLoop });
        const moved = windowsAt(windows, sigma);
        expect(windowsAt(windows, sigma)).toEqual(moved);
        expect(moved.starts.length).toBe(windows.starts.length);
        expect([...moved.starts].sort((a, b) => a - b)).toEqual(moved.starts);
        if (!isLoop) expect([moved.starts[0], moved.starts.at(-1)]).toEqual([0, extra]);
        for (const parts of coverColumns(moved)) expect(parts.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
      }),
      { numRuns: 200 },
    );
  });

  it('puts borders anywhere in the stride between windows', () => {
    for (const isLoop of [false, true]) {
      const windows = spreadWindows({ length: 96, width: 24, isLoop });
      const places = new Set(Array.from({ length: 300 }, (_, level) => windowsAt(windows, 80 / (level + 1)).starts[2] % 12));
      expect(places.size).toBe(12);
    }
  });

  it('leaves windows that stand for themselves where they are, and a window that is alone', () => {
    for (const windows of [spreadWindows({ length: 21, width: 8, overlap: 0 }), spreadWindows({ length: 8, width: 8 })]) expect(windowsAt(windows, 3)).toBe(windows);
  });
});

describe('withWindows', () => {
  const shape = [2, 3, 29, 2] as const;
  const noise = (seed: number): tf.Tensor4D => drawNoise([createRandom(seed, 'a'), createRandom(seed, 'b')], [...shape]);

  it.each(SAMPLER_NAMES.flatMap((name) => [false, true].map((isLoop) => [name, isLoop] as const)))('lands with %s where the whole sample would, for independent columns (loop: %s)', async (name, isLoop) => {
    const gaussian = { mean: 0.3, deviation: 0.8 };
    const windows = spreadWindows({ length: 29, width: 8, isLoop });
    const options = { sigmas: geometricSigmas(20, 40, 0.01), initialNoise: noise(1), condition: null };
    const random = (): ReturnType<typeof createRandom>[] => [createRandom(2, 'a'), createRandom(2, 'b')];
    const whole = await samplerByName(name)({ ...options, random: random(), denoise: idealDenoiser(gaussian) });
    const joint = await samplerByName(name)({ ...options, random: random(), denoise: withWindows(idealDenoiser(gaussian), { windows, select, batchSize: 3 }) });
    expectClose(await joint.data(), await whole.data(), { absolute: 1e-5, reason: 'means of equal numbers in float32' });
    tf.dispose([whole, joint, options.initialNoise]);
  });

  it('is exact at the end of a fine path', async () => {
    const gaussian = { mean: -1, deviation: 0.5 };
    const initialNoise = noise(4);
    const end = await sampleEuler({ sigmas: geometricSigmas(400, 40, 1e-4), initialNoise, condition: null, random: [], denoise: withWindows(idealDenoiser(gaussian), { windows: spreadWindows({ length: 29, width: 8 }), select }) });
    expectClose(await end.data(), exactEnd(gaussian, await initialNoise.data(), 40), { absolute: 0.02, reason: 'first order in 400 steps' });
    tf.dispose([initialNoise, end]);
  });

  it('asks in bounded batches with the condition of each piece, and leaves no tensor', () => {
    const windows = spreadWindows({ length: 29, width: 8 });
    const asked: { sizes: number[]; pieces: Piece[] } = { sizes: [], pieces: [] };
    const spy: Denoiser<readonly number[]> = (noisy, _, condition) => {
      asked.sizes.push(noisy.shape[0]);
      return tf.tidy(() => tf.add(tf.zerosLike(noisy), tf.tensor4d(Float32Array.from(condition), [condition.length, 1, 1, 1])) as tf.Tensor4D);
    };
    const joint = withWindows(spy, { windows, batchSize: 4, select: (condition, pieces) => (asked.pieces.push(...pieces), pieces.map(({ item }) => condition[item])) });
    const noisy = noise(3);
    const before = tf.memory().numTensors;
    const answer = joint(noisy, 1, [5, 7]);
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(Math.max(...asked.sizes)).toBe(4);
    expect(asked.pieces).toEqual([0, 1].flatMap((item) => windowsAt(windows, 1).starts.map((start) => ({ item, start }))));
    const [first, second] = tf.unstack(answer);
    expectClose(first.dataSync(), new Float32Array(first.size).fill(5), { absolute: 1e-6 });
    expectClose(second.dataSync(), new Float32Array(second.size).fill(7), { absolute: 1e-6 });
    tf.dispose([noisy, answer, first, second]);
  });

  it('puts every column where it was, round the end of a loop too', () => {
    for (const windows of [spreadWindows({ length: 29, width: 8, overlap: 0.7 }), spreadWindows({ length: 29, width: 8, isLoop: true }), spreadWindows({ length: 8, width: 8, isLoop: true })]) {
      const noisy = tf.tensor4d(Float32Array.from({ length: 2 * 3 * windows.length * 2 }, (_, index) => index), [2, 3, windows.length, 2]);
      const answer = withWindows((given) => tf.clone(given), { windows, select })(noisy, 1, null);
      expectClose(answer.dataSync(), noisy.dataSync(), { relative: 1e-6, absolute: 1e-5 });
      tf.dispose([noisy, answer]);
    }
  });
});

describe('joint windows of a process with memory', () => {
  // Columns of an AR(1) process, whose ideal denoiser on a window knows nothing outside it.
  const process = { memory: 0.8, deviation: 1 };
  const draw = async (windows: Windows): Promise<Float32Array> => {
    const rows = 1500;
    const initialNoise = drawNoise([createRandom(11)], [1, rows, windows.length, 1]);
    const end = await sampleEuler({
      sigmas: geometricSigmas(60, 60, 0.01), initialNoise, condition: null, random: [],
      denoise: withWindows(ar1Denoiser(process, windows.width), { windows, select }),
    });
    const values = (await end.data()) as Float32Array;
    tf.dispose([initialNoise, end]);
    return values;
  };

  it('keep their statistics from end to end, at their borders as elsewhere', async () => {
    const windows = spreadWindows({ length: 128, width: 32 });
    const { variances, steps } = columnStatistics(await draw(windows), windows.length);
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    // No decay: the last tenth has the variance of the first.
    expect(mean(variances.slice(-13)) / mean(variances.slice(0, 13))).toBeCloseTo(1, 1);
    // No seam: what changes across a window's border is what changes from any column to the next.
    const borders = windows.starts.flatMap((start) => [start - 1, start + windows.width - 1]).filter((column) => column >= 0 && column < 127);
    const elsewhere = steps.filter((_, column) => !borders.includes(column));
    expect(mean(borders.map((column) => steps[column])) / mean(elsewhere)).toBeCloseTo(1, 1);
    // The closed answer: a step's variance is 2 · (1 - memory).
    expect(mean(steps) / (2 * (1 - process.memory))).toBeCloseTo(1, 1);
    expect(Math.min(...variances)).toBeGreaterThan(0.8);
  });

  it.each([false, true])('change as much between windows as in the middle of them, where columns go together over most of a window (loop: %s)', async (isLoop) => {
    // What windows that never moved gave here: 4 % more change at their borders than halfway between.
    const windows = spreadWindows({ length: 144, width: 24, isLoop });
    const initialNoise = drawNoise([createRandom(11)], [1, 1500, 144, 1]);
    const lasting = { memory: 0.95, deviation: 1 };
    const end = await sampleEuler({ sigmas: geometricSigmas(30, 60, 0.01), initialNoise, condition: null, random: [], denoise: withWindows(ar1Denoiser(lasting, 24), { windows, select }) });
    const { steps } = columnStatistics((await end.data()) as Float32Array, 144);
    tf.dispose([initialNoise, end]);
    const at = (place: number): number => [36, 48, 60, 72, 84, 96].flatMap((border) => [border + place - 1, border + place]).reduce((sum, column) => sum + steps[column] / 12, 0);
    expect(at(0) / at(6)).toBeGreaterThan(0.97);
    expect(at(0) / at(6)).toBeLessThan(1.03);
  });

  it('close a loop: the step over its end is like any other', async () => {
    const windows = spreadWindows({ length: 80, width: 32, isLoop: true });
    const { steps } = columnStatistics(await draw(windows), windows.length);
    const inside = steps.slice(0, -1);
    expect(steps[79]).toBeGreaterThan(Math.min(...inside) * 0.95);
    expect(steps[79]).toBeLessThan(Math.max(...inside) * 1.05);
  });
});

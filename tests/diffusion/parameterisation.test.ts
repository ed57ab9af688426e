import * as tf from '@tensorflow/tfjs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cleanWeights, createNoiseSchedule, denoiserFrom, fromOutput, lossWeightAt, minSnrWeight, noisyTrainingBatch, targetWeights, toTarget,
  type Mix, type NoiseSettings, type PredictionType,
} from '../../src/diffusion/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { idealDenoiser } from './gaussian.js';

const TYPES: readonly PredictionType[] = ['v_prediction', 'epsilon', 'sample', 'flow'];
const base: NoiseSettings = { trainTimesteps: 1000, betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012, predictionType: 'v_prediction', zeroTerminalSnr: true };
const settingsFor = (predictionType: PredictionType): NoiseSettings => ({ ...base, predictionType, zeroTerminalSnr: predictionType !== 'epsilon' });

useEngine();

describe.each(TYPES)('parameterisation %s', (type) => {
  const mixAt = (share: number): Mix => {
    const schedule = createNoiseSchedule(settingsFor(type));
    return schedule.mixAt(schedule.firstTimestep + share * 999);
  };

  it('gives the clean sample back from its own target', () => {
    const value = fc.double({ min: -10, max: 10, noNaN: true });
    fc.assert(
      fc.property(value, value, fc.double({ min: 0, max: 1, noNaN: true }), (clean, noise, share) => {
        const mix = mixAt(share);
        const target = targetWeights(type, mix);
        const weights = cleanWeights(type, mix);
        const input = mix.signal * clean + mix.noise * noise;
        const found = weights.input * input + weights.output * (target.clean * clean + target.noise * noise);
        // Sums of terms as large as the weights, in float64.
        expect(Math.abs(found - clean)).toBeLessThan(1e-13 * (1 + Math.abs(weights.input) + Math.abs(weights.output)) * 20);
      }),
    );
  });

  it('does so in float32 tensors, through the batch that training sees', () => {
    tf.tidy(() => {
      const schedule = createNoiseSchedule(settingsFor(type));
      const clean = tf.tensor4d([0.5, -1, 2, 0.25, 1, -0.5], [3, 1, 2, 1]);
      const noise = tf.tensor4d([-0.3, 1, 0.7, -2, 0.1, 0.2], [3, 1, 2, 1]);
      const timesteps = [schedule.firstTimestep, 400, 700];
      const { input, target } = noisyTrainingBatch({ schedule, predictionType: type, clean, noise, timesteps });
      timesteps.forEach((timestep, item) => {
        const mix = schedule.mixAt(timestep);
        const one = <T extends tf.Tensor4D>(all: T): tf.Tensor4D => tf.slice4d(all, [item, 0, 0, 0], [1, 1, 2, 1]);
        expectClose(one(target).dataSync(), toTarget(type, { clean: one(clean), noise: one(noise), mix }).dataSync(), { absolute: 1e-6 });
        const found = fromOutput(type, { input: one(input), output: one(target), mix });
        expectClose(found.dataSync(), one(clean).dataSync(), { absolute: 4e-6, relative: 1e-5 });
      });
    });
  });

  it('turns a network that is right into the ideal denoiser, up to the last sigma', () => {
    const data = { mean: 0.4, deviation: 0.7 };
    const schedule = createNoiseSchedule(settingsFor(type));
    const ideal = idealDenoiser(data);
    // The network's ideal answer, in float64: from its own input to the expected clean and noise.
    const network = (input: tf.Tensor4D, timesteps: tf.Tensor1D): tf.Tensor4D => {
      const mix = schedule.mixAt(timesteps.dataSync()[0]);
      const target = targetWeights(type, mix);
      const variance = (mix.signal * data.deviation) ** 2 + mix.noise ** 2;
      const answers = Array.from(input.dataSync(), (value) => {
        const surprise = (value - mix.signal * data.mean) / variance;
        const clean = data.mean + mix.signal * data.deviation ** 2 * surprise;
        return target.clean * clean + target.noise * mix.noise * surprise;
      });
      return tf.tensor4d(answers, input.shape);
    };
    const denoise = denoiserFrom(network, schedule, type);
    for (const sigma of schedule.sigmas(11).slice(0, -1)) {
      const unit = tf.tensor4d([-2, -0.5, 0, 1.5], [1, 2, 2, 1]);
      const noisy = tf.mul(unit, sigma) as tf.Tensor4D;
      const before = tf.memory().numTensors;
      const denoised = denoise(noisy, sigma, null);
      expect(tf.memory().numTensors).toBe(before + 1);
      // The timestep travels as float32, which moves the network's own sigma a little.
      expectClose(denoised.dataSync(), ideal(noisy, sigma, null).dataSync(), { absolute: 2e-4, reason: 'timestep in float32' });
    }
  });
});

const mixOfSnr = (snr: number): Mix => ({ signal: Math.sqrt(snr / (1 + snr)), noise: Math.sqrt(1 / (1 + snr)) });

describe('loss weights', () => {
  it.each([0.01, 0.5, 1, 4.9, 5, 80])('are those of the paper at a ratio of %d', (snr) => {
    const held = Math.min(snr, 5);
    const weight = (predictionType: PredictionType, mix = mixOfSnr(snr)): number => minSnrWeight({ mix, predictionType, gamma: 5 });
    expectClose(weight('epsilon'), held / snr, { relative: 1e-12 });
    expectClose(weight('v_prediction'), held / (snr + 1), { relative: 1e-12 });
    expectClose(weight('sample'), held, { relative: 1e-12 });
    const root = Math.sqrt(snr);
    expectClose(weight('flow', { signal: root / (1 + root), noise: 1 / (1 + root) }), held / (1 + root) ** 2, { relative: 1e-12 });
  });

  it('weigh every prediction of the same clean error alike', () => {
    for (const snr of [0.1, 2, 30]) {
      const mix = mixOfSnr(snr);
      const perCleanError = TYPES.map((predictionType) => minSnrWeight({ mix, predictionType, gamma: 5 }) / cleanWeights(predictionType, mix).output ** 2);
      expectClose(perCleanError, TYPES.map(() => Math.min(snr, 5)), { relative: 1e-9 });
    }
  });

  it.each(TYPES)('count the noisiest timestep of %s, and all alike without gamma', (predictionType) => {
    const schedule = createNoiseSchedule(settingsFor(predictionType));
    expect(lossWeightAt(schedule, schedule.lastTimestep, 5)).toBeGreaterThan(0.9);
    expect(lossWeightAt(schedule, 500, null)).toBe(1);
    for (const timestep of schedule.timesteps(100)) expect(lossWeightAt(schedule, timestep, 5)).toBeLessThanOrEqual(5);
  });
});

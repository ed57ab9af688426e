import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { createNoiseSchedule, drawNoise, noisedStart, SAMPLER_NAMES, samplerByName, withMask, type Denoiser, type NoiseSettings } from '../../src/diffusion/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { idealDenoiser } from './gaussian.js';

const DATA = { mean: 0.6, deviation: 0.5 };
const SHAPE: [number, number, number, number] = [2, 1, 6, 2];
const base: NoiseSettings = { trainTimesteps: 1000, betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012, predictionType: 'v_prediction', zeroTerminalSnr: true };
const schedule = createNoiseSchedule(base);

useEngine();

interface Drawn {
  readonly clean: Float32Array;
  readonly free: Float32Array;
  readonly masked: Float32Array;
}

/** One draw with the middle columns alone under the mask, and one without a mask. */
async function draw(name: (typeof SAMPLER_NAMES)[number], { steps = 12, denoise = idealDenoiser(DATA) as Denoiser<unknown> } = {}): Promise<Drawn> {
  const sigmas = schedule.sigmas(steps);
  const noise = drawNoise([1, 2].map((seed) => createRandom(seed, 'initial')), SHAPE);
  const clean = drawNoise([1, 2].map((seed) => createRandom(seed, 'clean')), SHAPE);
  const mask = tf.tensor4d([0, 0, 1, 1, 0, 0], [1, 1, 6, 1]);
  const start = noisedStart({ clean, noise, sigma: sigmas[0] });
  const options = (): { random: ReturnType<typeof createRandom>[] } => ({ random: [1, 2].map((seed) => createRandom(seed, 'steps')) });
  const sample = samplerByName<unknown>(name);
  const free = await sample({ sigmas, denoise, initialNoise: start, condition: null, ...options() });
  const masked = await sample({ sigmas, denoise: withMask(denoise, { mask, clean }), initialNoise: start, condition: null, ...options() });
  const result = { clean: clean.dataSync<'float32'>(), free: free.dataSync<'float32'>(), masked: masked.dataSync<'float32'>() };
  tf.dispose([noise, clean, mask, start, free, masked]);
  return result;
}

/** Values of the drawn columns, and of the others. */
function parts(values: Float32Array): { drawn: number[]; known: number[] } {
  const isDrawn = (index: number): boolean => [2, 3].includes(Math.floor(index / 2) % 6);
  return { drawn: [...values].filter((_, index) => isDrawn(index)), known: [...values].filter((_, index) => !isDrawn(index)) };
}

describe.each(SAMPLER_NAMES)('withMask under %s', (name) => {
  it.each([1, 2, 12])('keeps what is known and draws the rest as without a mask, where the two are independent, in %d steps', async (steps) => {
    const { clean, free, masked } = await draw(name, { steps });
    expectClose(parts(masked).known, parts(clean).known, { absolute: 1e-6 });
    expectClose(parts(masked).drawn, parts(free).drawn, { absolute: 1e-6 });
    expect(parts(free).known).not.toEqual(parts(clean).known);
  });
});

describe('withMask', () => {
  it('lets the drawn part follow the known one where the denoiser sees that they hang together', async () => {
    // All columns of an item are one unit normal number: the ideal denoiser answers with their mean, less the more noise there is.
    const together: Denoiser<unknown> = (noisy, sigma) => tf.tidy(() => tf.mul(tf.mul(tf.onesLike(noisy), tf.mean(noisy, [1, 2], true)), 6 / (6 + sigma * sigma)) as tf.Tensor4D);
    const { clean, free, masked } = await draw('ddim', { steps: 50, denoise: together });
    const missed = (values: Float32Array): number =>
      Math.max(...[0, 1, 12, 13].map((corner) => {
        const known = [0, 1, 4, 5].reduce((sum, column) => sum + clean[corner + column * 2], 0) / 4;
        return Math.max(Math.abs(values[corner + 4] - known), Math.abs(values[corner + 6] - known));
      }));
    expect(missed(free)).toBeGreaterThan(0.5);
    expect(missed(masked)).toBeLessThan(0.2); // no exact draw, as its description says
  });

  it('leaves one tensor', () => {
    const tensors = [tf.zeros([1, 2, 2, 1]), tf.ones([1, 2, 2, 1]), tf.fill([1, 2, 2, 1], 0.5)] as tf.Tensor4D[];
    const before = tf.memory().numTensors;
    withMask(idealDenoiser(DATA), { mask: tensors[2], clean: tensors[1] })(tensors[0], 1, null).dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(tensors);
  });
});

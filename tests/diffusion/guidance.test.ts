import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { withGuidance, type Denoiser } from '../../src/diffusion/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

/** Adds to each item a ramp times its condition; the condition 0 is none. */
const calls: number[][] = [];
const denoise: Denoiser<readonly number[]> = (noisy, _, condition) => {
  calls.push([noisy.shape[0], ...condition]);
  return tf.tidy(() => {
    const ramp = tf.tensor4d([0, 1, 2, 3], [1, 2, 2, 1]);
    return tf.add(noisy, tf.mul(ramp, tf.tensor4d([...condition], [condition.length, 1, 1, 1]))) as tf.Tensor4D;
  });
};
const options = {
  unconditional: (condition: readonly number[]) => condition.map(() => 0),
  join: (first: readonly number[], second: readonly number[]) => [...first, ...second],
};

useEngine();

const noisy = (): tf.Tensor4D => tf.tensor4d([0.1, 0.2, 0.3, 0.4, -1, -2, 0, 0.5], [2, 2, 2, 1]);
const run = (scale: number, rescale?: number): Float32Array =>
  tf.tidy(() => withGuidance(denoise, { scale, rescale, ...options })(noisy(), 1, [1, 2])).dataSync<'float32'>();


const callsOf = (scale: number): number[][] => {
  calls.length = 0;
  run(scale);
  return calls.map((call) => [...call]);
};

/** Mean and deviation of both items. */
const momentsOf = (values: Float32Array): number[] =>
  [0, 4].flatMap((from) => {
    const item = Array.from(values.subarray(from, from + 4));
    const mean = item.reduce((sum, value) => sum + value) / 4;
    return [mean, Math.sqrt(item.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4)];
  });

describe('withGuidance', () => {
  it('extrapolates from the free branch through the conditional one', () => {
    const ramp = [0, 1, 2, 3, 0, 2, 4, 6];
    for (const scale of [0, 0.5, 1, 2, 7]) {
      expectClose(run(scale), Array.from(noisy().dataSync(), (value, index) => value + scale * ramp[index]), { absolute: 2e-6 });
    }
  });

  it('runs both branches in one batch, and only one at scales 0 and 1', () => {
    expect(callsOf(3)).toEqual([[4, 1, 2, 0, 0]]);
    expect(callsOf(1)).toEqual([[2, 1, 2]]);
    expect(callsOf(0)).toEqual([[2, 0, 0]]);
  });

  it('takes level and contrast of each item back to the conditional ones', () => {
    const conditional = momentsOf(run(1));
    expect(momentsOf(run(5))[0]).toBeGreaterThan(conditional[0] + 1);
    expectClose(momentsOf(run(5, 1)), conditional, { absolute: 1e-5 });
    const half = Array.from(run(5, 0.5), (value, index) => 2 * value - run(5)[index]);
    expectClose(half, run(5, 1), { absolute: 1e-5 });
  });

  it('guides between two noise levels alone, and asks for one branch elsewhere', () => {
    const guided = withGuidance(denoise, { scale: 3, interval: [0.6, 0.8], ...options }); // sigma 0.75 to 1.33
    const at = (sigma: number): [number, Float32Array] => {
      calls.length = 0;
      const values = tf.tidy(() => guided(noisy(), sigma, [1, 2])).dataSync<'float32'>();
      return [calls[0][0], values];
    };
    for (const sigma of [0, 0.74, 1.34, Infinity]) expect(at(sigma)).toEqual([2, run(1)]);
    for (const sigma of [0.76, 1, 1.32]) expect(at(sigma)).toEqual([4, run(3)]);
    expect(tf.tidy(() => withGuidance(denoise, { scale: 3, interval: [0, 1], ...options })(noisy(), Infinity, [1, 2])).dataSync()).toEqual(run(3));
  });

  it('stays finite where an item is constant', () => {
    const flat = withGuidance((input) => tf.zerosLike(input), { scale: 3, rescale: 1, ...options });
    expect([...flat(noisy(), 1, [1, 2]).dataSync()]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('leaves one tensor', () => {
    const input = noisy();
    const before = tf.memory().numTensors;
    withGuidance(denoise, { scale: 2, rescale: 0.7, ...options })(input, 1, [1, 2]).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

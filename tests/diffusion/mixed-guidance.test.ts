import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { withGuidance, withMixedGuidance, type Denoiser, type SharedMix } from '../../src/diffusion/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

/** Adds to each item a ramp times its condition; 0 is none. */
const calls: number[][] = [];
const denoise: Denoiser<readonly number[]> = (noisy, _, condition) => {
  calls.push([...condition]);
  return tf.tidy(() => {
    const ramp = tf.tensor4d([0, 1, 2, 3], [1, 2, 2, 1]);
    return tf.add(noisy, tf.mul(ramp, tf.tensor4d([...condition], [condition.length, 1, 1, 1]))) as tf.Tensor4D;
  });
};
const RAMP = [0, 1, 2, 3, 0, 1, 2, 3];
const join = (conditions: readonly (readonly number[])[]): readonly number[] => conditions.flat();
type Mix = SharedMix<readonly number[]>;

useEngine();

const noisy = (): tf.Tensor4D => tf.tensor4d([0.1, 0.2, 0.3, 0.4, -1, -2, 0, 0.5], [2, 2, 2, 1]);
const run = (mix: Mix, scale: number, rescale?: number): Float32Array =>
  tf.tidy(() => withMixedGuidance<readonly number[], Mix>(denoise, { scale, rescale, sharesOf: (mixed) => mixed, join })(noisy(), 1, mix)).dataSync<'float32'>();

const MIX: Mix = {
  toward: [{ condition: [1, 1], weights: [0.7, 0] }, { condition: [5, 5], weights: [0.3, 1] }],
  away: [{ condition: [-1, 0], weights: [1, 0.5] }, { condition: [9, 2], weights: [0, 0.5] }],
};
const TOWARD = [0.7 + 1.5, 5];
const AWAY = [-1, 1];

describe('withMixedGuidance', () => {
  it('extrapolates from the mean of what is not wanted through the mean of what is', () => {
    for (const scale of [0, 0.5, 1, 2, 7]) {
      const expected = Array.from(noisy().dataSync(), (value, index) => {
        const item = Math.floor(index / 4);
        return value + RAMP[index] * (AWAY[item] + scale * (TOWARD[item] - AWAY[item]));
      });
      expectClose(run(MIX, scale), expected, { absolute: 2e-5 });
    }
  });

  it('draws the mix itself outside its noise levels, and what is not wanted at scale 0 everywhere', () => {
    const at = (scale: number, sigma: number): Float32Array =>
      tf.tidy(() => withMixedGuidance<readonly number[], Mix>(denoise, { scale, interval: [0.6, 0.8], sharesOf: (mixed) => mixed, join })(noisy(), sigma, MIX)).dataSync<'float32'>();
    for (const sigma of [0.74, Infinity]) expect(at(3, sigma)).toEqual(run(MIX, 1));
    expect(at(3, 1)).toEqual(run(MIX, 3));
    for (const sigma of [0.1, 1, 9]) expect(at(0, sigma)).toEqual(run(MIX, 0));
  });

  it('asks about all shares in one batch, and about one side only at scales 0 and 1', () => {
    const callsOf = (scale: number): number[][] => {
      calls.length = 0;
      run(MIX, scale);
      return calls.map((call) => [...call]);
    };
    expect(callsOf(3)).toEqual([[1, 1, 5, 5, -1, 0, 9, 2]]);
    expect(callsOf(1)).toEqual([[1, 1, 5, 5]]);
    expect(callsOf(0)).toEqual([[-1, 0, 9, 2]]);
  });

  it('is withGuidance for one share on each side, rescaled too', () => {
    const mix: Mix = { toward: [{ condition: [1, 2], weights: [1, 1] }], away: [{ condition: [0, 0], weights: [1, 1] }] };
    for (const rescale of [0, 0.7, 1]) {
      const plain = withGuidance(denoise, { scale: 4, rescale, unconditional: (condition: readonly number[]) => condition.map(() => 0), join: (a, b) => [...a, ...b] });
      expectClose(run(mix, 4, rescale), tf.tidy(() => plain(noisy(), 1, [1, 2])).dataSync(), { absolute: 1e-6 });
    }
  });

  it('keeps the level of the mix however large the scale, where it would climb', () => {
    const levelOf = (scale: number, rescale: number): number => run(MIX, scale, rescale).reduce((sum, value) => sum + value, 0) / 8;
    const wanted = levelOf(1, 0);
    expect(levelOf(20, 0)).toBeGreaterThan(wanted + 20);
    for (const scale of [2, 5, 20]) expectClose(levelOf(scale, 1), wanted, { absolute: 1e-4 });
  });

  it('leaves one tensor', () => {
    const input = noisy();
    const before = tf.memory().numTensors;
    withMixedGuidance<readonly number[], Mix>(denoise, { scale: 2, rescale: 0.7, sharesOf: (mixed) => mixed, join })(input, 1, MIX).dispose();
    expect(tf.memory().numTensors).toBe(before);
    input.dispose();
  });
});

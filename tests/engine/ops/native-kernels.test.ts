import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { allowNativeKernels, attention, conv2d, groupNorm, hasNativeKernel } from '../../../src/engine/ops/index.js';
import { convolveComposed, inputGradientComposed, kernelGradientComposed } from '../../../src/engine/ops/_conv2d-composed.js';
import { resolveGeometry } from '../../../src/engine/ops/_conv2d-geometry.js';
import { expectClose } from '../../support/close.js';
import { useEngine } from '../../support/engine.js';
import { groupNormOracle } from './oracles.js';
import { randomGrids, useVariant } from './variants.js';

useEngine();

const read = (tensor: tf.Tensor) => ({ shape: tensor.shape, data: tensor.dataSync() });

function normalTensors(shapes: readonly (readonly number[])[], seed: number): tf.Tensor[] {
  return randomGrids(shapes, seed).map(({ shape, data }) => tf.tensor(Float32Array.from(data), [...shape], 'float32'));
}

describe('native kernels', () => {
  useVariant('native');

  // Shapes of several chunks, split by item and by chunk, with runs that do not fill a chunk.
  it.each([[[4, 20, 32, 128], 32], [[1, 33, 40, 48], 16], [[7, 9, 33, 20], 5], [[3, 40, 50, 3], 1], [[1, 64, 64, 1], 1]] as const)(
    'groupNorm [%s] in %i groups equals the composed one, gradients included',
    (shape, groups) => {
      const inputs = normalTensors([shape, [shape[3]], [shape[3]]], 5);
      const [weights] = normalTensors([shape], 6);
      const options = { groups, epsilon: 1e-6, silu: true };
      const compute = (): tf.Tensor[] => {
        const run = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor => groupNorm(x as tf.Tensor4D, gamma, beta, options);
        return tf.tidy(() => [run(inputs[0], inputs[1], inputs[2]), ...tf.grads(run as (...list: tf.Tensor[]) => tf.Tensor)(inputs, weights)]);
      };
      const native = compute();
      allowNativeKernels(false);
      const composed = compute();
      const tolerances = [1e-5, 1e-4, 1e-4, 1e-4];
      // Gradients of gamma and beta sum thousands of values: the composed side adds them in float32, so its own error grows with the sum.
      native.forEach((tensor, index) => {
        const largest = composed[index].dataSync<'float32'>().reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        expectClose(read(tensor), read(composed[index]), { absolute: tolerances[index] * (index < 2 ? 1 : largest), relative: 1e-4 });
      });
      tf.dispose([...inputs, weights, ...native, ...composed]);
    },
  );

  // Several parts of queries, keys that fill no lane, and cross-attention with a bias.
  it.each([[[2, 160, 5, 32], 160, false], [[1, 431, 2, 40], 97, true], [[3, 7, 1, 8], 500, false]] as const)(
    'attention of [%s] to %i keys, bias %s, equals the composed one, gradients included',
    ([batch, queries, heads, width], keys, isBiased) => {
      const inputs = normalTensors([[batch, queries, heads, width], [batch, keys, heads, width], [batch, keys, heads, width]], 12);
      const [bias, dy] = normalTensors([[batch, keys], [batch, queries, heads, width]], 13);
      const compute = (): tf.Tensor[] => {
        const run = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor =>
          attention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D, { bias: isBiased ? (bias as tf.Tensor2D) : null });
        return tf.tidy(() => [run(inputs[0], inputs[1], inputs[2]), ...tf.grads(run as (...list: tf.Tensor[]) => tf.Tensor)(inputs, dy)]);
      };
      const native = compute();
      allowNativeKernels(false);
      const composed = compute();
      native.forEach((tensor, index) => expectClose(read(tensor), read(composed[index]), { absolute: 1e-5, relative: 1e-4 }));
      tf.dispose([...inputs, bias, dy, ...native, ...composed]);
    },
  );

  it('groupNorm keeps its precision far from zero', () => {
    const [x, gamma, beta] = randomGrids([[2, 16, 16, 8], [8], [8]], 7);
    for (let index = 0; index < x.data.length; index += 1) x.data[index] = Math.fround(1000 + x.data[index]);
    const tensors = [x, gamma, beta].map((one) => tf.tensor(Float32Array.from(one.data), [...one.shape], 'float32'));
    const y = groupNorm(tensors[0] as tf.Tensor4D, tensors[1], tensors[2], { groups: 2, epsilon: 1e-5, silu: false });
    expectClose(read(y), groupNormOracle([x, gamma, beta], 2, 1e-5, false), {
      absolute: 2e-4, reason: 'the mean near 1000 is itself rounded to float32, 3e-5 of the deviation',
    });
    tf.dispose([...tensors, y]);
  });

  it('groupNorm passes on what is not finite', () => {
    const x = tf.tidy(() => tf.concat([tf.mul(tf.ones([1, 2, 2, 4]), NaN), tf.ones([1, 2, 2, 4])], 0) as tf.Tensor4D);
    const y = groupNorm(x, tf.ones([4]), tf.zeros([4]), { groups: 2, epsilon: 1e-5, silu: true });
    const values = y.dataSync();
    expect(values.slice(0, 16).every(Number.isNaN)).toBe(true);
    expect(values.slice(16).every((value) => value === 0)).toBe(true);
    tf.dispose([x, y]);
  });

  it('gives the same bytes again', () => {
    const [x, gamma, beta] = normalTensors([[3, 30, 30, 32], [32], [32]], 8);
    const run = (): Float32Array => {
      const y = groupNorm(x as tf.Tensor4D, gamma, beta, { groups: 8, epsilon: 1e-5, silu: true });
      const values = y.dataSync<'float32'>();
      y.dispose();
      return values;
    };
    expectClose(run(), run());
    tf.dispose([x, gamma, beta]);
  });
});

describe('composed convolution', () => {
  it.each([['same', 1], ['same', 2], ['valid', 1], [[[0, 1], [0, 1]], 2], [[[2, 0], [1, 3]], 1]] as const)(
    'with padding %j and stride %i equals the one in use on this engine',
    (padding, stride) => {
      const [x, kernel] = normalTensors([[2, 6, 7, 3], [3, 3, 3, 4]], 9) as tf.Tensor4D[];
      const geometry = resolveGeometry(x.shape, kernel.shape, { stride, padding });
      const [dy] = normalTensors([geometry.outputShape], 10) as tf.Tensor4D[];
      const run = (image: tf.Tensor, weights: tf.Tensor): tf.Tensor => conv2d(image as tf.Tensor4D, weights as tf.Tensor4D, null, { stride, padding });
      const used = tf.tidy(() => [run(x, kernel), ...tf.grads(run as (...list: tf.Tensor[]) => tf.Tensor)([x, kernel], dy)]);
      const composed = tf.tidy(() => [
        convolveComposed({ x, kernel, bias: null, residual: null }, geometry),
        inputGradientComposed(dy, kernel, geometry),
        kernelGradientComposed(dy, x, geometry),
      ]);
      used.forEach((tensor, index) => expectClose(read(tensor), read(composed[index]), { absolute: 1e-4, relative: 1e-5 }));
      tf.dispose([x, kernel, dy, ...used, ...composed]);
    },
  );
});

describe('arguments', () => {
  it('names groups that do not divide the channels', () => {
    const x = tf.zeros([1, 1, 1, 6]) as tf.Tensor4D;
    expect(() => groupNorm(x, tf.ones([6]), tf.zeros([6]), { groups: 4, epsilon: 1e-5, silu: false })).toThrow('groupNorm: groups: got 4, expected a divisor of the 6 channels');
    expect(() => groupNorm(x, tf.ones([5]), tf.zeros([6]), { groups: 3, epsilon: 1e-5, silu: false })).toThrow('gamma');
  });

  it('names a kernel that does not fit the image', () => {
    const x = tf.zeros([1, 2, 2, 6]) as tf.Tensor4D;
    expect(() => conv2d(x, tf.zeros([3, 3, 5, 2]) as tf.Tensor4D, null, { padding: 'same' })).toThrow('conv2d: x');
  });

  it('can be told to leave the native kernels alone', () => {
    allowNativeKernels(false);
    expect(hasNativeKernel('GroupNorm')).toBe(false);
    allowNativeKernels(true);
  });
});

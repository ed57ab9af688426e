// Our own 3 × 3 convolution in float32 and its gradients, for sizes that fill its tiles and panels and sizes that do not.
import * as tf from '@tensorflow/tfjs';
import { beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { conv2d, hasNativeKernel, normConv2d, withConvPrecision } from '../../../src/engine/ops/index.js';
import { resolveGeometry } from '../../../src/engine/ops/_conv2d-geometry.js';
import { convolve, inputGradient, kernelGradient } from '../../../src/engine/ops/_conv2d-raw.js';
import { usesWinograd } from '../../../src/engine/ops/_float-products.js';
import { expectClose } from '../../support/close.js';
import { useEngine } from '../../support/engine.js';
import { randomGrids } from './variants.js';

useEngine();

const read = (tensor: tf.Tensor) => ({ shape: tensor.shape, data: tensor.dataSync<'float32'>() });

function normalTensors(shapes: readonly (readonly number[])[], seed: number): tf.Tensor[] {
  return randomGrids(shapes, seed).map(({ shape, data }) => tf.tensor(Float32Array.from(data), [...shape], 'float32'));
}

const run = (x: tf.Tensor, kernel: tf.Tensor): tf.Tensor => withConvPrecision('float32', () => conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, null, { padding: 'same' }));

/** Root mean square of all values, by which errors of rounding are measured. */
function scaleOf(tensor: tf.Tensor): number {
  const { data } = read(tensor);
  return Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
}

/** [batch, height, width, inputs, outputs] */
const SIZES = [
  [2, 4, 8, 32, 32], // whole tiles and panels
  [1, 1, 1, 32, 32], // one pixel
  [3, 7, 9, 40, 90], // neither whole tiles nor whole panels
  [5, 2, 3, 100, 33], // images smaller than a tile
  [2, 20, 33, 96, 64], // more than one run of tiles
  [1, 90, 100, 48, 32], // tiles that the gradient of the kernel takes in several runs
  [1, 8, 8, 384, 320], // few tiles and a large kernel
] as const;

describe("Winograd's convolution", () => {
  beforeEach((context: TestContext) => {
    if (!hasNativeKernel('Winograd')) context.skip('the native kernels are not loaded: run `melstrom setup`');
  });

  it.each(SIZES)('of %i images of %i × %i, %i to %i channels, is the plain one, gradients included', (batch, height, width, inputs, outputs) => {
    const [x, kernel, dy] = normalTensors([[batch, height, width, inputs], [3, 3, inputs, outputs], [batch, height, width, outputs]], 51) as tf.Tensor4D[];
    const geometry = resolveGeometry(x.shape, kernel.shape, { stride: 1, padding: 'same' });
    expect(usesWinograd(geometry)).toBe(true);
    const ours = tf.tidy(() => [run(x, kernel), ...tf.grads(run)([x, kernel], dy)]);
    const plain = [convolve(x, kernel, geometry, false), inputGradient(dy, kernel, geometry, false), kernelGradient(dy, x, geometry, false)];
    plain.forEach((expected, index) => {
      expectClose(read(ours[index]), read(expected), { absolute: 4e-5 * scaleOf(expected), reason: 'the largest of up to 300,000 errors of rounding, of which the mean is below 2e-6' });
    });
    tf.dispose([x, kernel, dy, ...ours, ...plain]);
  });

  it('is left to TensorFlow where it would not be faster or is something else', () => {
    const uses = (kernel: [number, number, number, number], stride: number, padding: 'same' | 'valid'): boolean => usesWinograd(resolveGeometry([1, 8, 8, kernel[2]], kernel, { stride, padding }));
    expect(uses([3, 3, 64, 64], 1, 'same')).toBe(true);
    expect(uses([3, 3, 31, 64], 1, 'same')).toBe(false);
    expect(uses([3, 3, 64, 4], 1, 'same')).toBe(false);
    expect(uses([3, 3, 64, 64], 2, 'same')).toBe(false);
    expect(uses([3, 3, 64, 64], 1, 'valid')).toBe(false);
    expect(uses([1, 1, 64, 64], 1, 'same')).toBe(false);
    expect(uses([5, 5, 64, 64], 1, 'same')).toBe(false);
  });

  it('adds bias, residual and to each item its own embedding', () => {
    const [x, kernel, gamma, beta, bias, embedding, residual] = normalTensors([[3, 5, 6, 32], [3, 3, 32, 72], [32], [32], [72], [3, 72], [3, 5, 6, 72]], 52);
    const convolved = (extras: { residual?: tf.Tensor4D; embedding?: tf.Tensor2D }, shift: tf.Tensor): tf.Tensor4D => withConvPrecision('float32', () => normConv2d(
      { x: x as tf.Tensor4D, kernel: kernel as tf.Tensor4D, gamma, beta, bias: shift, ...extras }, { groups: 8, epsilon: 1e-5, silu: true, padding: 'same' },
    ));
    const [bare, whole] = tf.tidy(() => [convolved({}, tf.zeros([72])), convolved({ residual: residual as tf.Tensor4D, embedding: embedding as tf.Tensor2D }, bias)]);
    const expected = tf.tidy(() => bare.add(bias).add(residual).add(tf.reshape(embedding, [3, 1, 1, 72])));
    expectClose(read(whole), read(expected), { absolute: 1e-5 });
    tf.dispose([x, kernel, gamma, beta, bias, embedding, residual, bare, whole, expected]);
  });

  it('gives an item the same bits alone and in a batch', () => {
    const [x, kernel] = normalTensors([[7, 5, 9, 64], [3, 3, 64, 96]], 53) as tf.Tensor4D[];
    const together = tf.tidy(() => run(x, kernel).dataSync<'float32'>());
    const size = together.length / 7;
    for (const item of [0, 3, 6]) {
      const alone = tf.tidy(() => run(tf.slice(x, [item, 0, 0, 0], [1, -1, -1, -1]), kernel).dataSync<'float32'>());
      expect(alone).toEqual(together.slice(item * size, (item + 1) * size));
    }
    tf.dispose([x, kernel]);
  });

  it('passes on what is not finite', () => {
    const x = tf.tidy(() => tf.concat([tf.fill([1, 4, 4, 32], NaN), tf.ones([1, 4, 4, 32])], 0));
    const y = tf.tidy(() => run(x, tf.ones([3, 3, 32, 32])).dataSync());
    expect(y.slice(0, 512).every(Number.isNaN)).toBe(true);
    expect(y.slice(512).every(Number.isFinite)).toBe(true);
    x.dispose();
  });

  it('names shapes that do not fit', () => {
    expect(() => conv2d(tf.zeros([1, 4, 4, 32]), tf.zeros([3, 3, 32, 32]), tf.zeros([31]), { padding: 'same' })).toThrow('conv2d: bias');
  });
});

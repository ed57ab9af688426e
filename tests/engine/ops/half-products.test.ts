// Our own products on AMX tiles: sums in float32 of operands in bfloat16, for sizes that fill the tiles and sizes that do not.
import * as tf from '@tensorflow/tfjs';
import { beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { conv2d, linear, normConv2d, withConvPrecision } from '../../../src/engine/ops/index.js';
import { hasTiles } from '../../../src/engine/ops/precision.js';
import { expectClose } from '../../support/close.js';
import { useEngine } from '../../support/engine.js';
import { randomGrids } from './variants.js';

useEngine();

const read = (tensor: tf.Tensor) => ({ shape: tensor.shape, data: tensor.dataSync() });

/** The values that bfloat16 has: the upper half of a float, rounded to nearest, ties to even. */
function roundToHalf(value: number): number {
  const [bits] = new Uint32Array(Float32Array.of(value).buffer);
  return new Float32Array(Uint32Array.of(((bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000) >>> 0).buffer)[0];
}

/** Normal values that bfloat16 has, so that rounding changes nothing and only sums are compared. */
function halfTensors(shapes: readonly (readonly number[])[], seed: number): tf.Tensor[] {
  return randomGrids(shapes, seed).map(({ shape, data }) => tf.tensor(Float32Array.from(data, roundToHalf), [...shape], 'float32'));
}

/** The result and all gradients for `dy`, in bfloat16 and in float32. */
function compareWithFloat(run: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[], dy: tf.Tensor): void {
  const compute = (): tf.Tensor[] => tf.tidy(() => [run(...inputs), ...tf.grads(run)(inputs, dy)]);
  const [exact, rounded] = [compute(), withConvPrecision('bfloat16', compute)];
  exact.forEach((expected, index) => {
    const values = expected.dataSync<'float32'>();
    const scale = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    expectClose(read(rounded[index]), read(expected), { absolute: 1e-5 * scale, reason: 'sums of up to 5,000 products in float32, in another order' });
  });
  tf.dispose([...exact, ...rounded]);
}

/** [batch, height, width, inputs, outputs, size of the kernel] */
const SIZES = [
  [2, 5, 8, 64, 32, 3], // whole blocks of channels, few positions
  [1, 1, 1, 32, 32, 3], // nothing but border
  [3, 7, 9, 60, 90, 3], // channels that do not fill the blocks
  [2, 20, 33, 96, 64, 3], // more than one unit of positions
  [7, 4, 4, 160, 96, 1], // no border at all
  [2, 6, 5, 64, 64, 5], // a border of two
  [1, 70, 64, 32, 32, 3], // a depth that the gradient of the kernel sums in parts
] as const;

describe('products on tiles', () => {
  beforeEach((context: TestContext) => {
    if (!hasTiles()) context.skip('needs the native kernels and a processor with AMX');
  });

  it.each(SIZES)('convolve %i images of %i × %i, %i to %i channels, kernel %i, as float32 does', (batch, height, width, inputs, outputs, size) => {
    const tensors = halfTensors([[batch, height, width, inputs], [size, size, inputs, outputs], [outputs], [batch, height, width, outputs]], 41);
    const [dy] = halfTensors([[batch, height, width, outputs]], 42);
    compareWithFloat((x, kernel, bias, residual) => conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, bias, { padding: 'same', residual: residual as tf.Tensor4D }), tensors, dy);
    tf.dispose([...tensors, dy]);
  });

  it.each([[64, 32, 32], [130, 96, 224], [1000, 60, 90]] as const)('multiply %i rows, %i to %i values, as float32 does', (rows, inputs, outputs) => {
    const tensors = halfTensors([[rows, inputs], [inputs, outputs], [outputs]], 43);
    const [dy] = halfTensors([[rows, outputs]], 44);
    compareWithFloat((x, weight, bias) => linear(x as tf.Tensor2D, weight, bias), tensors, dy);
    tf.dispose([...tensors, dy]);
  });

  it('add to each item its own embedding', () => {
    const [x, kernel, gamma, beta, bias, embedding] = halfTensors([[3, 5, 6, 32], [3, 3, 32, 64], [32], [32], [64], [3, 64]], 45);
    const run = (shift?: tf.Tensor): tf.Tensor4D => withConvPrecision('bfloat16', () => normConv2d(
      { x: x as tf.Tensor4D, kernel: kernel as tf.Tensor4D, gamma, beta, bias, embedding: shift as tf.Tensor2D | undefined }, { groups: 8, epsilon: 1e-5, silu: true, padding: 'same' },
    ));
    const [without, withEmbedding] = [run(), run(embedding)];
    const expected = tf.add(without, tf.reshape(embedding, [3, 1, 1, 64]));
    expectClose(read(withEmbedding), read(expected), { absolute: 1e-5 });
    tf.dispose([x, kernel, gamma, beta, bias, embedding, without, withEmbedding, expected]);
  });

  it('give an item the same bits alone and in a batch', () => {
    const [x, kernel, bias] = halfTensors([[7, 5, 9, 64], [3, 3, 64, 96], [96]], 46) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor1D];
    const run = (input: tf.Tensor4D): Float32Array => withConvPrecision('bfloat16', () => tf.tidy(() => conv2d(input, kernel, bias, { padding: 'same' }).dataSync<'float32'>()));
    const together = run(x);
    const size = together.length / 7;
    for (const item of [0, 3, 6]) {
      const alone = tf.tidy(() => tf.slice(x, [item, 0, 0, 0], [1, -1, -1, -1]));
      expect(run(alone)).toEqual(together.slice(item * size, (item + 1) * size));
      alone.dispose();
    }
    tf.dispose([x, kernel, bias]);
  });

  it('round what bfloat16 has not, and keep what is not finite', () => {
    const rows = tf.fill([64, 32], 1 + 2 ** -9) as tf.Tensor2D;
    const weight = tf.tidy(() => tf.concat([tf.ones([32, 63]), tf.fill([32, 1], NaN)], 1));
    const products = withConvPrecision('bfloat16', () => linear(rows, weight, null));
    const values = products.dataSync();
    expect(values[0]).toBe(32);
    expect(values[63]).toBeNaN();
    tf.dispose([rows, weight, products]);
  });
});

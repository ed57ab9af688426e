import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { conv2d, convPrecision, linear, matMul, normConv2d, setConvPrecision, supportsBfloat16, withConvPrecision, type ConvPrecision } from '../../../src/engine/ops/index.js';
import { tensorflowBackend } from '../../../src/engine/ops/native-kernels.js';
import { expectClose } from '../../support/close.js';
import { useEngine } from '../../support/engine.js';
import { randomGrids, takeGpuPath } from './variants.js';

useEngine();

const read = (tensor: tf.Tensor) => ({ shape: tensor.shape, data: tensor.dataSync() });

function normalTensors(shapes: readonly (readonly number[])[], seed: number): tf.Tensor[] {
  return randomGrids(shapes, seed).map(({ shape, data }) => tf.tensor(Float32Array.from(data), [...shape], 'float32'));
}

/** Bfloat16 where a processor has it; on a GPU it is no faster. */
function fastest(): ConvPrecision {
  return supportsBfloat16() && tensorflowBackend()?.isUsingGpuDevice === false ? 'bfloat16' : 'float32';
}

/** Compares a function of tensors and its gradients in both precisions. */
function expectSimilar(run: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]): void {
  const compute = (): tf.Tensor[] =>
    tf.tidy(() => {
      const y = run(...inputs);
      return [y, ...tf.grads(run)(inputs, tf.onesLike(y))];
    });
  const exact = compute();
  const rounded = withConvPrecision('bfloat16', compute);
  rounded.forEach((tensor, index) => {
    expect(tensor.dtype).toBe('float32');
    const scale = Math.max(...exact[index].dataSync());
    expectClose(read(tensor), read(exact[index]), { absolute: 0.02 * scale, relative: 0.02, reason: 'bfloat16 keeps 8 bits: 4e-3 per operand and per result' });
    expect(rounded[index].dataSync()).not.toEqual(exact[index].dataSync());
  });
  tf.dispose([...exact, ...rounded]);
}

describe('convolution precision', () => {
  afterEach(() => {
    setConvPrecision('float32');
  });

  it('is float32 unless told otherwise, and auto takes what the processor has', () => {
    expect(convPrecision()).toBe('float32');
    expect(setConvPrecision('auto')).toBe(fastest());
  });

  describe('on a GPU', () => {
    takeGpuPath();
    it('is float32 when it is left open', (context) => {
      if (tensorflowBackend() === null) context.skip('needs the native engine: run `melstrom setup`');
      expect(setConvPrecision('auto')).toBe('float32');
    });
  });

  it('is put back after an error', () => {
    expect(() => withConvPrecision('float32', () => { throw new Error('inside'); })).toThrow('inside');
    expect(convPrecision()).toBe('float32');
  });

  it('lasts until what was promised is done, kept or broken', async () => {
    const best = fastest();
    const later = withConvPrecision('auto', async () => {
      await Promise.resolve();
      return convPrecision();
    });
    expect(convPrecision()).toBe(best);
    expect(await later).toBe(best);
    expect(convPrecision()).toBe('float32');
    await expect(withConvPrecision('auto', async () => Promise.reject(new Error('inside')))).rejects.toThrow('inside');
    expect(convPrecision()).toBe('float32');
  });

  describe.each([['our kernels', false], ["TensorFlow's operations, as on a GPU", true]] as const)('with bfloat16 by %s', (_name, isGpuPath) => {
    if (isGpuPath) takeGpuPath();
    beforeEach((context: TestContext) => {
      if (!supportsBfloat16()) context.skip('needs the native kernels and a processor with AVX512_BF16 or AMX');
    });

    it('keeps convolutions and their gradients within the precision of bfloat16', () => {
      const inputs = normalTensors([[2, 8, 9, 32], [3, 3, 32, 48], [48], [2, 8, 9, 48]], 21);
      expectSimilarConvolution(inputs);
      tf.dispose(inputs);
    });

    it('keeps matrix products and their gradients within the precision of bfloat16', () => {
      const inputs = normalTensors([[2, 64, 96], [2, 96, 80]], 22);
      expectSimilar((a, b) => matMul(a, b), inputs);
      tf.dispose(inputs);
    });

    it.each([[3, true], [1, false]] as const)('keeps normalised convolutions of kernel %i and their gradients within the precision of bfloat16', (kernelSize, silu) => {
      const inputs = normalTensors([[2, 8, 9, 32], [32], [32], [kernelSize, kernelSize, 32, 48]], 25);
      const [bias, residual, embedding] = normalTensors([[48], [2, 8, 9, 48], [2, 48]], 26);
      expectSimilar((x, gamma, beta, kernel) => normConv2d(
        { x: x as tf.Tensor4D, gamma, beta, kernel: kernel as tf.Tensor4D, bias, residual: residual as tf.Tensor4D, embedding: embedding as tf.Tensor2D },
        { groups: 8, epsilon: 1e-5, silu, padding: 'same' },
      ), inputs);
      tf.dispose([...inputs, bias, residual, embedding]);
    });

    it('keeps linear layers and their gradients within the precision of bfloat16', () => {
      const inputs = normalTensors([[130, 96], [96, 80]], 27);
      const [bias] = normalTensors([[80]], 28);
      expectSimilar((x, weight) => linear(x as tf.Tensor2D, weight, bias), inputs);
      expectSimilar((x, weight) => linear(x as tf.Tensor2D, weight, null), inputs);
      tf.dispose([...inputs, bias]);
    });

    it('sums the gradients of biases and embeddings exactly', () => {
      const inputs = normalTensors([[2, 8, 9, 32], [48], [2, 48]], 29);
      const [kernel, gamma, beta, dy] = normalTensors([[3, 3, 32, 48], [32], [32], [2, 8, 9, 48]], 30);
      const run = (x: tf.Tensor, bias: tf.Tensor, embedding: tf.Tensor): tf.Tensor => normConv2d(
        { x: x as tf.Tensor4D, gamma, beta, kernel: kernel as tf.Tensor4D, bias, embedding: embedding as tf.Tensor2D },
        { groups: 8, epsilon: 1e-5, silu: true, padding: 'same' },
      );
      const [, dBias, dEmbedding] = withConvPrecision('bfloat16', () => tf.tidy(() => tf.grads(run as (...list: tf.Tensor[]) => tf.Tensor)(inputs, dy)));
      const [bias, item] = tf.tidy(() => [tf.sum(dy, [0, 1, 2]), tf.sum(dy, [1, 2])]);
      expectClose(read(dBias), read(bias), { absolute: 1e-4 });
      expectClose(read(dEmbedding), read(item), { absolute: 1e-4 });
      tf.dispose([...inputs, kernel, gamma, beta, dy, dBias, dEmbedding, bias, item]);
    });

    it('leaves narrow convolutions exact', () => {
      const [x, kernel] = normalTensors([[1, 8, 8, 1], [3, 3, 1, 32]], 23) as tf.Tensor4D[];
      const exact = conv2d(x, kernel, null, { padding: 'same' });
      const narrow = withConvPrecision('bfloat16', () => conv2d(x, kernel, null, { padding: 'same' }));
      expectClose(read(narrow), read(exact));
      tf.dispose([x, kernel, exact, narrow]);
    });

    it('leaves no tensor behind', () => {
      const inputs = normalTensors([[1, 4, 4, 16], [3, 3, 16, 16]], 24);
      const [gamma, beta, weight] = normalTensors([[16], [16], [16, 16]], 31);
      const rows = tf.ones([64, 16]) as tf.Tensor2D;
      const runOnce = (): void => withConvPrecision('bfloat16', () => {
        tf.tidy(() => {
          tf.grads((x, kernel) => conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, null, { padding: 'same' }))(inputs);
        });
        const [x, kernel] = inputs as tf.Tensor4D[];
        tf.dispose([conv2d(x, kernel, null, { padding: 'same' }), normConv2d({ x, kernel, gamma, beta, bias: beta }, { groups: 2, epsilon: 1e-5, silu: true, padding: 'same' }), linear(rows, weight, beta)]);
      });
      runOnce();
      const before = tf.memory().numTensors;
      runOnce();
      expect(tf.memory().numTensors).toBe(before);
      tf.dispose([...inputs, gamma, beta, weight, rows]);
    });
  });

  it('refuses bfloat16 where it is not supported', (context) => {
    if (supportsBfloat16()) context.skip('this engine supports bfloat16');
    expect(() => setConvPrecision('bfloat16')).toThrow('AVX512_BF16');
  });
});

/** The bias and residual gradients do not pass through the convolution, so they are compared exactly and apart. */
function expectSimilarConvolution([x, kernel, bias, residual]: tf.Tensor[]): void {
  expectSimilar((image, weights) => conv2d(image as tf.Tensor4D, weights as tf.Tensor4D, bias, { padding: 'same', residual: residual as tf.Tensor4D }), [x, kernel]);
}

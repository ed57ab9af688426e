// What a GPU engine leaves to the processor is found and told once. No GPU is needed: who knows its kernels is handed in.
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { onHostOperation, watchHostOperations } from '../../src/engine/host-operations.js';
import { device, hasNativeLibrary, tensorflowBackend } from '../../src/engine/ops/native-kernels.js';
import { repeated } from '../../src/engine/repeated.js';
import { useEngine } from '../support/engine.js';

useEngine();

const FLOAT = 1;
const STRING = 7;
const BFLOAT16 = 14;

describe('operations that a GPU leaves to the processor', () => {
  let end = (): void => undefined;
  beforeEach((context: TestContext) => {
    if (tensorflowBackend() === null || !hasNativeLibrary()) context.skip('needs the native engine: run `melstrom setup`');
  });
  afterEach(() => {
    end();
    onHostOperation(null);
  });

  it('are told once each, integers and what the GPU can do aside, and late listeners hear of them too', () => {
    const [heard, heardLate, asked]: string[][] = [[], [], []];
    onHostOperation((operation) => heard.push(operation));
    end = watchHostOperations((operation) => {
      asked.push(operation);
      return operation !== 'Erf';
    });
    tf.tidy(() => {
      for (let round = 0; round < 2; round += 1) tf.add(tf.erf(tf.tensor1d([0.5])), tf.sqrt(tf.tensor1d([4])));
      tf.mul(tf.tensor1d([2], 'int32'), tf.tensor1d([3], 'int32'));
    });
    expect(heard).toEqual(['Erf']);
    expect(asked.filter((operation) => operation === 'Erf' || operation === 'Sqrt').sort()).toEqual(['Erf', 'Sqrt']);
    expect(asked).not.toContain('Mul');
    onHostOperation((operation) => heardLate.push(operation));
    expect(heardLate).toEqual(['Erf']);
    end();
    tf.tidy(() => tf.floor(tf.tensor1d([1.5])));
    expect(asked).not.toContain('Floor');
  });

  it('are asked for beside what is noted to be issued again', () => {
    end = watchHostOperations((operation, format, binding) => device.hasKernel('CPU', operation, format, binding));
    const twice = repeated(({ x }) => tf.tidy(() => tf.expm1(tf.mul(x, 2))), (y) => ({ tensors: [y], rebuild: ([tensor]) => tensor }), { reads: [] });
    const x = tf.tensor1d([0.5]);
    const obstacles = [1, 2, 3].map(() => {
      twice({ x }).dispose();
      return twice.obstacle;
    });
    x.dispose();
    expect(obstacles).toEqual(['it is being noted', 'it is being noted', null]);
  });

  it.each([
    ['CPU', 'Conv2D', FLOAT, true],
    ['CPU', 'Conv2D', BFLOAT16, true],
    ['CPU', 'Conv2D', STRING, false],
    ['CPU', 'Identity', STRING, true],
    ['CPU', 'MelstromGroupNorm', FLOAT, true],
    ['GPU', 'MelstromAttention', FLOAT, false],
    ['CPU', 'NoSuchOperation', FLOAT, false],
  ] as const)('on a %s, of %s on format %i: %s', (type, operation, format, expected) => {
    expect(device.hasKernel(type, operation, format)).toBe(expected);
  });

  it('are float32 alone when short factors are not allowed, which can be asked', () => {
    const before = device.allowTf32(false);
    expect(device.allowTf32(true)).toBe(false);
    expect(device.allowTf32(before)).toBe(true);
  });
});

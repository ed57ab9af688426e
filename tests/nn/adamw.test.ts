import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createAdamW, fromReference, ParameterTree, toReference, type AdamWOptions, type HostTensor } from '../../src/nn/index.js';
import { zeros } from '../../src/nn/initialisers.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

interface Fixture {
  readonly learningRates: number[];
  readonly steps: Record<string, number[]>[];
}

function readFixture(): Fixture {
  const file = new URL('fixtures/adamw.json', import.meta.url);
  const text = readFileSync(file, 'utf8');
  expect(createHash('sha256').update(text).digest('hex')).toBe(readFileSync(new URL(`${file.href}.sha256`), 'utf8').trim());
  return JSON.parse(text) as Fixture;
}

/** The sines of fixtures/generate.py. */
function values(shape: readonly number[], phase: number, scale = 1): HostTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return { shape, data: Float32Array.from({ length: count }, (_, index) => Math.fround(Math.sin(phase + 1.7 * index)) * scale) };
}

function createTree(): ParameterTree {
  const tree = new ParameterTree(null);
  tree.add('a.weight', { shape: [4, 3], layout: 'linear', initialise: zeros });
  tree.add('a.bias', { shape: [3], layout: 'plain', initialise: zeros });
  fromReference(tree, new Map([['a.weight', values([3, 4], 0.3)], ['a.bias', values([3], 1.1)]]));
  return tree;
}

/** Gradients of a step, in the layout here. */
function gradientsOf(step: number): Map<string, tf.Tensor> {
  const scale = 10 ** (step - 1);
  const weight = values([3, 4], 2 + step, scale);
  return new Map<string, tf.Tensor>([
    ['a.weight', tf.tidy(() => tf.transpose(tf.tensor2d(weight.data, [3, 4])))],
    ['a.bias', tf.tensor1d(values([3], 12 + step, scale).data)],
  ]);
}

const options: AdamWOptions = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };

function take(optimiser: ReturnType<typeof createAdamW>, step: number, rate: number): void {
  const gradients = gradientsOf(step);
  optimiser.step(gradients, rate);
  tf.dispose([...gradients.values()]);
}

describe('AdamW', () => {
  it('takes the steps of PyTorch', () => {
    const { learningRates, steps } = readFixture();
    const tree = createTree();
    const optimiser = createAdamW(tree, options);
    learningRates.forEach((rate, step) => {
      take(optimiser, step, rate);
      for (const [path, tensor] of toReference(tree)) expectClose(tensor.data, steps[step][path], { absolute: 1e-6, relative: 1e-5 });
    });
    expect(optimiser.stepCount).toBe(3);
    optimiser.dispose();
    tree.dispose();
  });

  it('goes on byte for byte from a restored state', () => {
    const [whole, broken] = [createTree(), createTree()];
    const [first, second] = [createAdamW(whole, options), createAdamW(broken, options)];
    for (const step of [0, 1]) for (const optimiser of [first, second]) take(optimiser, step, 1e-2);
    const resumed = createAdamW(broken, options);
    resumed.restore(second.state());
    take(first, 2, 1e-2);
    take(resumed, 2, 1e-2);
    expect(toReference(broken)).toEqual(toReference(whole));
    expect(resumed.state()).toEqual(first.state());
    for (const item of [first, second, resumed, whole, broken]) item.dispose();
  });

  it('leaves a parameter without gradient alone, and scales the others', () => {
    const [one, other] = [createTree(), createTree()];
    const before = toReference(one);
    const [plain, scaled] = [createAdamW(one, options), createAdamW(other, options)];
    const gradient = tf.tensor1d([1, -2, 3]);
    const double = tf.mul(gradient, 2);
    plain.step(new Map([['a.bias', gradient]]), 0.1);
    scaled.step(new Map([['a.bias', double]]), 0.1, 0.5);
    expect(toReference(one).get('a.weight')).toEqual(before.get('a.weight'));
    expect(toReference(one).get('a.bias')).not.toEqual(before.get('a.bias'));
    expect(toReference(other)).toEqual(toReference(one));
    tf.dispose([gradient, double]);
    for (const item of [plain, scaled, one, other]) item.dispose();
  });

  it('takes a list in the order of the tree, and refuses one of another length', () => {
    const tree = createTree();
    const optimiser = createAdamW(tree, options);
    const gradients = [...gradientsOf(0).values()];
    optimiser.step(gradients, 1e-2);
    expectClose(toReference(tree).get('a.bias')!.data, readFixture().steps[0]['a.bias'], { relative: 1e-5, absolute: 1e-6 });
    expect(() => optimiser.step(gradients.slice(1), 1e-2)).toThrow('1 gradients');
    tf.dispose(gradients);
    optimiser.dispose();
    tree.dispose();
  });

  it('refuses a state of another network', () => {
    const tree = createTree();
    const optimiser = createAdamW(tree, options);
    const state = optimiser.state();
    state.set('first/a.bias', new Float32Array(2));
    state.set('first/b', new Float32Array(2));
    expect(() => optimiser.restore(state)).toThrow(/missing or misshapen: first\/a\.bias; unexpected: first\/b/);
    optimiser.dispose();
    tree.dispose();
  });

  it('keeps no tensor of a step', () => {
    const tree = createTree();
    const optimiser = createAdamW(tree, options);
    take(optimiser, 0, 1e-2);
    const before = tf.memory().numTensors;
    take(optimiser, 1, 1e-2);
    expect(tf.memory().numTensors).toBe(before);
    optimiser.dispose();
    tree.dispose();
    expect(tf.memory().numTensors).toBe(before - 6);
  });
});

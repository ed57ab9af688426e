import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { disposeGradients, fromReference, globalNorm, ParameterTree, referenceShape, scopeOf, toReference, valueAndGradients } from '../../src/nn/index.js';
import { normal, ones, uniformByFanIn } from '../../src/nn/initialisers.js';
import { createConv2d, createEmbedding, createLinear } from '../../src/nn/layers.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

function index(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, position) => position);
}

function build(seed: number | null, names = ['a', 'b']): ParameterTree {
  const tree = new ParameterTree(seed);
  for (const name of names) createLinear(scopeOf(tree).at(name), { inChannels: 16, outChannels: 64 });
  return tree;
}

describe('first values', () => {
  it('depend on seed and path alone', () => {
    const [tree, reordered, other] = [build(5), build(5, ['b', 'a']), build(6)];
    expect(toReference(reordered).get('a.weight')).toEqual(toReference(tree).get('a.weight'));
    expect(toReference(tree).get('b.weight')).not.toEqual(toReference(tree).get('a.weight'));
    expect(toReference(other).get('a.weight')).not.toEqual(toReference(tree).get('a.weight'));
    for (const item of [tree, reordered, other]) item.dispose();
  });

  it('are uniform within one over the root of what each output sums', () => {
    const tree = build(1);
    const { data } = toReference(tree).get('a.weight')!;
    expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(0.25);
    expect(Math.max(...data.map(Math.abs))).toBeGreaterThan(0.24);
    expectClose(Math.hypot(...data) / Math.sqrt(data.length), 0.25 / Math.sqrt(3), { relative: 0.05, reason: '1024 draws' });
    tree.dispose();
  });

  it('are zero without a seed', () => {
    const tree = build(null);
    expect(toReference(tree).get('a.weight')!.data.every((value) => value === 0)).toBe(true);
    tree.dispose();
  });

  it('have the deviation asked for', () => {
    const tree = new ParameterTree(1);
    tree.add('normal', { shape: [4096], layout: 'plain', initialise: normal(3) });
    const { data } = toReference(tree).get('normal')!;
    expectClose(Math.hypot(...data) / 64, 3, { relative: 0.05, reason: '4096 draws' });
    tree.dispose();
  });
});

describe('parameter tree', () => {
  it('counts values, names paths and refuses a name twice or unknown', () => {
    const tree = new ParameterTree(0);
    createConv2d(scopeOf(tree).at('down', 0).at('conv'), { inChannels: 2, outChannels: 5, kernelSize: 3, padding: [1, 1] });
    expect(tree.list().map(({ path }) => path)).toEqual(['down.0.conv.weight', 'down.0.conv.bias']);
    expect(tree.count).toBe(95);
    expect(referenceShape(tree.get('down.0.conv.weight'))).toEqual([5, 2, 3, 3]);
    expect(() => tree.add('down.0.conv.bias', { shape: [1], layout: 'plain', initialise: ones })).toThrow('second parameter');
    expect(() => tree.get('up')).toThrow('no parameter');
    tree.dispose();
    expect(tree.count).toBe(0);
  });

  it('moves axes as the reference has them, and back', () => {
    const tree = new ParameterTree(null);
    tree.add('conv', { shape: [2, 3, 4, 5], layout: 'conv', initialise: ones });
    tree.add('linear', { shape: [3, 2], layout: 'linear', initialise: ones });
    const file = new Map([['conv', { shape: [5, 4, 2, 3], data: index(120) }], ['linear', { shape: [2, 3], data: index(6) }]]);
    fromReference(tree, file);
    expect(toReference(tree)).toEqual(file);
    const oracle = tf.tidy(() => tf.transpose(tf.tensor4d(index(120), [5, 4, 2, 3]), [2, 3, 1, 0]).dataSync());
    expect([...tree.get('conv').variable.dataSync()]).toEqual([...oracle]);
    expect([...tree.get('linear').variable.dataSync()]).toEqual([0, 3, 1, 4, 2, 5]);
    tree.dispose();
  });

  it('lists what is missing, unexpected and misshapen, and then changes nothing', () => {
    const tree = new ParameterTree(1);
    createLinear(scopeOf(tree).at('a'), { inChannels: 2, outChannels: 3 });
    const before = toReference(tree);
    const wrong = new Map([['a.weight', { shape: [2, 3], data: new Float32Array(6) }], ['b.bias', { shape: [3], data: new Float32Array(3) }]]);
    expect(() => fromReference(tree, wrong, 'unet/weights')).toThrow(
      'unet/weights: weights that do not fit this network: a.bias is missing; b.bias is unexpected; a.weight has shape [2, 3] and not [3, 2].',
    );
    expect(toReference(tree)).toEqual(before);
    tree.dispose();
  });
});

describe('gradients', () => {
  it('come by path, only where the value depends on a trainable parameter', () => {
    const tree = new ParameterTree(1);
    const used = tree.add('used', { shape: [3], layout: 'plain', initialise: uniformByFanIn(1) }).variable;
    tree.add('unused', { shape: [3], layout: 'plain', initialise: ones });
    const fixed = tree.add('fixed', { shape: [3], layout: 'plain', initialise: ones, isTrainable: false }).variable;
    const { value, gradients } = valueAndGradients(tree, () => tf.sum(tf.mul(tf.square(used), fixed)));
    expect([...gradients.keys()]).toEqual(['used']);
    const x = used.dataSync();
    expectClose(gradients.get('used')!.dataSync(), [...x].map((item) => 2 * item), { relative: 1e-6 });
    expectClose(value.dataSync()[0], [...x].reduce((sum, item) => sum + item * item, 0), { relative: 1e-6 });
    const norm = globalNorm(gradients);
    expectClose(norm.dataSync()[0], 2 * Math.hypot(...x), { relative: 1e-6 });
    norm.dispose();
    value.dispose();
    disposeGradients(gradients);
    tree.dispose();
  });

  it('leave no tensor behind', () => {
    const tree = new ParameterTree(1);
    const layer = createLinear(scopeOf(tree), { inChannels: 4, outChannels: 4 });
    const step = (): void => {
      const { value, gradients } = valueAndGradients(tree, () => tf.sum(layer(tf.ones([2, 3, 4]))));
      value.dispose();
      disposeGradients(gradients);
    };
    step();
    const before = tf.memory().numTensors;
    step();
    expect(tf.memory().numTensors).toBe(before);
    tree.dispose();
  });
});

describe('embedding', () => {
  it('may have a single row, and gives zeros beyond the last', () => {
    const tree = new ParameterTree(2);
    const embed = createEmbedding(scopeOf(tree), { rows: 1, width: 3 });
    const table = [...tree.get('weight').variable.dataSync()];
    expectClose(tf.tidy(() => embed(tf.tensor1d([0, 1, 0], 'int32')).dataSync()), [...table, 0, 0, 0, ...table], {});
    tree.dispose();
  });

  it('picks rows, and its gradient reaches them alone', () => {
    const tree = new ParameterTree(2);
    const embed = createEmbedding(scopeOf(tree), { rows: 4, width: 3 });
    const table = [...tree.get('weight').variable.dataSync()];
    const picked = tf.tidy(() => embed(tf.tensor1d([3, 0, 3], 'int32')).dataSync());
    expectClose(picked, [...table.slice(9), ...table.slice(0, 3), ...table.slice(9)], {});
    const { value, gradients } = valueAndGradients(tree, () => tf.sum(embed(tf.tensor1d([3, 0, 3], 'int32'))));
    expectClose(gradients.get('weight')!.dataSync(), [1, 1, 1, 0, 0, 0, 0, 0, 0, 2, 2, 2], {});
    value.dispose();
    disposeGradients(gradients);
    tree.dispose();
  });
});

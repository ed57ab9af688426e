import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { adamwStep, emaStep, globalNorm, type AdamwSettings } from '../../../src/engine/ops/index.js';
import { expectClose } from '../../support/close.js';
import { useEngine } from '../../support/engine.js';
import { grid, type Grid } from './oracles.js';
import { randomGrids, useVariant, VARIANTS } from './variants.js';

useEngine();

/** One tensor longer than a unit of parallel work, an odd one, and a single value. */
const SHAPES = [[9001], [3, 3, 5, 7], [1]];
const SETTINGS: AdamwSettings = {
  learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: [0.1, 0, 0.5], step: 3, gradientScale: 0.5,
};

const toTensor = ({ shape, data }: Grid): tf.Tensor => tf.tensor(Float32Array.from(data), [...shape], 'float32');
const toTensors = (grids: readonly Grid[]): tf.Tensor[] => grids.map(toTensor);
const read = (tensor: tf.Tensor) => ({ shape: tensor.shape, data: tensor.dataSync() });
const squares = (grids: readonly Grid[]): Grid[] => grids.map((one) => grid(one.shape, (index) => Math.fround(one.data[index] ** 2)));

/** AdamW as its paper writes it, for one value. */
function adamwOracle([p, g, m, v]: readonly number[], decay: number): [number, number, number] {
  const { learningRate, beta1, beta2, epsilon, step, gradientScale } = SETTINGS;
  const first = beta1 * m + (1 - beta1) * g * gradientScale;
  const second = beta2 * v + (1 - beta2) * (g * gradientScale) ** 2;
  const update = first / (1 - beta1 ** step) / (Math.sqrt(second / (1 - beta2 ** step)) + epsilon);
  return [p - learningRate * (update + decay * p), first, second];
}

describe.each(VARIANTS)('%s optimiser steps', (variant) => {
  useVariant(variant);
  const [p, g, m] = [1, 2, 3].map((seed) => randomGrids(SHAPES, seed));
  const v = squares(randomGrids(SHAPES, 4));

  it('adamwStep agrees with the formula in float64 and keeps its inputs', () => {
    const tensors = { parameters: toTensors(p), gradients: toTensors(g), firstMoments: toTensors(m), secondMoments: toTensors(v) };
    const result = adamwStep(tensors, SETTINGS);
    SHAPES.forEach((shape, t) => {
      const decay = (SETTINGS.weightDecay as readonly number[])[t];
      const expected = Array.from(p[t].data, (_, i) => adamwOracle([p[t].data[i], g[t].data[i], m[t].data[i], v[t].data[i]], decay));
      [result.parameters[t], result.firstMoments[t], result.secondMoments[t]].forEach((tensor, output) => {
        expectClose(read(tensor), grid(shape, (i) => expected[i][output]), { absolute: 1e-6, relative: 1e-5 });
      });
      expectClose(read(tensors.parameters[t]), p[t]);
    });
    tf.dispose([...Object.values(tensors).flat(), ...Object.values(result).flat()]);
  });

  it('adamwStep starts from zero moments without dividing by zero', () => {
    const zero = (): tf.Tensor[] => [tf.zeros([20])];
    const tensors = { parameters: [tf.ones([20])], gradients: zero(), firstMoments: zero(), secondMoments: zero() };
    const result = adamwStep(tensors, { ...SETTINGS, weightDecay: 0, step: 1 });
    expectClose(read(result.parameters[0]), grid([20], () => 1));
    expectClose(read(result.secondMoments[0]), grid([20], () => 0));
    tf.dispose([...Object.values(tensors).flat(), ...Object.values(result).flat()]);
  });

  it('adamwStep lets a gradient that is not finite show', () => {
    const gradients = [tf.tensor1d([0, NaN, 1])];
    const tensors = { parameters: [tf.ones([3])], gradients, firstMoments: [tf.zeros([3])], secondMoments: [tf.ones([3])] };
    const result = adamwStep(tensors, SETTINGS);
    expect(Array.from(result.parameters[0].dataSync(), Number.isNaN)).toEqual([false, true, false]);
    tf.dispose([...Object.values(tensors).flat(), ...Object.values(result).flat()]);
  });

  it('emaStep moves each average by its share towards the value', () => {
    const [averages, values] = [toTensors(p), toTensors(g)];
    const next = emaStep(averages, values, 0.75);
    next.forEach((tensor, t) => {
      expectClose(read(tensor), grid(SHAPES[t], (i) => 0.75 * p[t].data[i] + 0.25 * g[t].data[i]), { absolute: 1e-6 });
    });
    tf.dispose([...averages, ...values, ...next]);
  });

  it('globalNorm is the norm of all values together, and not finite when one is not', () => {
    const tensors = toTensors(p);
    const norm = globalNorm(tensors);
    const sum = p.flatMap((one) => Array.from(one.data)).reduce((total, value) => total + value * value, 0);
    expectClose(norm.dataSync()[0], Math.sqrt(sum), { relative: 1e-6 });
    const broken = tf.tensor1d([1, Infinity]);
    const brokenNorm = globalNorm([...tensors, broken]);
    expect(Number.isFinite(brokenNorm.dataSync()[0])).toBe(false);
    tf.dispose([...tensors, norm, broken, brokenNorm]);
  });

  it('makes only the tensors that it returns', () => {
    const tensors = { parameters: toTensors(p), gradients: toTensors(g), firstMoments: toTensors(m), secondMoments: toTensors(v) };
    const before = tf.memory().numTensors;
    const result = adamwStep(tensors, SETTINGS);
    expect(tf.memory().numTensors).toBe(before + 3 * SHAPES.length);
    const next = emaStep(tensors.parameters, tensors.gradients, 0.9);
    const norm = globalNorm(tensors.gradients);
    expect(tf.memory().numTensors).toBe(before + 4 * SHAPES.length + 1);
    tf.dispose([...Object.values(tensors).flat(), ...Object.values(result).flat(), ...next, norm]);
  });
});

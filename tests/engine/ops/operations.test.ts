import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../../support/close.js';
import { useEngine } from '../../support/engine.js';
import { CASES, type Case } from './cases.js';
import { differenceGradient, type Grid } from './oracles.js';
import { randomGrids, useVariant, VARIANTS } from './variants.js';

useEngine();

const toTensor = ({ shape, data }: Grid): tf.Tensor => tf.tensor(Float32Array.from(data), [...shape], 'float32');
const read = (tensor: tf.Tensor) => ({ shape: tensor.shape, data: tensor.dataSync() });

describe.each(VARIANTS)('%s operations', (variant) => {
  useVariant(variant);

  describe.each(CASES.map((one) => [one.name, one] as const))('%s', (_, one: Case) => {
    const grids = randomGrids(one.shapes, 11);

    it('has the values of the float64 oracle', () => {
      const inputs = grids.map(toTensor);
      const result = one.run(inputs);
      expectClose(read(result), one.oracle(grids), { absolute: 1e-5, relative: 1e-5 });
      tf.dispose([inputs, result]);
    });

    it('has the gradients of the float64 oracle', () => {
      const weights = randomGrids([one.oracle(grids).shape], 12)[0];
      const gradients = tf.tidy(() => tf.grads((...inputs: tf.Tensor[]) => one.run(inputs))(grids.map(toTensor), toTensor(weights)));
      expect(gradients.length).toBe(grids.length);
      gradients.forEach((gradient, index) => {
        expectClose(read(gradient), differenceGradient(one.oracle, grids, index, weights), { absolute: 1e-4, relative: 1e-4 });
        gradient.dispose();
      });
    });

    it('leaves no tensor behind', () => {
      const inputs = grids.map(toTensor);
      const weights = toTensor(randomGrids([one.oracle(grids).shape], 12)[0]);
      const differentiate = tf.grads((...list: tf.Tensor[]) => one.run(list));
      const runOnce = (): void => {
        tf.tidy(() => {
          one.run(inputs);
          differentiate(inputs, weights);
        });
      };
      runOnce();
      const before = tf.memory().numTensors;
      runOnce();
      expect(tf.memory().numTensors).toBe(before);
      tf.dispose([inputs, weights]);
    });
  });
});

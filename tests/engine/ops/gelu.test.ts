import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { geglu } from '../../../src/engine/ops/index.js';
import { expectClose } from '../../support/close.js';
import { useEngine } from '../../support/engine.js';

useEngine();

describe('geglu', () => {
  it('gives rows that are worked on in parts the same values and gradients', () => {
    tf.tidy(() => {
      const x = tf.randomNormal([3, 350, 1024], 0, 1, 'float32', 5); // more than 2^20 values: two parts, the second one short
      const run = (some: tf.Tensor): tf.Tensor => geglu(some);
      const items = tf.split(x, 3);
      const whole = [run(x), tf.grad(run)(x)];
      const apart = [tf.concat(items.map(run)), tf.concat(items.map((item) => tf.grad(run)(item)))];
      whole.forEach((tensor, index) => {
        const got = { shape: tensor.shape, data: tensor.dataSync() };
        expectClose(got, { shape: apart[index].shape, data: apart[index].dataSync() }, { absolute: 1e-6, relative: 1e-6 });
      });
    });
  });

  it('needs an even number of channels', () => {
    const x = tf.zeros([2, 5]);
    expect(() => geglu(x)).toThrow(/geglu: half of the channels: got 2.5/);
    x.dispose();
  });
});

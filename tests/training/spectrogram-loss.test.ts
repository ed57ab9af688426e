import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { frameWeights, spectrogramLoss } from '../../src/training/spectrogram-loss.js';
import { createRandom } from '../../src/base/random.js';
import { useEngine } from '../support/engine.js';

useEngine();

describe('spectrogramLoss', () => {
  it('x', () => {
    console.log(tf.getBackend());
    const a = tf.tensor4d(createRandom(1).normals(2 * 8 * 12), [2, 8, 12, 1]);
    const g = tf.grad((x: tf.Tensor) => spectrogramLoss(x as tf.Tensor4D, tf.zerosLike(a), { l1Weight: 1, gradientWeight: 1, gradientScales: 3, weights: frameWeights([1, 0.5], 12, 0.25) }).total)(a);
    expect(g.shape).toEqual(a.shape);
  });
});

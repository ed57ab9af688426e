import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { adaptiveWeight, createAdversary, hingeLoss } from '../../src/training/adversary.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { tinyConfig } from './_tiny-run.js';

useEngine();

const training = tinyConfig().vae.training;
const create = () => createAdversary({ config: { channels: 8, layers: 1, learningRate: 5e-3 }, training, seed: 1 });
const noise = (seed: number, level: number): tf.Tensor4D => tf.tensor4d(createRandom(seed).normals(4 * 8 * 16).map((value) => value * 0.3 + level), [4, 8, 16, 1]);

describe('the adversary', () => {
  it('has the hinge loss of its paper, halved', () => {
    expectClose(hingeLoss(tf.tensor1d([2, 0.5]), tf.tensor1d([-3, 1])).dataSync()[0], 0.5 * ((0 + 0.5) / 2 + (0 + 2) / 2), { relative: 1e-6 });
  });

  it('learns to tell real from reconstructed, and says so in both losses', () => {
    const adversary = create();
    const [real, fake] = [noise(1, 0.5), noise(2, -0.5)];
    const first = adversary.learn(real, fake);
    adversary.update(1);
    let last = first;
    for (let step = 0; step < 30; step += 1) {
      last = adversary.learn(noise(10 + step, 0.5), noise(100 + step, -0.5));
      adversary.update(1);
    }
    expect(last).toBeLessThan(0.3 * first);
    expect(adversary.generatorLoss(fake).dataSync()[0]).toBeGreaterThan(adversary.generatorLoss(real).dataSync()[0]);
    adversary.dispose();
  });

  it('applies the mean of several passes, and comes back from its state exactly', () => {
    const [one, two] = [create(), create()];
    one.learn(noise(1, 0.5), noise(2, -0.5));
    one.update(0.5);
    two.restore(one.state());
    for (const adversary of [one, two]) {
      adversary.learn(noise(3, 0.5), noise(4, -0.5));
      adversary.learn(noise(5, 0.5), noise(6, -0.5));
      adversary.update(0.5);
    }
    const [a, b] = [one.state(), two.state()];
    expect([...a.keys()]).toEqual([...b.keys()]);
    for (const [name, { data }] of a) expect(data).toEqual(b.get(name)!.data);
    one.dispose();
    two.dispose();
  });

  it('weighs its term so that both gradients at the last layer are as large, and leaves the gradient around it as it is', () => {
    const layer = tf.variable(tf.tensor1d([1, 2]));
    const other = tf.variable(tf.tensor1d([5, -1]));
    const weigh = (first: number[], second: number[]): { weight: number; grads: number[][] } => {
      let weight = 0;
      const { value, grads } = tf.variableGrads(() => {
        const [reconstruction, generator] = [first, second].map((factors) => tf.sum(tf.mul(tf.mul(layer, other), factors)) as tf.Scalar);
        weight = adaptiveWeight(layer, { reconstruction, generator }).dataSync()[0];
        return tf.add(reconstruction, generator);
      }, [layer, other]);
      const read = [grads[layer.name], grads[other.name]].map((gradient) => [...gradient.dataSync()]);
      tf.dispose([value, grads]);
      return { weight, grads: read };
    };
    const before = tf.memory().numTensors;
    const { weight, grads } = weigh([3, 4], [0, 0.5]);
    expectClose(weight, Math.hypot(15, 4) / (0.5 + 1e-4), { relative: 1e-6 });
    expect(grads).toEqual([[15, -4.5], [3, 9]]);
    expect(weigh([1, 1], [0, 0]).weight).toBe(1e4);
    expect(tf.memory().numTensors).toBe(before);
    other.dispose();
    layer.dispose();
  });
});

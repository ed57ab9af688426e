import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { createAdversary, hingeLoss, judgedLoss } from '../../src/training/adversary.js';
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

  it('weighs its term so that both gradients at the last layer are as large, and adds up their gradients around it', () => {
    const layer = tf.variable(tf.tensor1d([1, 2]));
    const other = tf.variable(tf.tensor1d([5, -1]));
    const learn = (first: number[], second: number[], share = 1): { value: number; weight: number; grads: number[][] } => {
      let kept: tf.Scalar;
      const { value, grads } = tf.variableGrads(() => {
        const image = tf.mul(layer, other) as tf.Tensor;
        const [reconstruction, generator] = [first, second].map((factors) => tf.sum(tf.mul(image, factors)) as tf.Scalar);
        const judged = judgedLoss({ image: image as tf.Tensor4D, lastLayer: layer, reconstruction, generator, share });
        kept = tf.keep(tf.clone(judged.weight));
        return judged.value;
      }, [layer, other]);
      const [total, weight] = [value.dataSync()[0], kept!.dataSync()[0]];
      const read = [grads[layer.name], grads[other.name]].map((gradient) => [...gradient.dataSync()]);
      tf.dispose([value, grads, kept!]);
      return { value: total, weight, grads: read };
    };
    const before = tf.memory().numTensors;
    const { value, weight, grads } = learn([3, 4], [0, 0.5], 0.5);
    expectClose(weight, (0.5 * Math.hypot(15, 4)) / (0.5 + 1e-4), { relative: 1e-6 });
    expectClose(value, 7 - weight, { relative: 1e-6 }); // 3·5 + 4·(-2), and 0.5·(-2)
    const factor = 4 + 0.5 * weight; // of the second place
    expectClose(grads[0], [15, -factor], { relative: 1e-6 });
    expectClose(grads[1], [3, 2 * factor], { relative: 1e-6 });
    expect(learn([1, 1], [0, 0]).weight).toBe(1e4);
    expect(tf.memory().numTensors).toBe(before);
    other.dispose();
    layer.dispose();
  });
});

// Texture: against its definition written out, and what it is for, that a smooth image in place of noise costs more than other noise does.
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { frameWeights } from '../../src/training/spectrogram-loss.js';
import { textureLoss } from '../../src/training/texture-loss.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

const [BATCH, BINS, FRAMES] = [2, 9, 22];
const shape: [number, number, number, number] = [BATCH, BINS, FRAMES, 1];
const noise = (seed: number, level = 0.1): Float32Array => createRandom(seed).normals(BATCH * BINS * FRAMES).map((value) => level * value);
const lossOf = (image: Float32Array, target: Float32Array, weights = frameWeights([1, 1], FRAMES, 0)): number => textureLoss(tf.tensor4d(image, shape), tf.tensor4d(target, shape), weights).dataSync()[0];

/** Whole places of `size` cells. */
function places(count: number, size: number, stride: number): { from: number; to: number }[] {
  return Array.from({ length: Math.floor((count - size) / stride) + 1 }, (_, place) => ({ from: place * stride, to: place * stride + size }));
}

/** The definition, written out. */
function slowLoss(image: Float32Array, target: Float32Array, weights: number[][]): number {
  const cell = (values: Float32Array, item: number, bin: number, frame: number): number => values[(item * BINS + bin) * FRAMES + frame];
  const terms = ([[1, 0], [0, 1]] as const).map(([up, on]) => {
    let [sum, weightSum] = [0, 0];
    for (let item = 0; item < BATCH; item += 1) {
      for (const bins of places(BINS - up, 4, 2)) {
        for (const frames of places(FRAMES - on, 8, 4)) {
          const size = (bins.to - bins.from) * (frames.to - frames.from);
          let [got, wanted, weight] = [0, 0, 0];
          for (let bin = bins.from; bin < bins.to; bin += 1) {
            for (let frame = frames.from; frame < frames.to; frame += 1) {
              got += (cell(image, item, bin + up, frame + on) - cell(image, item, bin, frame)) ** 2 / size;
              wanted += (cell(target, item, bin + up, frame + on) - cell(target, item, bin, frame)) ** 2 / size;
              weight += weights[item][frame] / size;
            }
          }
          sum += weight * Math.abs(Math.sqrt(got + 1e-4) - Math.sqrt(wanted + 1e-4));
          weightSum += weight;
        }
      }
    }
    return sum / weightSum;
  });
  return (terms[0] + terms[1]) / 2;
}

describe('textureLoss', () => {
  it('agrees with its definition written out', () => {
    const fills = [1, 0.5];
    const weights = fills.map((fill) => Array.from({ length: FRAMES }, (_, frame) => (frame < fill * FRAMES ? 1 : 0.25)));
    expectClose(lossOf(noise(1), noise(2, 0.2), frameWeights(fills, FRAMES, 0.25)), slowLoss(noise(1), noise(2, 0.2), weights), { relative: 1e-5, reason: 'float32 sums' });
  });

  it('has the gradient that central differences show', () => {
    const [image, target] = [noise(1), noise(2, 0.2)];
    const gradient = tf.grad((x: tf.Tensor) => textureLoss(x as tf.Tensor4D, tf.tensor4d(target, shape), frameWeights([1, 1], FRAMES, 0)))(tf.tensor4d(image, shape)).dataSync();
    for (const index of [0, 40, 197, 301]) {
      const shifted = (by: number): Float32Array => image.map((value, at) => (at === index ? value + by : value));
      expectClose(gradient[index], (lossOf(shifted(1e-2), target) - lossOf(shifted(-1e-2), target)) / 2e-2, { absolute: 3e-5, relative: 2e-2, reason: 'float32 differences of a mean of places' });
    }
  });

  it('is 0 for equal images, and prefers other noise to none', () => {
    const target = noise(1);
    expect(lossOf(target, target)).toBe(0);
    const [smooth, other] = [new Float32Array(target.length), noise(2)];
    expect(lossOf(other, target)).toBeLessThan(0.3 * lossOf(smooth, target));
    expectClose(lossOf(smooth, target), 0.1 * Math.SQRT2, { relative: 0.15, reason: 'the root mean square of differences of noise, less what counts as none' });
  });

  it('is finite, and so is its slope, for images without any texture', () => {
    const flat = tf.zeros(shape) as tf.Tensor4D;
    const slope = tf.grad((x: tf.Tensor) => textureLoss(x as tf.Tensor4D, tf.tensor4d(noise(1), shape), frameWeights([0, 0], FRAMES, 0)))(flat);
    expect(slope.dataSync().every(Number.isFinite)).toBe(true);
  });
});

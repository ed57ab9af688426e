import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { frameWeights, spectrogramLoss } from '../../src/training/spectrogram-loss.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

const [BATCH, BINS, FRAMES] = [2, 8, 12];
const FILLS = [1, 0.5];
const PADDING_WEIGHT = 0.25;

type Image = number[][]; // [bin][frame]

/** The definition, written out. */
function slowLoss(errors: Image[], weights: number[][], scales: number): { l1: number; gradient: number } {
  const weighted = (values: { value: number; weight: number }[]): number =>
    values.reduce((sum, { value, weight }) => sum + Math.abs(value) * weight, 0) / values.reduce((sum, { weight }) => sum + weight, 0);
  const l1 = weighted(errors.flatMap((error, item) => error.flatMap((row) => row.map((value, frame) => ({ value, weight: weights[item][frame] })))));
  const terms: number[] = [];
  let [images, frameWeight] = [errors, weights];
  for (let scale = 0; scale < scales; scale += 1) {
    if (scale > 0) {
      images = images.map((image) => halve(image.map((row) => halve(row))).map((row) => row as unknown as number[]));
      frameWeight = frameWeight.map((row) => halve(row));
    }
    terms.push(
      weighted(images.flatMap((image, item) => image.slice(1).flatMap((row, bin) => row.map((value, frame) => ({ value: value - image[bin][frame], weight: frameWeight[item][frame] }))))),
      weighted(images.flatMap((image, item) => image.flatMap((row) => row.slice(1).map((value, frame) => ({ value: value - row[frame], weight: frameWeight[item][frame] }))))),
    );
  }
  return { l1, gradient: terms.reduce((sum, term) => sum + term, 0) / terms.length };
}

/** Means of neighbours: of numbers, or of rows. */
function halve<T extends number | number[]>(values: readonly T[]): T[] {
  return Array.from({ length: Math.floor(values.length / 2) }, (_, index) => {
    const [a, b] = [values[2 * index], values[2 * index + 1]];
    return (typeof a === 'number' ? (a + (b as number)) / 2 : a.map((value, at) => (value + (b as number[])[at]) / 2)) as T;
  });
}

const values = createRandom(1).normals(BATCH * BINS * FRAMES);
const images: Image[] = Array.from({ length: BATCH }, (_, item) => Array.from({ length: BINS }, (__, bin) => Array.from(values.slice((item * BINS + bin) * FRAMES, (item * BINS + bin + 1) * FRAMES))));
const weightRows = FILLS.map((fill) => Array.from({ length: FRAMES }, (_, frame) => (frame < fill * FRAMES ? 1 : PADDING_WEIGHT)));
const shape: [number, number, number, number] = [BATCH, BINS, FRAMES, 1];

describe('spectrogramLoss', () => {
  it.each([1, 2, 3])('agrees with its definition written out, at %i scales', (gradientScales) => {
    const options = { l1Weight: 2, gradientWeight: 3, gradientScales, textureWeight: 0, weights: frameWeights(FILLS, FRAMES, PADDING_WEIGHT) };
    const target = tf.add(tf.zeros(shape), 0.25) as tf.Tensor4D;
    const { l1, gradient, total } = spectrogramLoss(tf.add(tf.tensor4d(values, shape), 0.25) as tf.Tensor4D, target, options);
    const expected = slowLoss(images, weightRows, gradientScales);
    const rounding = { relative: 1e-5, reason: 'float32 sums' };
    expectClose(l1.dataSync()[0], expected.l1, rounding);
    expectClose(gradient.dataSync()[0], expected.gradient, rounding);
    expectClose(total.dataSync()[0], 2 * expected.l1 + 3 * expected.gradient, rounding);
  });

  it('has the gradient that central differences show', () => {
    const weights = frameWeights(FILLS, FRAMES, PADDING_WEIGHT);
    const options = { l1Weight: 1, gradientWeight: 1, gradientScales: 3, textureWeight: 0, weights };
    const lossOf = (image: Float32Array): number => spectrogramLoss(tf.tensor4d(image, shape), tf.zeros(shape), options).total.dataSync()[0];
    const gradient = tf.grad((image: tf.Tensor) => spectrogramLoss(image as tf.Tensor4D, tf.zeros(shape), options).total)(tf.tensor4d(values, shape)).dataSync();
    for (const index of [0, 17, 60, 100, 191]) {
      const shifted = (by: number): Float32Array => values.map((value, at) => (at === index ? value + by : value));
      const step = 1e-2;
      expectClose(gradient[index], (lossOf(shifted(step)) - lossOf(shifted(-step))) / (2 * step), { absolute: 3e-5, relative: 1e-2, reason: 'float32 differences of a mean of 192' });
    }
  });

  it('is 0 for equal images, ignores padding of weight 0, and stops at images too small to halve', () => {
    const image = tf.tensor4d(values, shape);
    const options = { l1Weight: 1, gradientWeight: 1, gradientScales: 6, textureWeight: 0.5, weights: frameWeights([1, 1], FRAMES, 0) };
    expect(spectrogramLoss(image, image, options).total.dataSync()[0]).toBe(0);
    const changed = values.map((value, index) => (index % FRAMES >= FRAMES / 2 ? value + 1 : value));
    const halfFull = { ...options, gradientWeight: 0, textureWeight: 0, weights: frameWeights([0.5, 0.5], FRAMES, 0) };
    expect(spectrogramLoss(tf.tensor4d(changed, shape), image, halfFull).total.dataSync()[0]).toBeLessThan(1e-5);
  });

  it('gives a batch that is all padding a finite loss', () => {
    const options = { l1Weight: 1, gradientWeight: 1, gradientScales: 3, textureWeight: 0, weights: frameWeights([0, 0], FRAMES, 0) };
    expect(Number.isFinite(spectrogramLoss(tf.tensor4d(values, shape), tf.zeros(shape), options).total.dataSync()[0])).toBe(true);
  });
});

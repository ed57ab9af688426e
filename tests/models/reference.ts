// The numbers of the reference implementation, and what compares with them. Images there are [B, C, H, W].
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { disposeGradients, fromReference, referenceShape, toReference, valueAndGradients, type HostTensor, type ParameterTree } from '../../src/nn/index.js';
import { expectClose } from '../support/close.js';
import { ramp, rampWeight } from './ramp.js';

interface Numbers {
  readonly shape: number[];
  readonly data: number[];
}

interface ReferenceGradient {
  readonly norm: number;
  readonly projections: number[];
  readonly values?: Numbers;
}

export interface NetworkCase {
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly inputShape: number[];
  readonly output: Numbers;
  readonly loss: number;
  readonly parameters: Record<string, number[]>;
  readonly gradients: Record<string, ReferenceGradient>;
}

export interface VaeCase extends NetworkCase {
  readonly mean: Numbers;
  readonly logVariance: Numbers;
  readonly sample: Numbers;
  readonly kl: Numbers;
}

export interface UnetCase extends NetworkCase {
  readonly timesteps: number[];
  readonly classLabels: number[] | null;
}

interface Reference {
  readonly vaes: VaeCase[];
  readonly unets: UnetCase[];
  readonly posterior: { readonly parameters: Numbers; readonly mode: Numbers; readonly logVariance: Numbers; readonly sample: Numbers; readonly kl: Numbers };
}

/** Reads the fixture and checks it against its checksum. */
export function readReference(): Reference {
  const file = new URL('fixtures/reference.json', import.meta.url);
  const text = readFileSync(file, 'utf8');
  const sum = createHash('sha256').update(text).digest('hex');
  if (sum !== readFileSync(new URL(`${file.href}.sha256`), 'utf8').trim()) throw new Error('reference.json does not match its checksum: run generate.py');
  return JSON.parse(text) as Reference;
}

/** Shape: [B, C, H, W] on the host -> [B, H, W, C]. */
export function channelsLast({ shape, data }: { readonly shape: readonly number[]; readonly data: ArrayLike<number> }): tf.Tensor4D {
  return tf.tidy(() => tf.transpose(tf.tensor4d(Float32Array.from(data), shape as [number, number, number, number]), [0, 2, 3, 1]));
}

/** Shape: [B, H, W, C] -> [B, C, H, W] on the host. */
export function channelsFirst(x: tf.Tensor4D): HostTensor {
  const moved = tf.transpose(x, [0, 3, 1, 2]);
  const host = { shape: moved.shape, data: Float32Array.from(moved.dataSync<'float32'>()) };
  moved.dispose();
  return host;
}

/** Fills every parameter with its ramp. */
export function fillWithRamps(tree: ParameterTree): void {
  fromReference(tree, new Map(tree.list().map((parameter) => [parameter.path, rampWeight(parameter.path, referenceShape(parameter))])));
}

/** Names and shapes of a tree, as the fixture has them. */
export function shapesOf(tree: ParameterTree): Record<string, number[]> {
  return Object.fromEntries(tree.list().map((parameter) => [parameter.path, referenceShape(parameter)]));
}

/** Within 1e-4 of the largest value: an element near zero has no accuracy of its own. */
export function expectSameOutput(got: HostTensor, expected: Numbers): void {
  const largest = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expectClose(got, expected, { absolute: 1e-4 * largest, relative: 1e-4 });
}

/** Compares loss and all gradients: norm and projections within 1e-3 of the norm. */
export function expectSameGradients(tree: ParameterTree, loss: () => tf.Scalar, expected: NetworkCase): void {
  const { value, gradients } = valueAndGradients(tree, loss);
  const host = toReference(tree, gradients);
  const names = [...gradients.keys()];
  const lossValue = value.dataSync()[0];
  value.dispose();
  disposeGradients(gradients);
  expectClose(names.length, Object.keys(expected.gradients).length);
  expectClose(lossValue, expected.loss, { absolute: 1e-5, relative: 1e-4 });
  // Some gradients are zero but for rounding, such as that of a key's bias, which softmax takes out again.
  const rounding = 1e-6 * Math.max(...Object.values(expected.gradients).map(({ norm }) => norm));
  for (const [name, { norm, projections, values }] of Object.entries(expected.gradients)) {
    const got = host.get(name)!;
    try {
      const tolerance = { absolute: 1e-3 * norm + rounding, relative: 1e-3 };
      expectClose(Math.hypot(...got.data), norm, tolerance);
      expectClose(projections.map((_, index) => dot(got.data, ramp(`${name}/${index}`, got.data.length))), projections, tolerance);
      if (values !== undefined) expectClose(got, values, { absolute: 1e-3 * largestOf(values), relative: 1e-3 });
    } catch (error) {
      throw new Error(`gradient of ${name}: ${(error as Error).message}`, { cause: error });
    }
  }
}

function largestOf({ data }: Numbers): number {
  return data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function dot(a: ArrayLike<number>, b: Float64Array): number {
  return b.reduce((sum, value, index) => sum + value * a[index], 0);
}

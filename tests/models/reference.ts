// The numbers of the reference implementation, and what compares with them. Images there are [B, C, H, W].
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { disposeGradients, fromReference, referenceShape, toReference, valueAndGradients, type HostTensor, type ParameterTree } from '../../src/nn/index.js';
import { expectClose } from '../support/close.js';
import { ramp, rampTensor, rampWeight } from './ramp.js';

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
  readonly output: Numbers;
  readonly loss: number;
  readonly parameters: Record<string, number[]>;
  readonly gradients: Record<string, ReferenceGradient>;
}

export interface VaeCase extends NetworkCase {
  readonly inputShape: number[];
  readonly mean: Numbers;
  readonly logVariance: Numbers;
  readonly sample: Numbers;
  readonly kl: Numbers;
}

/** Numbers, or the text `vectors of N` for a ramp. */
export type ReferenceLabels = number[] | string | null;

export interface UnetCase extends NetworkCase {
  readonly inputShape: number[];
  readonly timesteps: number[];
  readonly classLabels: ReferenceLabels;
}

export interface ConditionCase extends NetworkCase {
  readonly inputs: {
    readonly sample: number[];
    /** Tokens and their width. */
    readonly states?: [number, number];
    readonly timesteps: number[];
    readonly classes?: ReferenceLabels;
    readonly mask?: number[][];
    /** Width of the texts and count of the numbers of text_time. */
    readonly added?: [number, number];
  };
}

export interface VocosCase extends NetworkCase {
  /** [B, M, N] */
  readonly inputShape: number[];
  /** From the first to before the last. */
  readonly silentFrames: [number, number] | null;
}

interface Reference {
  readonly vaes: VaeCase[];
  readonly unets: UnetCase[];
  readonly posterior: { readonly parameters: Numbers; readonly mode: Numbers; readonly logVariance: Numbers; readonly sample: Numbers; readonly kl: Numbers };
}

/** The fixture of the autoencoder and of the UNet without condition. */
export function readReference(): Reference {
  return readFixture<Reference>('reference.json');
}

/** The fixture of the UNet with a condition. */
export function readConditionReference(): ConditionCase[] {
  return readFixture<{ readonly unets: ConditionCase[] }>('reference-condition.json').unets;
}

/** The fixture of the vocoder. */
export function readVocosReference(): VocosCase[] {
  return readFixture<{ readonly vocoders: VocosCase[] }>('vocos.json').vocoders;
}

/** Reads a fixture and checks it against its checksum. */
function readFixture<T>(name: string): T {
  const file = new URL(`fixtures/${name}`, import.meta.url);
  const text = readFileSync(file, 'utf8');
  const sum = createHash('sha256').update(text).digest('hex');
  if (sum !== readFileSync(new URL(`${file.href}.sha256`), 'utf8').trim()) throw new Error(`${name} does not match its checksum: run its generator`);
  return JSON.parse(text) as T;
}

/** The ramp of a name as a tensor. */
export function rampOf<T extends tf.Tensor>(name: string, shape: readonly number[], scale = 1): T {
  return tf.tidy(() => tf.mul(tf.tensor(rampTensor(name, shape).data, [...shape]), scale));
}

/** Class labels as the generator makes them. */
export function labelsOf(labels: ReferenceLabels | undefined, batch: number): tf.Tensor1D | tf.Tensor2D | undefined {
  if (typeof labels === 'string') return rampOf<tf.Tensor2D>('classes', [batch, Number(labels.split(' ').at(-1))]);
  return labels === null || labels === undefined ? undefined : tf.tensor1d(labels, 'int32');
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

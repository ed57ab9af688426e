// Parameters to and from the reference's names and layouts. Loading is exact: every name and shape must agree.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { Parameter, ParameterLayout, ParameterTree } from './parameters.js';

/** A tensor on the host, as files hold it: row-major. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Axis order that turns a layout here into the file's, and its inverse. */
const TO_FILE: Readonly<Record<ParameterLayout, readonly number[] | null>> = { conv: [3, 2, 0, 1], linear: [1, 0], plain: null };
const FROM_FILE: Readonly<Record<ParameterLayout, readonly number[] | null>> = { conv: [2, 3, 1, 0], linear: [1, 0], plain: null };

/** The shape that a parameter has in files. */
export function referenceShape({ variable, layout }: Parameter): number[] {
  return TO_FILE[layout]?.map((axis) => variable.shape[axis]) ?? [...variable.shape];
}

/**
 * Reads the parameters out in the reference's layout, in the order of the tree.
 *
 * @param values tensors by path to read instead of the parameters, such as an average of them
 */
export function toReference(tree: ParameterTree, values?: ReadonlyMap<string, tf.Tensor>): Map<string, HostTensor> {
  const tensors = new Map<string, HostTensor>();
  for (const { path, variable, layout } of tree.list()) {
    const tensor: tf.Tensor = values?.get(path) ?? variable;
    const data = tensor.dataSync<'float32'>();
    tensors.set(path, permute({ shape: tensor.shape, data }, TO_FILE[layout]));
  }
  return tensors;
}

/**
 * Sets every parameter from tensors in the reference's layout.
 *
 * Mutates: tree, and only when all names and shapes agree.
 * @param where names the source in errors, usually the file
 * @throws MelstromError of kind 'checkpoint' that lists what is missing, unexpected or misshapen
 */
export function fromReference(tree: ParameterTree, tensors: ReadonlyMap<string, HostTensor>, where = 'weights'): void {
  const problems = [...missing(tree, tensors), ...unexpected(tree, tensors), ...misshapen(tree, tensors)];
  if (problems.length > 0) {
    throw new MelstromError({
      kind: 'checkpoint',
      where,
      got: `weights that do not fit this network: ${shorten(problems)}`,
      fix: 'Check that the configuration beside the weights is the one they were made with.',
    });
  }
  for (const { path, variable, layout } of tree.list()) {
    const { shape, data } = permute(tensors.get(path)!, FROM_FILE[layout]);
    const tensor = tf.tensor(data, [...shape], 'float32');
    variable.assign(tensor);
    tensor.dispose();
  }
}

function missing(tree: ParameterTree, tensors: ReadonlyMap<string, HostTensor>): string[] {
  return tree.list().flatMap(({ path }) => (tensors.has(path) ? [] : [`${path} is missing`]));
}

function unexpected(tree: ParameterTree, tensors: ReadonlyMap<string, HostTensor>): string[] {
  return [...tensors.keys()].filter((path) => !tree.has(path)).map((path) => `${path} is unexpected`);
}

function misshapen(tree: ParameterTree, tensors: ReadonlyMap<string, HostTensor>): string[] {
  return tree.list().flatMap((parameter) => {
    const tensor = tensors.get(parameter.path);
    const expected = referenceShape(parameter);
    if (tensor === undefined) return [];
    if (tensor.shape.join() === expected.join() && tensor.data.length === parameter.variable.size) return [];
    return [`${parameter.path} has shape [${tensor.shape.join(', ')}] and not [${expected.join(', ')}]`];
  });
}

const MOST_LISTED = 20;

function shorten(problems: readonly string[]): string {
  const rest = problems.length - MOST_LISTED;
  return problems.slice(0, MOST_LISTED).join('; ') + (rest > 0 ? `; and ${rest} more` : '');
}

/** A copy with its axes in another order: axis i of the result is axis order[i] of the tensor. */
function permute({ shape, data }: HostTensor, order: readonly number[] | null): HostTensor {
  if (order === null) return { shape: [...shape], data: Float32Array.from(data) };
  const newShape = order.map((axis) => shape[axis]);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const steps = order.map((axis) => strides[axis]);
  const result = new Float32Array(data.length);
  const [rows, columns] = [newShape[newShape.length - 2], newShape[newShape.length - 1]];
  const [rowStep, columnStep] = steps.slice(-2);
  let written = 0;
  for (const start of outerOffsets(newShape.slice(0, -2), steps)) {
    for (let row = 0; row < rows; row += 1) {
      let read = start + row * rowStep;
      for (let column = 0; column < columns; column += 1, read += columnStep) result[written++] = data[read];
    }
  }
  return { shape: newShape, data: result };
}

/** Where each matrix of the last two axes begins, in order. */
function outerOffsets(shape: readonly number[], steps: readonly number[]): number[] {
  let offsets = [0];
  shape.forEach((size, axis) => {
    offsets = offsets.flatMap((offset) => Array.from({ length: size }, (_, index) => offset + index * steps[axis]));
  });
  return offsets;
}

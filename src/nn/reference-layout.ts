// Parameters to and from the reference's names and layouts, one tensor at a time. Loading is exact: every name and shape must agree.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import { withCurrentNames } from './old-names.js';
import type { Parameter, ParameterLayout, ParameterTree } from './parameters.js';
import { encodeValues, safetensorsHead } from './safetensors.js';
import type { FloatDtype } from './safetensors-header.js';
import { memorySource, type TensorSource } from './tensor-source.js';

/** A tensor on the host, as files hold it: row-major. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Axis order that turns a layout here into the file's, and its inverse. */
const TO_FILE: Readonly<Record<ParameterLayout, readonly number[] | null>> = { conv: [3, 2, 0, 1], conv1d: [2, 1, 0], linear: [1, 0], plain: null };
const FROM_FILE: Readonly<Record<ParameterLayout, readonly number[] | null>> = { conv: [2, 3, 1, 0], conv1d: [2, 1, 0], linear: [1, 0], plain: null };

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
  return new Map(tree.list().map((parameter) => [parameter.path, { shape: referenceShape(parameter), data: readOut(parameter, values?.get(parameter.path)) }]));
}

/**
 * The bytes of a safetensors file of all parameters, piece by piece: the header, then one tensor after another, so that no more than
 * one of them is on the host.
 *
 * @param dtype how values are stored; F16 and BF16 round. Default F32, which is exact
 * @param instead values by path to write in place of the parameters' own, of the same shape
 */
export function* referenceFile(tree: ParameterTree, dtype: FloatDtype = 'F32', instead?: ReadonlyMap<string, Float32Array>): Generator<Uint8Array> {
  const parameters = tree.list();
  yield safetensorsHead(parameters.map((parameter) => ({ name: parameter.path, shape: referenceShape(parameter) })), { format: 'pt' }, dtype);
  for (const parameter of parameters) yield encodeValues(instead?.get(parameter.path) ?? readOut(parameter), dtype);
}

/** What loading left out; all empty unless it was asked to be partial. */
export interface LoadReport {
  /** Parameters that keep the values they had, since the source does not have them. */
  readonly missing: readonly string[];
  /** Tensors of the source that the network has no use for. */
  readonly unexpected: readonly string[];
  /** Parameters that keep the values they had, since the source's have another shape. */
  readonly misshapen: readonly string[];
}

export interface LoadOptions {
  /** Takes what fits and reports the rest instead of refusing it. Default false. */
  readonly isPartial?: boolean;
}

/**
 * Sets every parameter from a source in the reference's layout, tensor by tensor. Names that older versions of the reference gave
 * to attentions are understood.
 *
 * Mutates: tree, and only when all names and shapes agree or a partial load is asked for. Memory: one tensor beside the tree's own.
 * @throws MelstromError of kind 'checkpoint' that lists what is missing, unexpected or misshapen
 */
export function loadReference(tree: ParameterTree, source: TensorSource, { isPartial = false }: LoadOptions = {}): LoadReport {
  const current = withCurrentNames(source, tree);
  const report = compare(tree, current);
  if (!isPartial) refuseMisfit(tree, current, report);
  const passedBy = new Set([...report.unexpected, ...report.misshapen]);
  for (const { name, shape } of current.entries.values()) {
    if (!passedBy.has(name)) assign(tree.get(name), { shape, data: current.read(name) });
  }
  return report;
}

/** loadReference from tensors in memory. @param where names them in errors, usually the file */
export function fromReference(tree: ParameterTree, tensors: ReadonlyMap<string, HostTensor>, where = 'weights'): void {
  loadReference(tree, memorySource(tensors, where));
}

function compare(tree: ParameterTree, { entries }: TensorSource): LoadReport {
  const shared = tree.list().filter(({ path }) => entries.has(path));
  return {
    missing: tree.list().filter(({ path }) => !entries.has(path)).map(({ path }) => path),
    unexpected: [...entries.keys()].filter((name) => !tree.has(name)),
    misshapen: shared.filter((parameter) => entries.get(parameter.path)!.shape.join() !== referenceShape(parameter).join()).map(({ path }) => path),
  };
}

function refuseMisfit(tree: ParameterTree, { entries, where }: TensorSource, { missing, unexpected, misshapen }: LoadReport): void {
  const shapes = (path: string): string => `shape [${entries.get(path)!.shape.join(', ')}] and not [${referenceShape(tree.get(path)).join(', ')}]`;
  const problems = [
    ...missing.map((path) => `${path} is missing`),
    ...unexpected.map((path) => `${path} is unexpected`),
    ...misshapen.map((path) => `${path} has ${shapes(path)}`),
  ];
  if (problems.length === 0) return;
  throw new MelstromError({
    kind: 'checkpoint',
    where,
    got: `weights that do not fit this network: ${shortList(problems)}`,
    fix: 'Check that the configuration beside the weights is the one they were made with.',
  });
}

const MOST_LISTED = 20;

/** The first problems in words, and how many more there are. */
export function shortList(problems: readonly string[]): string {
  const rest = problems.length - MOST_LISTED;
  return problems.slice(0, MOST_LISTED).join('; ') + (rest > 0 ? `; and ${rest} more` : '');
}

/**
 * Moves axes on the engine, into memory of its own: that of the values may be used again at once. Values that stay in place are copied
 * first, since an engine may keep the memory that it is given.
 */
function assign({ variable, layout }: Parameter, { shape, data }: HostTensor): void {
  const order = FROM_FILE[layout] ?? [...shape.keys()];
  const lasting = isMoved(shape, order) ? data : data.slice();
  const value = tf.tidy(() => tf.transpose(tf.tensor(lasting, [...shape], 'float32'), [...order]));
  variable.assign(value);
  value.dispose();
}

/** Whether any value changes its place: axes of length 1 move nothing. */
function isMoved(shape: readonly number[], order: readonly number[]): boolean {
  const longAxes = order.filter((axis) => shape[axis] !== 1);
  return longAxes.some((axis, index) => index > 0 && axis < longAxes[index - 1]);
}

/** Memory: an array of its own. */
function readOut({ variable, layout }: Parameter, instead?: tf.Tensor): Float32Array {
  const order = TO_FILE[layout];
  if (order === null) return (instead ?? variable).dataSync<'float32'>().slice();
  const moved = tf.transpose<tf.Tensor>(instead ?? variable, [...order]);
  const data = moved.dataSync<'float32'>();
  moved.dispose();
  return data;
}

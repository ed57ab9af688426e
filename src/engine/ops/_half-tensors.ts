// Calls of TensorFlow operations whose inputs or outputs may be bfloat16, or complex. tfjs would not know what to do with them: these
// tensors carry the label float32, so only this layer's own calls may touch them, and none leaves the operation that made it.
import * as tf from '@tensorflow/tfjs';
import { channelSum } from './channel-sum.js';
import { attribute, hasNativeKernel, requireTensorflow, type OpAttribute, type TensorflowBackend } from './native-kernels.js';

/** TensorFlow's type number of bfloat16; the binding has no name for it. */
const BFLOAT16 = 14;
/** TensorFlow's type number of complex numbers of two floats. */
export const COMPLEX64 = 8;

/** The attribute T of an operation on bfloat16 or float32. */
export function formatAttribute(isHalf: boolean): OpAttribute {
  return attribute.dtype('T', isHalf ? BFLOAT16 : requireTensorflow().binding.TF_FLOAT);
}

/** Runs an operation; a list of numbers among the inputs is an int32 tensor. Memory: the outputs are tensors like any other, freed by tf.tidy. */
export function runRaw(name: string, attributes: readonly OpAttribute[], inputs: readonly (tf.Tensor | readonly number[])[], outputCount = 1): tf.Tensor[] {
  const backend = requireTensorflow();
  const ids = inputs.map((input) => (input instanceof tf.Tensor ? backend.getInputTensorIds([input])[0] : constantId(backend, input)));
  const outputs = backend.binding.executeOp(name, attributes, ids, outputCount);
  return outputs.map((output) => backend.createOutputTensor(output.dtype === BFLOAT16 || output.dtype === COMPLEX64 ? { ...output, dtype: backend.binding.TF_FLOAT } : output));
}

const constants = new WeakMap<object, Map<string, number>>();
const handles = new WeakMap<object, Set<number>>();

/** The handle of a list of integers. Kept for good: a network asks for the same few shapes in every step. */
function constantId(backend: TensorflowBackend, values: readonly number[]): number {
  const known = constants.get(backend) ?? new Map<string, number>();
  constants.set(backend, known);
  const name = values.join(' ');
  const id = known.get(name) ?? backend.binding.createTensor([values.length], backend.binding.TF_INT32, Int32Array.from(values));
  known.set(name, id);
  handles.set(backend, (handles.get(backend) ?? new Set()).add(id));
  return id;
}

/** Whether a handle is one of those lists of integers, which are never freed. */
export function isLastingHandle(backend: TensorflowBackend, id: number): boolean {
  return handles.get(backend)?.has(id) === true;
}

/** A bfloat16 copy. */
export function toHalf(x: tf.Tensor): tf.Tensor {
  return hasNativeKernel('Bfloat16') ? runRaw('MelstromToHalf', [], [x])[0] : cast(x, { toHalf: true });
}

/** A float32 copy of a bfloat16 tensor. */
export function toFloat(x: tf.Tensor): tf.Tensor {
  return hasNativeKernel('Bfloat16') ? runRaw('MelstromToFloat', [], [x])[0] : cast(x, { toHalf: false });
}

/** To the nearest number of the format, an even one of two. */
function cast(x: tf.Tensor, { toHalf }: { toHalf: boolean }): tf.Tensor {
  const [from, to] = [formatAttribute(!toHalf), formatAttribute(toHalf)];
  return runRaw('Cast', [{ ...from, name: 'SrcT' }, { ...to, name: 'DstT' }, attribute.bool('Truncate', false)], [x])[0];
}

/** The gradient of a layer's output as bfloat16, and its sums per channel. Shape: dy [..., C], sum [C]. */
export function halveGradient(dy: tf.Tensor): { half: tf.Tensor; sum: tf.Tensor } {
  if (!hasNativeKernel('Bfloat16')) return { half: toHalf(dy), sum: channelSum(dy) };
  const [half, sum, same] = runRaw('MelstromHalveGradient', [attribute.bool('per_item', false)], [dy], 3);
  same.dispose();
  return { half, sum };
}

/** The same with the sums of each item. Shape: dy [B, ..., C], itemSums [B, C]. */
export function halveGradientByItem(dy: tf.Tensor): { half: tf.Tensor; sum: tf.Tensor; itemSums: tf.Tensor } {
  const [half, sum, itemSums] = runRaw('MelstromHalveGradient', [attribute.bool('per_item', true)], [dy], 3);
  return { half, sum, itemSums };
}

/** Lets a tensor go after the last of its known uses. */
export function freedAfter(uses: number, tensor: tf.Tensor): <T>(use: (tensor: tf.Tensor) => T) => T {
  let left = uses;
  return (use) => {
    const result = use(tensor);
    left -= 1;
    if (left === 0) tensor.dispose();
    return result;
  };
}

/** What is added to a product, each on request. Shapes for a result [B, ..., C]: bias [C], residual that of the result, embedding [B, C]. */
export interface Addends {
  readonly bias?: tf.Tensor;
  readonly residual?: tf.Tensor;
  readonly embedding?: tf.Tensor;
}

/** Addends as our own convolutions take them: after their other inputs, with the count of each kind. */
export function addendInputs({ bias, residual, embedding }: Addends): { tensors: tf.Tensor[]; attributes: OpAttribute[] } {
  const count = (name: string, addend: tf.Tensor | undefined): OpAttribute => attribute.int(name, addend === undefined ? 0 : 1);
  return {
    tensors: [bias, residual, embedding].filter((addend) => addend !== undefined),
    attributes: [count('N', bias), count('M', residual), count('E', embedding)],
  };
}

/** A product, in bfloat16 or not, with what is added, in float32. */
export function addTo(product: tf.Tensor, isHalf: boolean, { bias, residual, embedding }: Addends): tf.Tensor {
  if (bias !== undefined && hasNativeKernel('AddBias')) return addBiasRaw(product, isHalf, { bias, residual, embedding });
  const perItem = embedding === undefined ? undefined : tf.reshape(embedding, [embedding.shape[0], ...product.shape.slice(1, -1).map(() => 1), -1]);
  const addends = [bias, residual, perItem].filter((addend) => addend !== undefined);
  return addends.reduce((sum, addend) => tf.add(sum, addend), isHalf ? toFloat(product) : product);
}

/** float(x) + bias + residual + for each item its embedding, by our own kernel. Shape: x [B, ..., C], bias [C], residual that of x, embedding [B, C]. */
function addBiasRaw(x: tf.Tensor, isHalf: boolean, extras: { bias: tf.Tensor; residual?: tf.Tensor; embedding?: tf.Tensor }): tf.Tensor {
  const { bias, residual, embedding } = extras;
  const attributes = [formatAttribute(isHalf), attribute.int('N', residual === undefined ? 0 : 1), attribute.int('M', embedding === undefined ? 0 : 1)];
  const more = [residual, embedding].filter((tensor): tensor is tf.Tensor => tensor !== undefined);
  return runRaw('MelstromAddBias', attributes, [x, bias, ...more])[0];
}

// Calls of TensorFlow operations on bare tensor handles, where bfloat16 may live. No bfloat16 leaves this layer.
import * as tf from '@tensorflow/tfjs';
import { attribute, requireTensorflow, type OpAttribute } from './native-kernels.js';

/** TensorFlow's type number of bfloat16; the binding has no name for it. */
export const BFLOAT16 = 14;

/** Handles made during one call; all but the result are deleted at its end. */
export interface RawScope {
  /** The handle of a float32 tensor. It belongs to the tensor, not to the scope. */
  handle(tensor: tf.Tensor): number;
  /** The handle of a tensor in the scope's number format: a cast copy under bfloat16. */
  operand(tensor: tf.Tensor): number;
  /** A list of integers as an int32 tensor. */
  integers(values: readonly number[]): number;
  /** TensorFlow's type number of operands. */
  readonly dtype: number;
  /** Runs an operation with one output; the output stays with the scope. */
  run(name: string, attributes: readonly OpAttribute[], inputs: readonly number[]): number;
  /** Runs the last operation and hands its float32 output out as a tensor. */
  finish(name: string, attributes: readonly OpAttribute[], inputs: readonly number[]): tf.Tensor;
  /** The same for an operation whose output has the scope's number format: cast to float32 where needed. */
  finishOperand(name: string, attributes: readonly OpAttribute[], inputs: readonly number[]): tf.Tensor;
}

/** Runs `body` with a scope in float32 or bfloat16 and deletes the temporary handles. */
export function withRawScope(isBfloat16: boolean, body: (scope: RawScope) => tf.Tensor): tf.Tensor {
  const backend = requireTensorflow();
  const { binding } = backend;
  const owned: number[] = [];
  const dtype = isBfloat16 ? BFLOAT16 : binding.TF_FLOAT;
  const scope: RawScope = {
    dtype,
    handle: (tensor) => backend.getInputTensorIds([tensor])[0],
    operand: (tensor) => (isBfloat16 ? scope.run('Cast', castAttributes(binding.TF_FLOAT, BFLOAT16), [scope.handle(tensor)]) : scope.handle(tensor)),
    integers(values) {
      const id = binding.createTensor([values.length], binding.TF_INT32, Int32Array.from(values));
      owned.push(id);
      return id;
    },
    run(name, attributes, inputs) {
      const { id } = binding.executeOp(name, attributes, inputs, 1)[0];
      owned.push(id);
      return id;
    },
    finish: (name, attributes, inputs) => backend.createOutputTensor(binding.executeOp(name, attributes, inputs, 1)[0]),
    finishOperand: (name, attributes, inputs) =>
      isBfloat16
        ? scope.finish('Cast', castAttributes(BFLOAT16, binding.TF_FLOAT), [scope.run(name, attributes, inputs)])
        : scope.finish(name, attributes, inputs),
  };
  try {
    return body(scope);
  } finally {
    for (const id of owned) binding.deleteTensor(id);
  }
}

function castAttributes(from: number, to: number): OpAttribute[] {
  return [attribute.dtype('SrcT', from), attribute.dtype('DstT', to), attribute.bool('Truncate', false)];
}

// Which of our own TensorFlow kernels are loaded, and the one door through which operations reach the binding.
// Knows nothing of how the library was built or loaded.
import * as tf from '@tensorflow/tfjs';
import { messageOf } from '../../base/errors.js';

/** The names under which src/engine/native registers its operations, without the Melstrom prefix. */
export type NativeKernel =
  | 'GroupNorm'
  | 'Silu'
  | 'AddBias'
  | 'ChannelSum'
  | 'AddTimeEmbedding'
  | 'Attention'
  | 'UpsampleNearest2x'
  | 'AdamW'
  | 'Ema'
  | 'GlobalNorm'
  | 'Bfloat16'
  | 'Winograd';

/** Those that have no kernel for GPUs: TensorFlow's own operations take over there. */
const PROCESSOR_ONLY: ReadonlySet<NativeKernel> = new Set(['Attention', 'Winograd']);

/** Must equal KERNEL_VERSION in src/engine/native/probe.cc: a library built from other sources is not used. */
const KERNEL_VERSION = 5;

/** An attribute of a TensorFlow operation as the binding takes it. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

interface OutputMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The part of tfjs-node's binding that operations use. Constants are TensorFlow's type numbers. */
export interface Binding {
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  executeOp(name: string, attributes: readonly OpAttribute[], inputIds: readonly number[], outputCount: number): OutputMetadata[];
  createTensor(shape: readonly number[], dtype: number, values: Int32Array | Float32Array): number;
  tensorDataSync(id: number): ArrayLike<number>;
  deleteTensor(id: number): void;
}

/** The part of tfjs-node's backend that operations use. */
export interface TensorflowBackend {
  readonly binding: Binding;
  readonly isUsingGpuDevice: boolean;
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  createOutputTensor(metadata: OutputMetadata): tf.Tensor;
  executeSingleOutput(name: string, attributes: readonly OpAttribute[], inputs: readonly tf.TensorInfo[]): tf.Tensor;
  executeMultipleOutputs(name: string, attributes: readonly OpAttribute[], inputs: readonly tf.TensorInfo[], count: number): tf.Tensor[];
}

let probed: { backend: object; isLoaded: boolean } | null = null;
let isAllowed = true;
let gpuProblem: { backend: object; text: string | null } | null = null;

/** The TensorFlow backend when it is the active engine, else null. */
export function tensorflowBackend(): TensorflowBackend | null {
  return tf.getBackend() === 'tensorflow' ? (tf.backend() as unknown as TensorflowBackend) : null;
}

/** The TensorFlow backend. Only for code that a check of `hasNativeKernel` or `tensorflowBackend` guards. */
export function requireTensorflow(): TensorflowBackend {
  return tf.backend() as unknown as TensorflowBackend;
}

/**
 * Puts functions of ours in the place of some of the binding's. Its own properties cannot be set, so a copy stands in for it.
 *
 * @param changes what is different, in terms of the binding that was there
 * @returns what puts that one back
 */
export function replaceBinding<B extends Binding>(backend: { binding: B }, changes: (binding: B) => Partial<B>): () => void {
  const { binding } = backend;
  const copy = Object.fromEntries(Object.getOwnPropertyNames(binding).map((name) => [name, binding[name as keyof B]]));
  backend.binding = { ...(copy as unknown as B), ...changes(binding) };
  return () => {
    backend.binding = binding;
  };
}

/**
 * True when the active engine is TensorFlow, our library is loaded, and this kernel of it is there for the device in use. Where it
 * is not, composed operations stay on the device.
 */
export function hasNativeKernel(name: NativeKernel): boolean {
  if (!isAllowed || !hasNativeLibrary()) return false;
  return !requireTensorflow().isUsingGpuDevice || (!PROCESSOR_ONLY.has(name) && problemOnGpu() === null);
}

/** Why our kernels can't be used on the GPU that is in use; null when they can. They are compiled at the first call, for a few seconds. */
export function problemOnGpu(): string | null {
  const backend = requireTensorflow();
  if (gpuProblem?.backend !== backend) gpuProblem = { backend, text: problemOf(() => ask(backend.binding, 'MelstromGpuReady')) };
  return gpuProblem.text;
}

function problemOf(attempt: () => void): string | null {
  try {
    attempt();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** True when the active engine is TensorFlow, on whatever device, and our library is loaded: then it answers what it is asked. */
export function hasNativeLibrary(): boolean {
  const backend = tensorflowBackend();
  if (backend === null) return false;
  if (probed === null || probed.backend !== backend) probed = { backend, isLoaded: isLibraryLoaded(backend) };
  return probed.isLoaded;
}

/** Forgets the result of the last look at the library; called after loading it into a running engine. */
export function refreshNativeKernels(): void {
  probed = null;
  gpuProblem = null;
}

/** Turns the native kernels off (composed operations take over) or on again: for comparisons in tests and benchmarks. */
export function allowNativeKernels(allowed: boolean): void {
  isAllowed = allowed;
}

/** Whether they may be used: true unless turned off. */
export function areNativeKernelsAllowed(): boolean {
  return isAllowed;
}

/** Asks for the version; an unregistered operation is the binding's way to say that the library is not there. */
function isLibraryLoaded(backend: TensorflowBackend): boolean {
  try {
    return ask(backend.binding, 'MelstromKernelVersion') === KERNEL_VERSION;
  } catch {
    return false;
  }
}

/** The answer of one of our operations that only tell something. */
function ask(binding: Binding, operation: string, attributes: readonly OpAttribute[] = []): number {
  const [{ id }] = binding.executeOp(operation, attributes, [], 1);
  const number = binding.tensorDataSync(id)[0];
  binding.deleteTensor(id);
  return number;
}

/** What our library knows of the device that operations run on. Only for code that a check of `hasNativeLibrary` guards. */
export const device = {
  /** Bfloat16 products: on a processor with AVX512_BF16 or AMX, on an NVIDIA GPU from compute capability 8.0 on. */
  hasBfloat16: (): boolean => ask(requireTensorflow().binding, 'MelstromHasBfloat16') === 1,
  /** What our own products in bfloat16 need of the processor: AMX, and the system's leave to use it. */
  hasTiles: (): boolean => ask(requireTensorflow().binding, 'MelstromHasTiles') === 1,
  /** Whether an operation on numbers of this format, by TensorFlow's number, can run on such a device. */
  hasKernel: (type: 'CPU' | 'GPU', operation: string, format: number, binding = requireTensorflow().binding): boolean =>
    ask(binding, 'MelstromHasKernel', [attribute.text('device', type), attribute.text('operation', operation), attribute.dtype('format', format)]) === 1,
  /** Lets products of float32 on a GPU keep only ten bits of each factor, or not. Returns what was in force before. */
  allowTf32: (isAllowed: boolean): boolean => ask(requireTensorflow().binding, 'MelstromAllowTf32', [attribute.bool('allowed', isAllowed)]) === 1,
};

/** Attribute makers, so that operations read as one line each. */
export const attribute = {
  int: (name: string, value: number | readonly number[]): OpAttribute => ({ name, type: requireTensorflow().binding.TF_ATTR_INT, value }),
  float: (name: string, value: number): OpAttribute => ({ name, type: requireTensorflow().binding.TF_ATTR_FLOAT, value }),
  bool: (name: string, value: boolean): OpAttribute => ({ name, type: requireTensorflow().binding.TF_ATTR_BOOL, value }),
  text: (name: string, value: string): OpAttribute => ({ name, type: requireTensorflow().binding.TF_ATTR_STRING, value }),
  dtype: (name: string, value: number): OpAttribute => ({ name, type: requireTensorflow().binding.TF_ATTR_TYPE, value }),
};

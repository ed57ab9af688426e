// Notes which TensorFlow operations a function issues, and on what. Issues none of its own, and decides nothing.
import * as tf from '@tensorflow/tfjs';
import { isLastingHandle } from './ops/_half-tensors.js';
import { replaceBinding, requireTensorflow, type Binding, type OpAttribute, type TensorflowBackend } from './ops/native-kernels.js';

/** One operation. Slots number the tensors of a recording: its inputs first, then all others in the order in which they came up. */
export interface Instruction {
  readonly name: string;
  readonly attributes: readonly OpAttribute[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** Values that the function itself brought to the engine. */
export interface Constant {
  readonly slot: number;
  readonly shape: readonly number[];
  readonly dtype: number;
  readonly values: Float32Array | Int32Array | Uint8Array;
}

/** A tensor that the function returned, as TensorFlow describes it. */
export interface Result {
  readonly slot: number;
  readonly shape: number[];
  readonly dtype: number;
}

export interface Recording {
  readonly instructions: readonly Instruction[];
  readonly constants: readonly Constant[];
  /** Handles that live as long as the engine, by slot. */
  readonly lasting: ReadonlyMap<number, number>;
  readonly results: readonly Result[];
  readonly slotCount: number;
}

/** The parts of the backend and its binding that are watched. */
interface Watched extends TensorflowBackend {
  binding: Binding & { tensorDataSync(id: number): unknown };
  readonly tensorMap: { get(dataId: object): { id: number; shape: number[]; dtype: number; values: unknown } };
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  write(values: unknown, shape: number[], dtype: string): object;
}

/**
 * Runs `body` and notes what it does.
 *
 * @param inputs all tensors that `body` reads and does not make itself
 * @returns what `body` returned, and its recording, or in words why it cannot be issued again: it reads a result back on the host, or
 *   takes values that were not among the inputs
 */
export function record(inputs: readonly tf.Tensor[], body: () => tf.Tensor[]): { tensors: tf.Tensor[]; recording: Recording | string } {
  const backend = requireTensorflow() as Watched;
  const notes = createNotes(backend, backend.getInputTensorIds(inputs));
  const restore = watch(backend, notes);
  try {
    const tensors = body();
    const results = backend.getInputTensorIds(tensors).map((id, index): Result => {
      const { shape, dtype } = backend.tensorMap.get(tensors[index].dataId);
      return { slot: notes.slotOf(id), shape, dtype };
    });
    return { tensors, recording: notes.obstacle() ?? { ...notes.read(), results } };
  } finally {
    restore();
  }
}

interface Notes {
  slotOf(id: number): number;
  add(name: string, attributes: readonly OpAttribute[], inputIds: readonly number[], outputIds: readonly number[]): void;
  addConstant(id: number, constant: Omit<Constant, 'slot'>): void;
  remove(id: number): void;
  /** The first thing that stands in the way is kept. */
  object(reason: string): void;
  obstacle(): string | null;
  read(): Omit<Recording, 'results'>;
}

function createNotes(backend: TensorflowBackend, inputIds: readonly number[]): Notes {
  const slots = new Map<number, number>();
  const instructions: Instruction[] = [];
  const constants: Constant[] = [];
  const brought = new Map<number, Omit<Constant, 'slot'>>(); // numbered when first used: what lasts is brought once only
  const lasting = new Map<number, number>();
  let slotCount = inputIds.length;
  let obstacle: string | null = null;
  inputIds.forEach((id, index) => slots.set(id, index));
  const object = (reason: string): void => {
    obstacle ??= reason;
  };
  if (slots.size < inputIds.length) object('two of its inputs are the same tensor'); // and may be two another time
  const define = (id: number): number => {
    slots.set(id, slotCount);
    slotCount += 1;
    return slotCount - 1;
  };
  const slotOf = (id: number): number => {
    const known = slots.get(id);
    if (known !== undefined) return known;
    const slot = define(id);
    const constant = brought.get(id);
    if (isLastingHandle(backend, id)) lasting.set(slot, id);
    else if (constant !== undefined) constants.push({ ...constant, slot });
    else object('it takes a tensor that is not among its inputs');
    return slot;
  };
  return {
    slotOf,
    object,
    obstacle: () => obstacle,
    add(name, attributes, inputs, outputs) {
      instructions.push({ name, attributes, inputs: inputs.map(slotOf), outputs: outputs.map(define) });
    },
    addConstant: (id, constant) => brought.set(id, constant),
    remove(id) {
      if ((slots.get(id) ?? 0) < inputIds.length) object('it frees a tensor that it did not make');
    },
    read: () => ({ instructions, constants, lasting, slotCount }),
  };
}

/** Puts the notes between the backend and its binding. Returns what takes them away again. */
function watch(backend: Watched, notes: Notes): () => void {
  const own = new WeakSet<object>(); // data that the function made on the host
  const [getInputTensorIds, write] = [backend.getInputTensorIds, backend.write];
  const restore = replaceBinding(backend, (binding) => ({
    executeOp(name, attributes, inputIds, outputCount) {
      const outputs = binding.executeOp(name, attributes, inputIds, outputCount);
      notes.add(name, attributes, inputIds, outputs.map(({ id }) => id));
      return outputs;
    },
    createTensor(shape, dtype, values) {
      const id = binding.createTensor(shape, dtype, values);
      if (Array.isArray(values)) notes.object('it brings text to the engine');
      else notes.addConstant(id, { shape: [...shape], dtype, values: values.slice() });
      return id;
    },
    deleteTensor(id) {
      notes.remove(id);
      binding.deleteTensor(id);
    },
    tensorDataSync(id) {
      notes.object('it reads a result back');
      return binding.tensorDataSync(id);
    },
  }));
  backend.write = (values, shape, dtype) => {
    const id = write.call(backend, values, shape, dtype);
    own.add(id);
    return id;
  };
  backend.getInputTensorIds = (tensors) => {
    for (const { dataId } of tensors) {
      const isWaiting = dataId !== undefined && (backend.tensorMap.get(dataId).values ?? null) !== null; // for its first use, to be brought to the engine
      if (isWaiting && !own.has(dataId)) notes.object('it takes values that are not among its inputs');
    }
    return getInputTensorIds.call(backend, tensors);
  };
  return () => {
    restore();
    delete (backend as Partial<Watched>).write; // those of the class again
    delete (backend as Partial<Watched>).getInputTensorIds;
  };
}

/** True when both came from the same operations on the same values in the same order. */
export function areSame(a: Recording, b: Recording): boolean {
  return (
    a.slotCount === b.slotCount &&
    JSON.stringify([a.instructions, a.results, [...a.lasting]]) === JSON.stringify([b.instructions, b.results, [...b.lasting]]) &&
    a.constants.length === b.constants.length &&
    a.constants.every((constant, index) => isSameConstant(constant, b.constants[index]))
  );
}

function isSameConstant(a: Constant, b: Constant): boolean {
  return a.slot === b.slot && a.dtype === b.dtype && String(a.shape) === String(b.shape) && a.values.length === b.values.length && a.values.every((value, index) => Object.is(value, b.values[index]));
}

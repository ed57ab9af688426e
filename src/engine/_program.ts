// A recording made ready to be issued again: each operation with its inputs, and after each what is no longer needed. Records nothing.
import type * as tf from '@tensorflow/tfjs';
import type { Recording } from './_recording.js';
import { attribute, requireTensorflow, type OpAttribute, type TensorflowBackend } from './ops/native-kernels.js';

/** Operations that can be issued again without tfjs in between. */
export interface Program {
  /**
   * Issues every operation on new inputs, in the order of the recording, so that the results have the same bits.
   *
   * Memory: each intermediate result is freed after its last use; the caller disposes of the results. All is freed when an operation fails.
   */
  play(inputs: readonly tf.Tensor[]): tf.Tensor[];
  dispose(): void;
}

interface Step {
  readonly name: string;
  readonly attributes: readonly OpAttribute[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Slots whose last use this was. */
  readonly frees: readonly number[];
  /** Handles of the inputs, filled at each run. */
  readonly inputIds: number[];
}

const FREED = -1;

/** Memory: holds the recording's constants on the engine until disposed of. */
export function createProgram(recording: Recording): Program {
  const backend = requireTensorflow();
  const { binding } = backend;
  const steps = toSteps(recording);
  const ids = Array.from({ length: recording.slotCount }, () => FREED);
  const ownIds = recording.constants.map(({ shape, dtype, values }) => binding.createTensor(shape, dtype, values as Float32Array));
  recording.constants.forEach(({ slot }, index) => (ids[slot] = ownIds[index]));
  for (const [slot, id] of recording.lasting) ids[slot] = id;
  const copies = new Set(resultsToCopy(recording));
  return {
    play(inputs) {
      backend.getInputTensorIds(inputs).forEach((id, slot) => (ids[slot] = id));
      let done = 0;
      try {
        for (; done < steps.length; done += 1) issue(backend, steps[done], ids);
      } catch (error) {
        freeMade(backend, steps.slice(0, done), ids);
        throw error;
      }
      return recording.results.map(({ slot, shape, dtype }, index) => {
        const id = copies.has(index) ? binding.executeOp('Identity', [attribute.dtype('T', dtype)], [ids[slot]], 1)[0].id : ids[slot];
        return backend.createOutputTensor({ id, shape, dtype });
      });
    },
    dispose() {
      for (const id of ownIds.splice(0)) binding.deleteTensor(id);
    },
  };
}

function issue({ binding }: TensorflowBackend, { name, attributes, inputs, outputs, frees, inputIds }: Step, ids: number[]): void {
  for (let index = 0; index < inputs.length; index += 1) inputIds[index] = ids[inputs[index]];
  const made = binding.executeOp(name, attributes, inputIds, outputs.length);
  for (let index = 0; index < outputs.length; index += 1) ids[outputs[index]] = made[index].id;
  for (const slot of frees) {
    binding.deleteTensor(ids[slot]);
    ids[slot] = FREED;
  }
}

function freeMade({ binding }: TensorflowBackend, steps: readonly Step[], ids: number[]): void {
  for (const slot of steps.flatMap(({ outputs }) => outputs)) {
    if (ids[slot] !== FREED) binding.deleteTensor(ids[slot]);
    ids[slot] = FREED;
  }
}

/** What a step makes is freed after the last step that reads it, or at once where none does; results are kept. */
function toSteps({ instructions, results }: Recording): Step[] {
  const kept = new Set(results.map(({ slot }) => slot));
  const lastUse = new Map<number, number>();
  const made = new Set<number>();
  instructions.forEach(({ inputs, outputs }, index) => {
    for (const slot of outputs) made.add(slot);
    for (const slot of [...inputs, ...outputs]) if (made.has(slot) && !kept.has(slot)) lastUse.set(slot, index);
  });
  const frees = instructions.map((): number[] => []);
  for (const [slot, index] of lastUse) frees[index].push(slot);
  return instructions.map((instruction, index) => ({ ...instruction, frees: frees[index], inputIds: instruction.inputs.map(() => FREED) }));
}

/** Results that no step makes, or that another result is too: each gets a handle of its own. */
function resultsToCopy({ instructions, results }: Recording): number[] {
  const free = new Set(instructions.flatMap(({ outputs }) => outputs));
  return results.flatMap(({ slot }, index) => (free.delete(slot) ? [] : [index]));
}

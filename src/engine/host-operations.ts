// On a GPU: which operations run on the processor all the same, because TensorFlow has no kernel of theirs for the GPU. Warns once of each.
import { replaceBinding, requireTensorflow, type Binding, type OpAttribute } from './ops/native-kernels.js';

/** Hears of an operation that a GPU engine has to leave to the processor. */
export type HostOperationListener = (operation: string) => void;

let listener: HostOperationListener | null = null;
const found: string[] = [];

/** Who hears of them from now on, and at once of those already found; null for nobody. */
export function onHostOperation(next: HostOperationListener | null): void {
  listener = next;
  if (listener !== null) found.forEach(listener);
}

/**
 * Looks at each kind of operation that the engine is asked for, once for each number format. Integers are not looked at: TensorFlow
 * keeps them, shapes for the most part, on the processor by design. Costs a look-up a call.
 *
 * @param hasGpuKernel whether an operation on numbers of this format, by TensorFlow's number, can run on the GPU; it is handed the binding
 *   beneath, so that nobody who listens to the engine takes the question for a part of the work
 * @returns what ends it
 */
export function watchHostOperations(hasGpuKernel: (operation: string, format: number, binding: Binding) => boolean): () => void {
  const backend = requireTensorflow() as { binding: Binding };
  const seen = new Set<string>();
  const look = (operation: string, attributes: readonly OpAttribute[], binding: Binding): void => {
    const format = (attributes.find(({ name }) => name === 'T')?.value as number | undefined) ?? binding.TF_FLOAT;
    const key = `${operation} ${format}`;
    if (seen.has(key)) return;
    seen.add(key);
    if (format === binding.TF_INT32 || found.includes(operation) || asksOnly(operation) || hasGpuKernel(operation, format, binding)) return;
    found.push(operation);
    listener?.(operation);
  };
  return replaceBinding(backend, (binding) => ({
    executeOp: (name, attributes, inputs, outputCount) => {
      look(name, attributes, binding);
      return binding.executeOp(name, attributes, inputs, outputCount);
    },
  }));
}

/** Operations of ours that answer a question about the devices. */
function asksOnly(operation: string): boolean {
  return /^Melstrom(KernelVersion|Has\w*|AllowTf32|GpuReady)$/.test(operation);
}

// Registers an operation of our own with tfjs, on every engine, with a gradient that computes only what is asked for.
import * as tf from '@tensorflow/tfjs';

const ENGINES = ['tensorflow', 'wasm', 'cpu', 'webgpu', 'webgl'];

type Inputs = Readonly<Record<string, tf.Tensor>>;

/** What an operation is made of. */
export interface OperationParts<A extends object> {
  /** Unique in the process; prefixed with Melstrom on registration. */
  readonly name: string;
  /** Computes the outputs. Temporary tensors are disposed of by the caller. */
  forward(inputs: Inputs, attributes: A): tf.Tensor | tf.Tensor[];
  /** Names of the inputs that the gradient reads. */
  readonly saveInputs: readonly string[];
  /** For each output, whether the gradient reads it. */
  readonly saveOutputs?: readonly boolean[];
  /** One thunk per input, in terms of the gradient of the first output; `saved` holds saved inputs, then saved outputs. */
  gradient(outputGradient: tf.Tensor, saved: readonly tf.Tensor[], attributes: A): Record<string, () => tf.Tensor>;
}

/** Registers the operation and returns the function that runs it: all outputs, the first being the result. */
export function defineOperation<A extends object>(parts: OperationParts<A>): (inputs: Inputs, attributes: A) => tf.Tensor[] {
  const kernelName = `Melstrom${parts.name}`;
  for (const backendName of ENGINES) {
    if (tf.getKernel(kernelName, backendName) !== undefined) tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        tf.tidy(() => parts.forward(inputs as unknown as Inputs, attrs as unknown as A)) as unknown as tf.TensorInfo[],
    });
  }
  if (tf.getGradient(kernelName) !== undefined) tf.unregisterGradient(kernelName);
  tf.registerGradient({
    kernelName,
    inputsToSave: [...parts.saveInputs],
    outputsToSave: parts.saveOutputs === undefined ? undefined : [...parts.saveOutputs],
    gradFunc: (gradients, saved, attrs) =>
      parts.gradient(Array.isArray(gradients) ? gradients[0] : gradients, saved, attrs as unknown as A),
  });
  return (inputs, attributes) => {
    const outputs: unknown = tf.engine().runKernel(kernelName, inputs as tf.NamedTensorMap, attributes as tf.NamedAttrMap);
    return Array.isArray(outputs) ? (outputs as tf.Tensor[]) : [outputs as tf.Tensor];
  };
}

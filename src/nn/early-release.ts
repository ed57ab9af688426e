// Lets go, on the way back through a network, of what has been used for the last time. The engine itself keeps all until the end.
import * as tf from '@tensorflow/tfjs';

/** The part of an entry of the engine's tape that matters here. */
interface TapeNode {
  readonly saved?: readonly tf.Tensor[];
  gradient?: (outputGradients: readonly (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
}

/**
 * Called at the end of a function whose gradient is being recorded: each entry of the tape will free the gradients of its outputs, and
 * what it has saved of the way there, as soon as the way back has left it behind. Not for gradients of gradients.
 *
 * Without it the gradients of all intermediate results are held at once, beside the results themselves.
 */
export function releaseEarly(): void {
  const tape = tf.engine().state.activeTape as unknown as TapeNode[];
  let leave = (): void => undefined;
  for (const node of tape) {
    const { gradient, saved = [] } = node;
    if (gradient === undefined) continue;
    node.gradient = (outputGradients) => {
      leave(); // the entry before is done with: all that it had to answer, it has
      const passedOn = new Set<tf.Tensor>();
      leave = () => {
        for (const tensor of [...outputGradients, ...saved]) if (tensor !== null && !passedOn.has(tensor)) tensor.dispose();
      };
      const answers = gradient(outputGradients);
      return Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, () => noted(answer(), passedOn)]));
    };
  }
}

/** Some gradients are handed on as they are. */
function noted(tensor: tf.Tensor, passedOn: Set<tf.Tensor>): tf.Tensor {
  passedOn.add(tensor);
  return tensor;
}

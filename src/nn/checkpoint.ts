// Gradient checkpointing: parts of a network that keep only what goes into them, and are run again when their gradient is wanted.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { ParameterScope } from './parameters.js';

/** A part of a network: a function of what flows through it and of what it sees beside that. */
export type Part<T extends tf.Tensor, C extends object> = (x: T, context: C) => T;

let isKeepingInputsOnly = false;

/** Runs `body` with every part that `checkpointed` has made keeping only its inputs, or all it needs. `body` must have done its work when it returns. */
export function withCheckpoints<T>(isOn: boolean, body: () => T): T {
  const before = isKeepingInputsOnly;
  isKeepingInputsOnly = isOn;
  try {
    return body();
  } finally {
    isKeepingInputsOnly = before;
  }
}

/**
 * Makes a part that can be run again. Inside `withCheckpoints` its gradient keeps the part's inputs and nothing of what it makes on
 * the way; values and gradients are the same to the last bit as outside. There is no gradient of that gradient.
 *
 * @param seen what the part reads of its context; null and absent entries are passed over
 * @param create makes the part in the scope; every trainable parameter that it adds there must take part in the result
 * Source: Chen et al., "Training deep nets with sublinear memory cost" (2016); gradient_checkpointing of diffusers.
 */
export function checkpointed<T extends tf.Tensor, C extends object>(scope: ParameterScope, seen: readonly (keyof C & string)[], create: (scope: ParameterScope) => Part<T, C>): Part<T, C> {
  const variables: tf.Variable[] = [];
  const part = create(watched(scope, (variable) => variables.push(variable)));
  return (x, context) => {
    const names = seen.filter((name) => context[name] instanceof tf.Tensor);
    const inputs = [x, ...names.map((name) => context[name] as tf.Tensor)];
    const run = ([entered, ...others]: readonly tf.Tensor[]): T => part(entered as T, { ...context, ...Object.fromEntries(names.map((name, index) => [name, others[index]])) });
    // One entry for all uses inside: their gradients are summed before any from outside is added. So it is below, and sums round alike.
    if (!isKeepingInputsOnly) return run(inputs.map((input) => tf.clone(input)));
    const learnt = variables.filter(({ trainable }) => trainable);
    const runAgain = tf.customGrad<T>((...given) => {
      const save = given[given.length - 1] as tf.GradSaveFunc;
      save(inputs);
      // Inside an operation nothing is recorded, and what is made on the way is freed.
      return { value: run(inputs), gradFunc: (dy, saved) => gradientsAnew(() => run(saved), [...saved, ...learnt], dy) };
    });
    return runAgain(...inputs, ...learnt);
  };
}

/** Tells of every parameter that is added through the scope or one below it. */
function watched(scope: ParameterScope, onAdd: (variable: tf.Variable) => void): ParameterScope {
  return {
    at: (...names) => watched(scope.at(...names), onAdd),
    add: (name, spec) => {
      const variable = scope.add(name, spec);
      onAdd(variable);
      return variable;
    },
  };
}

/**
 * The gradients of `body` on a tape of its own. The engine has one tape; without this the one that is being followed back would be
 * replaced, and lost.
 */
function gradientsAnew(body: () => tf.Tensor, inputs: readonly tf.Tensor[], dy: tf.Tensor): tf.Tensor[] {
  const engine = tf.engine();
  const { activeTape, gradientDepth, kernelDepth } = engine.state;
  Object.assign(engine.state, { gradientDepth: 0, kernelDepth: 0 });
  try {
    const { value, grads } = engine.gradients(body, [...inputs], dy, true);
    value.dispose();
    return grads.map((gradient: tf.Tensor | undefined, index) => gradient ?? nothingLearnt(index));
  } finally {
    Object.assign(engine.state, { activeTape, gradientDepth, kernelDepth });
  }
}

function nothingLearnt(index: number): never {
  throw new MelstromError({ kind: 'internal', where: 'checkpointed', got: `no gradient of input ${index}`, expected: 'one of everything that the part reads and of each of its parameters' });
}

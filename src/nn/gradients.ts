// The gradients of a scalar for every parameter, by path.
import * as tf from '@tensorflow/tfjs';
import { globalNorm as normOfTensors } from '../engine/ops/index.js';
import { repeated, type NamedTensors, type Parts, type Repeated } from '../engine/repeated.js';
import { withCheckpoints } from './checkpoint.js';
import { releaseEarly } from './early-release.js';
import { ParameterTree, type Parameter } from './parameters.js';

/** Gradients by parameter path. */
export type Gradients = ReadonlyMap<string, tf.Tensor>;

export interface GradientOptions {
  /** Whether blocks of the network keep only their inputs and are run again: less memory, more time, the same bits. Default false. */
  readonly gradientCheckpointing?: boolean;
}

/** What a loss is made of. */
export interface LossParts {
  readonly value: tf.Scalar;
  /** More that was computed on the way and is wanted outside. */
  readonly others?: NamedTensors;
}

/** A loss with its gradients. Memory: the caller disposes of all. */
export interface LossGradient {
  readonly value: tf.Scalar;
  readonly others: NamedTensors;
  /** A parameter that the loss does not depend on has no entry. */
  readonly gradients: Gradients;
}

/**
 * Makes the function that computes a scalar and its gradient for each trainable parameter, to be called once per step. Everything that
 * `loss` reads comes in by name, or is a parameter of the network; then later calls cost little beside the operations themselves
 * (see engine/repeated).
 *
 * @param options.judges networks beside the one that learns, which the loss asks
 * @throws Error from tfjs, when called, where the scalar depends on no parameter at all
 */
export function lossGradient(network: ParameterTree, loss: (inputs: NamedTensors) => LossParts, options: GradientOptions & { readonly judges?: readonly ParameterTree[] } = {}): Repeated<LossGradient> {
  const compute = (inputs: NamedTensors): LossGradient => {
    let others: NamedTensors = {};
    const { value, gradients } = valueAndGradients(network, () => {
      const parts = loss(inputs);
      others = Object.fromEntries(Object.entries(parts.others ?? {}).map(([name, tensor]) => [name, tf.keep(tf.clone(tensor))]));
      return parts.value;
    }, options);
    return { value, others, gradients };
  };
  const reads = [network, ...(options.judges ?? [])].flatMap((tree) => tree.list());
  return repeated(compute, toParts, { reads: reads.map(({ variable }) => variable) });
}

function toParts({ value, others, gradients }: LossGradient): Parts<LossGradient> {
  const [names, paths] = [Object.keys(others), [...gradients.keys()]];
  return {
    tensors: [value, ...Object.values(others), ...gradients.values()],
    rebuild: ([first, ...rest]) => ({
      value: first as tf.Scalar,
      others: Object.fromEntries(names.map((name, index) => [name, rest[index]])),
      gradients: new Map(paths.map((path, index) => [path, rest[names.length + index]])),
    }),
  };
}

/**
 * Computes a scalar and its gradient for each trainable parameter. A parameter that the scalar does not depend on has no entry.
 *
 * Memory: the caller disposes of the value and of every gradient; everything else that `fn` makes is freed.
 * @throws Error from tfjs when the scalar depends on no parameter at all
 */
export function valueAndGradients(parameters: ParameterTree | readonly Parameter[], fn: () => tf.Scalar, { gradientCheckpointing = false }: GradientOptions = {}): { value: tf.Scalar; gradients: Map<string, tf.Tensor> } {
  const list = parameters instanceof ParameterTree ? parameters.trainable() : parameters;
  const { value, grads } = tf.variableGrads(
    () => {
      const value = withCheckpoints(gradientCheckpointing, fn);
      releaseEarly();
      return value;
    },
    list.map(({ variable }) => variable),
  );
  const gradients = new Map<string, tf.Tensor>();
  for (const { path, variable } of list) {
    const gradient: tf.Tensor | undefined = grads[variable.name];
    if (gradient !== undefined) gradients.set(path, gradient);
  }
  return { value, gradients };
}

/** The Euclidean norm of all gradients together, as a tensor. Memory: the caller disposes of it. */
export function globalNorm(gradients: Gradients | readonly tf.Tensor[]): tf.Scalar {
  return normOfTensors([...gradients.values()]);
}

export function disposeGradients(gradients: Gradients): void {
  for (const gradient of gradients.values()) gradient.dispose();
}

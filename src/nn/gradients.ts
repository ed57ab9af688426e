// The gradients of a scalar for every parameter, by path.
import * as tf from '@tensorflow/tfjs';
import { globalNorm as normOfTensors } from '../engine/ops/index.js';
import { withCheckpoints } from './checkpoint.js';
import { ParameterTree, type Parameter } from './parameters.js';

/** Gradients by parameter path. */
export type Gradients = ReadonlyMap<string, tf.Tensor>;

export interface GradientOptions {
  /** Whether blocks of the network keep only their inputs and are run again: less memory, more time, the same bits. Default false. */
  readonly gradientCheckpointing?: boolean;
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
    () => withCheckpoints(gradientCheckpointing, fn),
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

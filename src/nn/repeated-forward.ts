// A network's answer, asked many times at the same few sizes.
import * as tf from '@tensorflow/tfjs';
import { repeated, type NamedTensors, type Repeated } from '../engine/repeated.js';
import type { ParameterTree } from './parameters.js';

/**
 * Wraps a network's forward pass so that later calls cost little beside the operations themselves (see engine/repeated). What it reads
 * comes in by name, or is a parameter of the network.
 *
 * Memory: the caller disposes of the answer; everything else that `forward` makes is freed.
 */
export function repeatedForward<T extends tf.Tensor>(network: ParameterTree, forward: (inputs: NamedTensors) => T): Repeated<T> {
  return repeated(
    (inputs) => tf.tidy(() => forward(inputs)),
    (answer) => ({ tensors: [answer], rebuild: ([tensor]) => tensor as T }),
    { reads: network.list().map(({ variable }) => variable) },
  );
}

// One AdamW step over all parameters of a network.
import * as tf from '@tensorflow/tfjs';
import { attribute, hasNativeKernel, requireTensorflow } from './native-kernels.js';

/** Parallel lists, one entry per parameter. */
export interface AdamwTensors {
  readonly parameters: readonly tf.Tensor[];
  readonly gradients: readonly tf.Tensor[];
  readonly firstMoments: readonly tf.Tensor[];
  readonly secondMoments: readonly tf.Tensor[];
}

export interface AdamwSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled decay per unit of learning rate: one number for all, or one per parameter. */
  readonly weightDecay: number | readonly number[];
  /** Number of this step, from 1, for the correction of the moments' bias. */
  readonly step: number;
  /** Multiplies every gradient first; clipping and accumulation go in here. */
  readonly gradientScale: number;
}

export interface AdamwResult {
  readonly parameters: tf.Tensor[];
  readonly firstMoments: tf.Tensor[];
  readonly secondMoments: tf.Tensor[];
}

/**
 * The parameters and moments after one step.
 *
 * Memory: inputs stay; the caller disposes of the results.
 * Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), algorithm 2; equal to PyTorch's AdamW.
 */
export function adamwStep(tensors: AdamwTensors, settings: AdamwSettings): AdamwResult {
  const count = tensors.parameters.length;
  if (count === 0) return { parameters: [], firstMoments: [], secondMoments: [] };
  return hasNativeKernel('AdamW') ? stepNative(tensors, settings) : stepComposed(tensors, settings);
}

function stepNative(tensors: AdamwTensors, settings: AdamwSettings): AdamwResult {
  const { parameters, gradients, firstMoments, secondMoments } = tensors;
  const count = parameters.length;
  const scalars = tf.tensor1d([...scalarsOf(settings), ...parameters.map((_, index) => decayOf(settings, index))]);
  const inputs = [scalars, ...parameters, ...gradients, ...firstMoments, ...secondMoments];
  const outputs = requireTensorflow().executeMultipleOutputs('MelstromAdamW', [attribute.int('N', count)], inputs, 3 * count);
  scalars.dispose();
  return {
    parameters: outputs.slice(0, count),
    firstMoments: outputs.slice(count, 2 * count),
    secondMoments: outputs.slice(2 * count),
  };
}

function stepComposed(tensors: AdamwTensors, settings: AdamwSettings): AdamwResult {
  const { beta1, beta2, epsilon, gradientScale } = settings;
  const [, , , , , stepSize, correction2] = scalarsOf(settings);
  const result: AdamwResult = { parameters: [], firstMoments: [], secondMoments: [] };
  tensors.parameters.forEach((parameter, index) => {
    const [next, first, second] = tf.tidy(() => {
      const gradient = tf.mul(tensors.gradients[index], gradientScale);
      const m = tf.add(tf.mul(tensors.firstMoments[index], beta1), tf.mul(gradient, 1 - beta1));
      const v = tf.add(tf.mul(tensors.secondMoments[index], beta2), tf.mul(tf.square(gradient), 1 - beta2));
      const decayed = tf.mul(parameter, 1 - settings.learningRate * decayOf(settings, index));
      const update = tf.div(m, tf.add(tf.div(tf.sqrt(v), correction2), epsilon));
      return [tf.sub(decayed, tf.mul(update, stepSize)), m, v];
    });
    result.parameters.push(next);
    result.firstMoments.push(first);
    result.secondMoments.push(second);
  });
  return result;
}

/** In the order that the kernel reads them; the last two are lr / (1 - beta1^t) and sqrt(1 - beta2^t). */
function scalarsOf({ learningRate, beta1, beta2, epsilon, gradientScale, step }: AdamwSettings): number[] {
  return [learningRate, beta1, beta2, epsilon, gradientScale, learningRate / (1 - beta1 ** step), Math.sqrt(1 - beta2 ** step)];
}

function decayOf({ weightDecay }: AdamwSettings, index: number): number {
  return typeof weightDecay === 'number' ? weightDecay : weightDecay[index];
}

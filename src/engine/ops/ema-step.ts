// One step of an exponential moving average over a list of tensors.
import * as tf from '@tensorflow/tfjs';
import { attribute, hasNativeKernel, requireTensorflow } from './native-kernels.js';

/**
 * New averages: average + (1 - decay) · (value - average), for each pair.
 *
 * Memory: inputs stay; the caller disposes of the results.
 */
export function emaStep(averages: readonly tf.Tensor[], values: readonly tf.Tensor[], decay: number): tf.Tensor[] {
  if (averages.length === 0) return [];
  if (hasNativeKernel('Ema')) {
    const attributes = [attribute.int('N', averages.length), attribute.float('decay', decay)];
    return requireTensorflow().executeMultipleOutputs('MelstromEma', attributes, [...averages, ...values], averages.length);
  }
  return averages.map((average, index) => tf.tidy(() => tf.add(average, tf.mul(1 - decay, tf.sub(values[index], average)))));
}

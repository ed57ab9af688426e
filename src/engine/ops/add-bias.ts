// Adds one number per channel.
import type * as tf from '@tensorflow/tfjs';
import { requireShape } from '../../base/checks.js';
import { channelSum } from './channel-sum.js';
import { defineOperation } from './define-operation.js';
import { addTo } from './_half-tensors.js';

const runAddBias = defineOperation<object>({
  name: 'AddBias',
  saveInputs: [],
  forward: ({ x, bias }) => addTo(x, false, { bias }),
  gradient: (dy) => ({ x: () => dy.clone(), bias: () => channelSum(dy) }),
});

/** Shape: x [..., C], bias [C] -> that of x. */
export function addBias<T extends tf.Tensor>(x: T, bias: tf.Tensor): T {
  requireShape('addBias: bias', bias.shape, [x.shape[x.rank - 1]]);
  return runAddBias({ x, bias }, {})[0] as T;
}

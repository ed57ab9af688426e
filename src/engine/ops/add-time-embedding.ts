// Adds one vector of channels to every row and column of each item.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../../base/checks.js';
import { defineOperation } from './define-operation.js';
import { attribute, hasNativeKernel, requireTensorflow } from './native-kernels.js';

const runAddTimeEmbedding = defineOperation<object>({
  name: 'AddTimeEmbedding',
  saveInputs: [],
  forward: ({ x, embedding }) =>
    hasNativeKernel('AddTimeEmbedding')
      ? requireTensorflow().executeSingleOutput('MelstromAddTimeEmbedding', [], [x, embedding])
      : tf.add(x, tf.reshape(embedding, [x.shape[0], 1, 1, x.shape[3]!])),
  gradient: (dy) => ({
    x: () => dy.clone(),
    embedding: () =>
      hasNativeKernel('ChannelSum')
        ? requireTensorflow().executeSingleOutput('MelstromChannelSum', [attribute.bool('per_item', true)], [dy])
        : tf.sum(dy, [1, 2]),
  }),
});

/** Shape: x [B, H, W, C], embedding [B, C] -> [B, H, W, C]. */
export function addTimeEmbedding(x: tf.Tensor4D, embedding: tf.Tensor2D): tf.Tensor4D {
  requireShape('addTimeEmbedding: embedding', embedding.shape, [x.shape[0], x.shape[3]]);
  return runAddTimeEmbedding({ x, embedding }, {})[0] as tf.Tensor4D;
}

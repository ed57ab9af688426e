// A small untrained text encoder with the tokenizer of the fixtures, and a UNet that attends to what it says.
import * as tf from '@tensorflow/tfjs';
import { clipTextEncoderSchema, type ClipTextEncoderConfig } from '../../src/config/clip-text-encoder.js';
import { createClipTextEncoder } from '../../src/models/index.js';
import { ParameterTree } from '../../src/nn/index.js';
import { createClipTokenizer, type TextConditioner, type TextUnet } from '../../src/pipeline/index.js';
import { tokenizerFiles } from './tokenizer-files.js';

/** Memory: the caller disposes the encoder. */
export function smallText(config: Partial<ClipTextEncoderConfig> = {}, files = tokenizerFiles()): TextConditioner {
  const encoderConfig = clipTextEncoderSchema.parse({
    vocab_size: 614, hidden_size: 8, intermediate_size: 16, num_hidden_layers: 2, num_attention_heads: 2, max_position_embeddings: 77,
    bos_token_id: 612, eos_token_id: 613, ...config,
  });
  return { tokenizer: createClipTokenizer(files, 'tokenizer'), encoder: createClipTextEncoder(encoderConfig, { seed: 3 }) };
}

/** The mean of the first value of each token's states. Shape: [B, S, W] -> [B]. */
export function toldBy(states: tf.Tensor3D): tf.Tensor1D {
  const [batch, tokens] = states.shape;
  return tf.mean(tf.slice(states, [0, 0, 0], [batch, tokens, 1]), [1, 2]);
}

/**
 * Stands for a UNet whose answer can be told beforehand: the mean of its states' first value in every cell, plus the class. (That of all
 * values is 0, since the states are normalised.) With the prediction `sample` that answer is the clean sample itself.
 */
export function tellingUnet({ channels = 3, width = 8, classes = null }: { channels?: number; width?: number; classes?: number | null } = {}): TextUnet {
  return {
    config: { in_channels: channels, out_channels: channels, block_out_channels: [1, 1], cross_attention_dim: width, num_class_embeds: classes },
    parameters: new ParameterTree(null),
    forward({ sample, classLabels, encoderHiddenStates }) {
      if (!encoderHiddenStates) throw new Error('no states');
      const told = tf.reshape(toldBy(encoderHiddenStates), [-1, 1, 1, 1]);
      const both = classLabels === undefined ? told : tf.add(told, tf.reshape(tf.cast(classLabels, 'float32'), [-1, 1, 1, 1]));
      return tf.add(tf.mul(sample, 0), both);
    },
    dispose: () => undefined,
  };
}

// CLIP's text encoder: token numbers in, one state per token out. Knows no tokenizer and no prompt.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { ClipTextEncoderConfig } from '../config/clip-text-encoder.js';
import { normal } from '../nn/initialisers.js';
import { createLayerNorm, createLinear } from '../nn/layers.js';
import { causalAttention, gatherRows, gelu } from '../nn/operations.js';
import { ParameterTree, scopeOf, type ParameterScope } from '../nn/parameters.js';
import type { NetworkOptions } from './autoencoder-kl.js';

/** What the encoder makes of a batch of prompts. */
export interface TextStates {
  /** Shape: [B, T, hidden_size], after the last normalisation. */
  readonly lastHiddenState: tf.Tensor3D;
  /** The state where the prompt ends. Shape: [B, hidden_size]. */
  readonly pooled: tf.Tensor2D;
}

/** Memory: `parameters` owns the variables; the caller disposes of results, best by tf.tidy around the call. */
export interface ClipTextEncoder {
  readonly config: ClipTextEncoderConfig;
  readonly parameters: ParameterTree;
  /**
   * Shape: ids [B, T] row after row, T at most max_position_embeddings.
   * @throws MelstromError of kind 'usage' when there are too many tokens, or a number beyond the table
   */
  forward(ids: Int32Array, batch: number): TextStates;
  dispose(): void;
}

const TABLE_DEVIATION = 0.02;
/** What eos_token_id says in files from before its meaning was mended. */
const OLD_END = 2;

/**
 * Creates the encoder, each token of which sees itself and what comes before it.
 *
 * Source: transformers 5.24, CLIPTextModel: keys and arithmetic; names as in the published weights, under `text_model`.
 */
export function createClipTextEncoder(config: ClipTextEncoderConfig, { seed }: NetworkOptions): ClipTextEncoder {
  const { hidden_size: width, layer_norm_eps: epsilon, max_position_embeddings: longest } = config;
  const parameters = new ParameterTree(seed);
  const root = scopeOf(parameters).at('text_model');
  const table = (name: string, rows: number) => root.at('embeddings', name).add('weight', { shape: [rows, width], layout: 'plain', initialise: normal(TABLE_DEVIATION) });
  const tokens = table('token_embedding', config.vocab_size);
  const positions = table('position_embedding', longest);
  const layers = Array.from({ length: config.num_hidden_layers }, (_, index) => createLayer(root.at('encoder', 'layers', index), config));
  const normalize = createLayerNorm(root.at('final_layer_norm'), { channels: width, epsilon });

  return {
    config,
    parameters,
    forward(ids, batch) {
      const length = ids.length / batch;
      checkIds(config, ids, length);
      const embedded = tf.reshape(gatherRows(tokens, tf.tensor1d(ids, 'int32')), [batch, length, width]); // [B*T] -> [B, T, C]
      const first: tf.Tensor3D = tf.add(embedded, tf.slice(positions, [0, 0], [length, width]));
      const lastHiddenState = normalize(layers.reduce((hidden, layer) => layer(hidden), first));
      const ends = Int32Array.from({ length: batch }, (_, row) => row * length + endOf(ids.subarray(row * length, (row + 1) * length), config.eos_token_id));
      const pooled = gatherRows(tf.reshape(lastHiddenState, [batch * length, width]), tf.tensor1d(ends, 'int32'));
      return { lastHiddenState, pooled };
    },
    dispose: () => parameters.dispose(),
  };
}

type Layer = (hidden: tf.Tensor3D) => tf.Tensor3D;

/** Normalise, attend, add; normalise, two linear layers, add. */
function createLayer(scope: ParameterScope, config: ClipTextEncoderConfig): Layer {
  const { hidden_size: width, intermediate_size: inner, num_attention_heads: heads, layer_norm_eps: epsilon } = config;
  const linear = (name: string, inChannels: number, outChannels: number) => createLinear(scope.at(...name.split('.')), { inChannels, outChannels });
  const [toKey, toValue, toQuery, toOut] = ['k_proj', 'v_proj', 'q_proj', 'out_proj'].map((name) => linear(`self_attn.${name}`, width, width));
  const norm1 = createLayerNorm(scope.at('layer_norm1'), { channels: width, epsilon });
  const [expand, contract] = [linear('mlp.fc1', width, inner), linear('mlp.fc2', inner, width)];
  const norm2 = createLayerNorm(scope.at('layer_norm2'), { channels: width, epsilon });
  const activate = config.hidden_act === 'gelu' ? gelu : quickGelu;
  return (hidden) => {
    const [batch, length] = hidden.shape;
    const split = (x: tf.Tensor): tf.Tensor4D => tf.reshape(x, [batch, length, heads, width / heads]);
    const normal1 = norm1(hidden);
    const mixed = causalAttention(split(toQuery(normal1)), split(toKey(normal1)), split(toValue(normal1)));
    const attended: tf.Tensor3D = tf.add(hidden, toOut(tf.reshape(mixed, hidden.shape)));
    return tf.add(attended, contract(activate(expand(norm2(attended)))));
  };
}

/** Source: Hendrycks and Gimpel, "Gaussian error linear units" (2016), section 2, the approximation by a sigmoid. */
function quickGelu<T extends tf.Tensor>(x: T): T {
  return tf.mul(x, tf.sigmoid(tf.mul(x, 1.702)));
}

/** Where a prompt ends: the first place of the end token, or the start where there is none. */
function endOf(ids: Int32Array, end: number): number {
  return Math.max(0, ids.indexOf(end === OLD_END ? ids.reduce((most, id) => Math.max(most, id)) : end));
}

function checkIds(config: ClipTextEncoderConfig, ids: Int32Array, length: number): void {
  if (!Number.isInteger(length) || length < 1 || length > config.max_position_embeddings) {
    throw new MelstromError({ kind: 'usage', where: 'text encoder: ids', got: `${length} tokens a prompt`, expected: `a whole number, 1 to ${config.max_position_embeddings}` });
  }
  const beyond = ids.find((id) => id < 0 || id >= config.vocab_size);
  if (beyond !== undefined) {
    throw new MelstromError({ kind: 'usage', where: 'text encoder: ids', got: `token ${beyond}`, expected: `0 to ${config.vocab_size - 1}`, fix: 'Use the tokenizer that belongs to the encoder.' });
  }
}

// Prompts as the UNet reads them: tokenizer and text encoder in one.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { ClipTextEncoder } from '../models/index.js';
import { withConvPrecision } from '../nn/operations.js';
import type { AnyUnet } from './any-unet.js';
import { isTextUnet } from './any-unet.js';
import type { ClipTokenizer } from './clip-tokenizer.js';

/** The parts of a pipeline that read text. Memory: the encoder's parameters are theirs. */
export interface TextConditioner {
  readonly tokenizer: ClipTokenizer;
  readonly encoder: ClipTextEncoder;
}

/** Tokens of every prompt: what the tokenizer says, else all the encoder takes. */
export function promptLength({ tokenizer, encoder }: TextConditioner): number {
  return tokenizer.length ?? encoder.config.max_position_embeddings;
}

/**
 * The states of prompts, one after another. A prompt that occurs again is encoded once. In float32 whatever the precision in force, so
 * that training and drawing read the same.
 *
 * Shape: [prompts, T, hidden_size]. Memory: the caller disposes.
 * Source: diffusers 0.42, StableDiffusionPipeline.encode_prompt, without attention mask and without skipped layers.
 */
export function encodePrompts(text: TextConditioner, prompts: readonly string[]): tf.Tensor3D {
  const distinct = [...new Set(prompts)];
  return withConvPrecision('float32', () => tf.tidy(() => {
    const states = distinct.map((prompt) => text.encoder.forward(text.tokenizer.encode([prompt], promptLength(text)), 1).lastHiddenState);
    return tf.concat(prompts.map((prompt) => states[distinct.indexOf(prompt)]), 0);
  }));
}

/** @throws MelstromError of kind 'checkpoint' that names which of tokenizer, encoder and UNet do not fit one another */
export function checkText(text: TextConditioner, unet: AnyUnet | null): void {
  const { vocab_size: rows, hidden_size: width, max_position_embeddings: longest } = text.encoder.config;
  const { vocabularySize, length } = text.tokenizer;
  if (vocabularySize > rows) throw misfit('tokenizer', `tokens up to ${vocabularySize - 1}`, `less than ${rows}, the text encoder's vocab_size`);
  if (length !== null && length > longest) throw misfit('tokenizer: model_max_length', String(length), `at most ${longest}, the text encoder's max_position_embeddings`);
  if (unet === null) return;
  if (!isTextUnet(unet)) throw misfit('text_encoder', 'a text encoder', 'none, since the UNet attends to no text');
  const wrong = [unet.config.cross_attention_dim].flat().find((channels) => channels !== null && channels !== width);
  if (wrong !== undefined) throw misfit('unet: cross_attention_dim', String(wrong), `${width}, the text encoder's hidden_size`);
}

function misfit(where: string, got: string, expected: string): MelstromError {
  return new MelstromError({ kind: 'checkpoint', where: `pipeline: ${where}`, got, expected });
}

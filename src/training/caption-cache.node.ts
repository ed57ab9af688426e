// The states of captions, computed once and kept in a file, so that the text encoder reads each of them once. Knows no UNet.
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { Reporter } from '../base/logger.js';
import { encodePrompts, promptLength, type TextConditioner } from '../pipeline/text.js';
import { readDescription, readRecord, writeRecords } from './record-file.node.js';

export interface CaptionCacheOptions {
  /** The cache's file; its description lies beside it as `<path>.json`. */
  readonly path: string;
  readonly text: TextConditioner;
  /** In any order, with repeats; the empty caption, which stands for none, is always among them. */
  readonly captions: readonly string[];
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

export interface CaptionCache {
  /** Changes with the encoder, the tokenizer and the captions. */
  readonly key: string;
  /** Shape: [captions, T, C]. Memory: the caller disposes. @throws MelstromError for a caption that was not named before */
  states(captions: readonly string[]): tf.Tensor3D;
  close(): void;
}

/**
 * Opens the cache, making it first when there is none of this encoder and these captions. A cut-off one is made anew: the
 * description comes last. Null when the signal stopped the making.
 */
export async function openCaptionCache(options: CaptionCacheOptions): Promise<CaptionCache | null> {
  const { path, text } = options;
  const captions = [...new Set(['', ...options.captions])].sort(); // code units: the same on every machine
  const key = createHash('sha256').update(JSON.stringify([hashOf(text), captions])).digest('hex');
  const shape = [promptLength(text), text.encoder.config.hidden_size] as const;
  const elements = shape[0] * shape[1];
  const bytesOf = (): number => captions.length * elements * Float32Array.BYTES_PER_ELEMENT;
  if ((readDescription({ path, key, bytesOf }) ?? (await build(options, { captions, key }))) === null) return null;
  const file = openSync(path, 'r');
  const places = new Map(captions.map((caption, index) => [caption, index]));
  return {
    key,
    states(wanted) {
      const values = new Float32Array(wanted.length * elements);
      wanted.forEach((caption, item) => {
        const index = places.get(caption);
        if (index === undefined) throw new MelstromError({ kind: 'internal', where: 'caption cache', got: JSON.stringify(caption), expected: 'a caption of the corpus' });
        readRecord(file, values.subarray(item * elements, (item + 1) * elements), { index, where: path });
      });
      return tf.tensor3d(values, [wanted.length, ...shape]);
    },
    close: () => closeSync(file),
  };
}

/** Of everything that a caption's states depend on: weights, configuration and tokenizer. */
function hashOf({ encoder, tokenizer }: TextConditioner): string {
  const digest = createHash('sha256').update(JSON.stringify(encoder.config));
  for (const { path, variable } of encoder.parameters.list()) digest.update(`${path}\0`).update(new Uint8Array(Float32Array.from(variable.dataSync<'float32'>()).buffer));
  for (const [name, bytes] of tokenizer.files) digest.update(`${name}\0`).update(bytes);
  return digest.digest('hex');
}

interface CaptionDescription {
  readonly key: string;
  readonly captions: readonly string[];
}

/** Null when the signal stopped it. Each caption is read alone, and exactly, so that states do not depend on what they are read with. */
function build({ path, text, reporter, signal }: CaptionCacheOptions, description: CaptionDescription): Promise<CaptionDescription | null> {
  const { captions } = description;
  const progress = reporter.startProgress('reading captions', captions.length, 'captions');
  return writeRecords({
    path, progress, signal,
    async make(append) {
      for (const [index, caption] of captions.entries()) {
        const states = encodePrompts(text, [caption]);
        const values = states.dataSync<'float32'>();
        states.dispose();
        if (!(await append(values, index + 1))) return null;
      }
      return description;
    },
  });
}

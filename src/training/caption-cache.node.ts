// The states of captions, computed once and kept in a file, so that the text encoder reads each of them once. Knows no UNet.
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { Reporter } from '../base/logger.js';
import { withConvPrecision } from '../engine/ops/index.js';
import { encodePrompts, promptLength, type TextConditioner } from '../pipeline/text.js';
import { diskError, isDiskFull } from './disk-error.node.js';

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
  const recordBytes = shape[0] * shape[1] * Float32Array.BYTES_PER_ELEMENT;
  if (!isWhole(path, key, captions.length * recordBytes) && !(await build(options, { captions, key }))) return null;
  const file = openSync(path, 'r');
  const places = new Map(captions.map((caption, index) => [caption, index]));
  return {
    key,
    states(wanted) {
      const values = new Float32Array(wanted.length * shape[0] * shape[1]);
      wanted.forEach((caption, item) => {
        const place = places.get(caption);
        if (place === undefined) throw new MelstromError({ kind: 'internal', where: 'caption cache', got: JSON.stringify(caption), expected: 'a caption of the corpus' });
        const got = readSync(file, new Uint8Array(values.buffer, item * recordBytes, recordBytes), 0, recordBytes, place * recordBytes);
        if (got !== recordBytes) throw new MelstromError({ kind: 'data', where: path, got: `${got} bytes of caption ${place}`, expected: String(recordBytes), fix: 'Resume: it is made anew when it is not whole.' });
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

function isWhole(path: string, key: string, bytes: number): boolean {
  if (!existsSync(`${path}.json`) || !existsSync(path) || statSync(path).size !== bytes) return false;
  try {
    return (JSON.parse(readFileSync(`${path}.json`, 'utf8')) as { key?: unknown }).key === key;
  } catch {
    return false; // not whole: made anew, which is what a cache is for
  }
}

/** False when the signal stopped it. Each caption is read alone, and exactly, so that states do not depend on what they are read with. */
async function build({ path, text, reporter, signal }: CaptionCacheOptions, { captions, key }: { captions: readonly string[]; key: string }): Promise<boolean> {
  const progress = reporter.startProgress('reading captions', captions.length, 'captions');
  const temporary = `${path}.${process.pid}.tmp`;
  mkdirSync(dirname(path), { recursive: true });
  rmSync(`${path}.json`, { force: true });
  const file = openSync(temporary, 'w');
  try {
    for (const [index, caption] of captions.entries()) {
      const states = withConvPrecision('float32', () => encodePrompts(text, [caption]));
      writeSync(file, new Uint8Array(Float32Array.from(states.dataSync<'float32'>()).buffer));
      states.dispose();
      progress.update(index + 1);
      await tf.nextFrame(); // lets signals in
      if (signal?.aborted) {
        rmSync(temporary, { force: true });
        return false;
      }
    }
    fsyncSync(file);
    renameSync(temporary, path);
    writeFileSync(`${temporary}.json`, JSON.stringify({ key, captions }));
    renameSync(`${temporary}.json`, `${path}.json`);
    return true;
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw isDiskFull(cause) ? diskError(path, cause) : cause;
  } finally {
    closeSync(file);
    progress.end();
  }
}

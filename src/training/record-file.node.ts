// A file of records and its description beside it, made whole or not at all: what the caches share. Knows no content.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { Progress } from '../base/logger.js';
import { diskError, isDiskFull } from './disk-error.node.js';

/** What is told of a file in `<path>.json`. */
interface Described {
  /** Changes with anything that the records depend on. */
  readonly key: string;
}

interface Wanted<D extends Described> {
  readonly path: string;
  readonly key: string;
  /** Length of the file that a description stands for. */
  readonly bytesOf: (description: D) => number;
}

/** The description of a file of this key; null where there is none, or it is not whole and so to be made anew. */
export function readDescription<D extends Described>({ path, key, bytesOf }: Wanted<D>): D | null {
  if (!existsSync(`${path}.json`) || !existsSync(path)) return null;
  try {
    const description = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as D;
    return description.key === key && statSync(path).size === bytesOf(description) ? description : null;
  } catch {
    return null; // not whole: made anew, which is what a cache is for
  }
}

interface WriteOptions<D extends Described> {
  readonly path: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  /** Makes the records in order. `append` says whether to go on; null when told not to. */
  readonly make: (append: (records: Float32Array, done: number) => Promise<boolean>) => Promise<D | null>;
}

/**
 * Writes a file, the description last; null, and no file, when the signal stopped it.
 *
 * @throws MelstromError when the disk is full; nothing is left then
 */
export async function writeRecords<D extends Described>({ path, progress, signal, make }: WriteOptions<D>): Promise<D | null> {
  const temporary = `${path}.${process.pid}.tmp`;
  mkdirSync(dirname(path), { recursive: true });
  rmSync(`${path}.json`, { force: true });
  const file = openSync(temporary, 'w');
  try {
    const description = await make(async (records, done) => {
      const bytes = new Uint8Array(records.buffer, records.byteOffset, records.byteLength);
      for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written, bytes.length - written);
      progress.update(done);
      await tf.nextFrame(); // lets signals in
      return signal?.aborted !== true;
    });
    if (description === null) {
      rmSync(temporary, { force: true });
      return null;
    }
    fsyncSync(file);
    renameSync(temporary, path);
    writeFileSync(`${temporary}.json`, JSON.stringify(description));
    renameSync(`${temporary}.json`, `${path}.json`);
    return description;
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw isDiskFull(cause) ? diskError(path, cause) : cause;
  } finally {
    closeSync(file);
    progress.end();
  }
}

/** Reads one record. Mutates: into. @throws MelstromError when the file ends before */
export function readRecord(file: number, into: Float32Array, { index, where }: { readonly index: number; readonly where: string }): void {
  const bytes = into.byteLength;
  const got = readSync(file, new Uint8Array(into.buffer, into.byteOffset, bytes), 0, bytes, index * bytes);
  if (got !== bytes) throw new MelstromError({ kind: 'data', where, got: `${got} bytes of record ${index}`, expected: String(bytes), fix: 'Resume: it is made anew when it is not whole.' });
}

// A file of slices of one size each: written once from start to end, read at random. Knows nothing of sound.
import { closeSync, fsyncSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { MelstromError, messageOf } from '../base/errors.js';
import { dequantiseInto, quantiseImage } from './quantise.js';

export interface SliceWriter {
  readonly count: number;
  append(image: Float32Array): void;
  /** Appends slices as `quantiseImage` makes them. Shape: [n, valuesPerSlice]. */
  appendRecords(records: Uint16Array): void;
  /** Takes back what was appended last, down to `count` slices. */
  rewindTo(count: number): void;
  /** Writes what is waiting through to the disk and closes. */
  finish(): void;
  /** Closes without care for what is waiting. */
  abandon(): void;
}

export interface SliceReader {
  readonly count: number;
  /** Mutates: out, valuesPerSlice values from `start` on. */
  readInto(index: number, out: Float32Array, start?: number): void;
  close(): void;
}

const WAITING_BYTES = 4 << 20;

/** Unit: bytes of one slice. */
export function recordBytes(valuesPerSlice: number): number {
  return valuesPerSlice * Uint16Array.BYTES_PER_ELEMENT;
}

/** Creates a file of slices; little endian, 16 bits a value. @throws MelstromError when the disk is full or not writable */
export function createSliceWriter(path: string, valuesPerSlice: number): SliceWriter {
  const perWrite = Math.max(1, Math.floor(WAITING_BYTES / recordBytes(valuesPerSlice)));
  const waiting = new Uint16Array(perWrite * valuesPerSlice);
  const file = guardWrite(path, () => openSync(path, 'wx'));
  let writtenCount = 0;
  let waitingCount = 0;
  const flush = (): void => {
    const bytes = new Uint8Array(waiting.buffer, 0, waitingCount * recordBytes(valuesPerSlice));
    const position = writtenCount * recordBytes(valuesPerSlice);
    for (let done = 0; done < bytes.length; ) {
      const from = done;
      done += guardWrite(path, () => writeSync(file, bytes, from, bytes.length - from, position + from));
    }
    writtenCount += waitingCount;
    waitingCount = 0;
  };
  const appendRecords = (records: Uint16Array): void => {
    for (let start = 0; start < records.length; start += valuesPerSlice) {
      waiting.set(records.subarray(start, start + valuesPerSlice), waitingCount * valuesPerSlice);
      waitingCount += 1;
      if (waitingCount === perWrite) flush();
    }
  };
  return {
    get count() {
      return writtenCount + waitingCount;
    },
    append: (image) => appendRecords(quantiseImage(image)),
    appendRecords,
    rewindTo(count) {
      waitingCount = Math.max(0, count - writtenCount);
      if (count >= writtenCount) return;
      writtenCount = count;
      guardWrite(path, () => ftruncateSync(file, count * recordBytes(valuesPerSlice)));
    },
    finish() {
      flush();
      guardWrite(path, () => fsyncSync(file));
      closeSync(file);
    },
    abandon: () => closeSync(file),
  };
}

/** Opens a file of slices. @throws MelstromError of kind 'data' when it is missing or has another size than `count` slices */
export function openSliceReader(path: string, { count, valuesPerSlice }: { readonly count: number; readonly valuesPerSlice: number }): SliceReader {
  const bytes = recordBytes(valuesPerSlice);
  const record = new Uint16Array(valuesPerSlice);
  const view = new Uint8Array(record.buffer);
  const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size;
  if (sizeBytes !== count * bytes) {
    throw new MelstromError({ kind: 'data', where: path, got: sizeBytes === undefined ? 'no such file' : `${sizeBytes} bytes`, expected: `${count * bytes} bytes, ${count} slices`, fix: 'Prepare the corpus again with --force.' });
  }
  let file: number | null = openSync(path, 'r');
  return {
    count,
    readInto(index, out, start = 0) {
      if (file === null || !(index >= 0 && index < count)) throw new MelstromError({ kind: 'internal', where: path, got: file === null ? 'a closed file' : `slice ${index}`, expected: `an open file and a slice in [0, ${count})` });
      let done = 0;
      while (done < bytes) {
        const read = readSync(file, view, done, bytes - done, index * bytes + done);
        if (read === 0) throw new MelstromError({ kind: 'data', where: path, got: `an end inside slice ${index}`, expected: `${count} slices`, fix: 'Prepare the corpus again with --force.' });
        done += read;
      }
      dequantiseInto(record, out, start);
    },
    close() {
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}

/** Runs a write and says in plain words why it failed. @throws MelstromError of kind 'data' */
export function guardWrite<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (error instanceof MelstromError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    throw new MelstromError({
      kind: 'data',
      where: path,
      got: isFull ? 'a full disk' : `a place that cannot be written (${messageOf(error)})`,
      expected: isFull ? 'room for the cache' : 'a folder that can be written',
      fix: isFull ? 'Free some space, or choose a cache folder on another disk.' : 'Change its permissions, or choose another place (for caches, by MELSTROM_CACHE).',
      cause: error,
    });
  }
}

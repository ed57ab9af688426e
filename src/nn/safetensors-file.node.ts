// Safetensors files read tensor by tensor: the header first, then each tensor at its place. Knows no network.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { MelstromError, messageOf } from '../base/errors.js';
import { widen } from './half.js';
import { DTYPE_BYTES, LENGTH_BYTES, parseSafetensorsHeader, requireFloat, safetensorsDataOffset } from './safetensors-header.js';
import type { TensorSource } from './tensor-source.js';

/**
 * Opens a file and checks its header against its size; values are read when asked for.
 *
 * Memory: holds the file open until `close`, and as much memory as its largest tensor read so far.
 * @throws MelstromError of kind 'checkpoint' when it is absent, truncated, has extra bytes or a header that is not consistent
 */
export function openSafetensorsFile(path: string): TensorSource {
  const file = openFile(path);
  try {
    const { entries, dataOffset } = readHeader(file, path);
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    const bytesBuffer = growingBuffer();
    const valuesBuffer = growingBuffer();
    return {
      where: path,
      entries: byName,
      read(name) {
        const entry = byName.get(name)!;
        const dtype = requireFloat(entry, path);
        const count = (entry.end - entry.begin) / DTYPE_BYTES[dtype];
        const bytes = bytesBuffer(entry.end - entry.begin);
        readFully(file, bytes, { position: dataOffset + entry.begin, where: `${path}: ${name}` });
        if (dtype === 'F32') return new Float32Array(bytes.buffer, 0, count);
        const values = new Float32Array(valuesBuffer(4 * count).buffer, 0, count);
        widen(new Uint16Array(bytes.buffer, 0, count), dtype, values);
        return values;
      },
      close: () => closeSync(file),
    };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    const isAbsent = (cause as { code?: string }).code === 'ENOENT';
    throw new MelstromError({ kind: 'checkpoint', where: path, got: isAbsent ? 'no such file' : messageOf(cause), expected: 'a safetensors file', cause });
  }
}

function readHeader(file: number, path: string) {
  const { size } = fstatSync(file);
  const start = new Uint8Array(Math.min(LENGTH_BYTES, size));
  readFully(file, start, { position: 0, where: path });
  const head = new Uint8Array(safetensorsDataOffset(start, path, size));
  readFully(file, head, { position: 0, where: path });
  return parseSafetensorsHeader(head, path, size);
}

/** A single call reads at most 2 GiB. */
const MOST_PER_READ = 2 ** 30;

function readFully(file: number, into: Uint8Array, { position, where }: { position: number; where: string }): void {
  for (let done = 0; done < into.length; ) {
    const got = readSync(file, into, done, Math.min(MOST_PER_READ, into.length - done), position + done);
    if (got === 0) throw new MelstromError({ kind: 'checkpoint', where, got: `the file's end after ${done} bytes`, expected: `${into.length} bytes`, fix: 'It was changed while it was read: copy or download it again.' });
    done += got;
  }
}

/** Bytes from the start of a buffer that is made anew only when it is too small. */
function growingBuffer(): (byteCount: number) => Uint8Array<ArrayBuffer> {
  let buffer = new ArrayBuffer(0);
  return (byteCount) => {
    if (buffer.byteLength < byteCount) buffer = new ArrayBuffer(Math.ceil(byteCount / 4) * 4);
    return new Uint8Array(buffer, 0, byteCount);
  };
}

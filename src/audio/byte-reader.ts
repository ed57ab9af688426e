// What header parsers need of a file: its size and any slice of it. Knows no file system.
import { MelstromError } from '../base/errors.js';

/** Random access to the bytes of a file. */
export interface ByteReader {
  readonly path: string;
  /** Unit: bytes. */
  readonly size: number;
  /** Up to `length` bytes from `position`; fewer only where the file ends. */
  read(position: number, length: number): Promise<Uint8Array>;
}

/** Creates the error for a file that cannot be used as sound; all such errors are of kind 'data' and name the file. */
export function badAudio(path: string, got: string, details: { expected?: string; fix?: string; cause?: unknown } = {}): MelstromError {
  return new MelstromError({ kind: 'data', where: path, got, ...details });
}

/** All of a slice that a header cannot do without. @throws MelstromError when the file ends within it */
export async function readHeaderBytes(file: ByteReader, position: number, length: number): Promise<DataView> {
  const bytes = await file.read(position, length);
  if (bytes.length < length) throw badAudio(file.path, `a truncated file: its header breaks off at byte ${file.size}`);
  return viewOf(bytes);
}

/** A view of the bytes, to read numbers from. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes as Latin-1 text, for four-letter codes. */
export function asciiOf(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}

const AHEAD_BYTES = 1 << 20;

/** Reads a file from its start to its end, a megabyte at a time: the bytes from a place on, at least so many unless the file ends before. Memory: shared; valid until the next call. */
export function createReadAhead(file: ByteReader): (position: number, least: number) => Promise<Uint8Array> {
  let bytes: Uint8Array = new Uint8Array(0);
  let from = 0;
  return async (position, least) => {
    const end = from + bytes.length;
    if (position + least > end && end < file.size) {
      from = position;
      bytes = await file.read(position, Math.max(AHEAD_BYTES, least));
    }
    return bytes.subarray(position - from);
  };
}

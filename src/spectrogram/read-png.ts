// Reads a PNG whole or not at all. Knows no spectrogram.
import { decode, hasPngSignature, type DecodedPng } from 'fast-png';
import { MelstromError, messageOf } from '../base/errors.js';

const MAX_PIXELS = 2 ** 28;
const HEADER_BYTES = 33;

/** Decodes a PNG with all its checksums. @throws MelstromError of kind data, naming `where`, when it is none, is cut short or damaged. */
export function readPng(bytes: Uint8Array, where: string): DecodedPng {
  requireHeader(bytes, where);
  return decodeWhole(bytes, where);
}

function requireHeader(bytes: Uint8Array, where: string): void {
  if (bytes.length === 0) throw damaged(where, 'an empty file');
  if (bytes.length < 8 || !hasPngSignature(bytes)) throw damaged(where, 'a file that is no PNG');
  if (bytes.length < HEADER_BYTES) throw damaged(where, 'a PNG that ends inside its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  if (width === 0 || height === 0 || width * height > MAX_PIXELS) throw damaged(where, `a PNG that claims ${width} × ${height} pixels`);
}

function decodeWhole(bytes: Uint8Array, where: string): DecodedPng {
  try {
    const png = decode(bytes, { checkCrc: true });
    const expected = png.width * png.height * png.channels;
    if (png.depth >= 8 && png.data.length !== expected) throw new Error(`${png.data.length} of ${expected} values`);
    return png;
  } catch (error) {
    throw damaged(where, `a damaged or cut-off PNG (${messageOf(error)})`, error);
  }
}

/** The refusal of a file that is no whole PNG. */
export function damaged(where: string, got: string, cause?: unknown): MelstromError {
  return new MelstromError({ kind: 'data', where, got, expected: 'a whole PNG', fix: 'Copy or encode it again.', cause });
}

// The bytes of an 8-bit PNG, colour by colour. Knows no spectrogram.
import type { DecodedPng } from 'fast-png';
import { MelstromError } from '../../base/errors.js';
import { MEL_TEXT_KEY } from '../png.js';
import { readPng } from '../read-png.js';

export interface EightBitPlanes {
  readonly width: number;
  readonly height: number;
  /** Grey alone, or red, green and blue; transparency is left out. Shape: [height, width] each, row 0 at the top. */
  readonly planes: readonly Uint8Array[];
  readonly text: Readonly<Record<string, string>>;
}

/** @throws MelstromError of kind data when it is no whole PNG, not of 8 bits, or of Melstrom's own layout. */
export function readEightBitPlanes(bytes: Uint8Array, where: string, peer: string): EightBitPlanes {
  const png = readPng(bytes, where);
  if (png.text[MEL_TEXT_KEY] !== undefined) {
    throw new MelstromError({ kind: 'data', where, got: "an image in Melstrom's own layout", expected: `one in ${peer}'s`, fix: 'Leave --layout out.' });
  }
  if (png.depth !== 8 || png.palette !== undefined) {
    const got = png.palette === undefined ? `${png.depth} bits` : 'a palette';
    throw new MelstromError({ kind: 'data', where, got: `a PNG with ${got}`, expected: `grey or colour of 8 bits, as ${peer} writes`, fix: 'Save it again as 8-bit grey or RGB without a palette.' });
  }
  return { width: png.width, height: png.height, planes: planesOf(png), text: png.text };
}

function planesOf({ width, height, channels, data }: DecodedPng): Uint8Array[] {
  const colours = channels >= 3 ? 3 : 1;
  return Array.from({ length: colours }, (_, colour) => Uint8Array.from({ length: width * height }, (__, cell) => data[cell * channels + colour]));
}

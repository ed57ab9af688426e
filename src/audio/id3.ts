// The tag that some programs put before sound of any format.
import { asciiOf } from './byte-reader.js';

/** How many bytes at the start of a file `id3Bytes` needs. */
export const ID3_HEAD_BYTES = 10;

/** Bytes of the ID3v2 tag at the start of these bytes, 0 when there is none. */
export function id3Bytes(head: Uint8Array): number {
  if (head.length < ID3_HEAD_BYTES || asciiOf(head, 0, 3) !== 'ID3') return 0;
  return ID3_HEAD_BYTES + ((head[6] & 127) << 21) + ((head[7] & 127) << 14) + ((head[8] & 127) << 7) + (head[9] & 127);
}

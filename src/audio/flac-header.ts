// The first block of a FLAC stream, which tells rate, channels, width and length. Decodes nothing.
import { asciiOf } from './byte-reader.js';

/** What the stream information block says. */
export interface FlacInfo {
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly bitDepth: number;
  /** Samples per channel, or null when the encoder left it open. */
  readonly frameCount: number | null;
}

/** Bytes from the 'fLaC' mark to the end of the stream information block. */
export const FLAC_INFO_BYTES = 42;

/** Reads the block at the 'fLaC' mark, or null when it is not there whole. */
export function parseFlacInfo(bytes: Uint8Array): FlacInfo | null {
  if (bytes.length < FLAC_INFO_BYTES || asciiOf(bytes, 0, 4) !== 'fLaC' || (bytes[4] & 0x7f) !== 0) return null;
  const [a, b, c, d] = bytes.subarray(18, 22);
  const low = ((bytes[22] << 24) | (bytes[23] << 16) | (bytes[24] << 8) | bytes[25]) >>> 0;
  const frameCount = (d & 15) * 2 ** 32 + low;
  return {
    sampleRateHz: (a << 12) | (b << 4) | (c >> 4),
    channelCount: ((c >> 1) & 7) + 1,
    bitDepth: (((c & 1) << 4) | (d >> 4)) + 1,
    frameCount: frameCount === 0 ? null : frameCount,
  };
}

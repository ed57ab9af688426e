// Streams the samples of an uncompressed file in slices, whatever its container.
import type { DecodedStream } from './audio-source.js';
import { badAudio, type ByteReader } from './byte-reader.js';
import { decodePcm, frameBytesOf, type PcmLayout } from './pcm.js';

/** Where the samples lie and how they are written. */
export interface PcmSection {
  readonly format: string;
  readonly layout: PcmLayout;
  readonly sampleRateHz: number;
  /** Unit: bytes. */
  readonly offset: number;
  /** Bytes of sound that the header promises, or null when it was left open. */
  readonly byteCount: number | null;
}

/** Unit: samples per channel. About a megabyte of stereo 16-bit sound. */
const FRAMES_PER_BLOCK = 1 << 18;

/** @throws MelstromError when the file ends before the promised samples do, or has none */
export function streamPcm(file: ByteReader, section: PcmSection): DecodedStream {
  const { layout, offset, format } = section;
  const frameBytes = frameBytesOf(layout);
  const present = Math.max(0, file.size - offset);
  if (section.byteCount !== null && section.byteCount > present) {
    throw badAudio(file.path, `a truncated ${format} file: ${present} of ${section.byteCount} bytes of sound`);
  }
  const frameCount = Math.floor((section.byteCount ?? present) / frameBytes);
  return {
    format,
    sampleRateHz: section.sampleRateHz,
    channelCount: layout.channelCount,
    frameCountEstimate: frameCount,
    isCountExact: true,
    async *blocks() {
      const step = Math.max(1, Math.floor(FRAMES_PER_BLOCK / layout.channelCount));
      for (let frame = 0; frame < frameCount; frame += step) {
        const count = Math.min(step, frameCount - frame);
        yield decodePcm(await file.read(offset + frame * frameBytes, count * frameBytes), layout);
      }
    },
  };
}

// An opened sound, read block by block. Knows nothing of how a format is decoded.
import { badAudio } from './byte-reader.js';

/** A sound being read at its own rate. Memory: close it, also after an error. */
export interface AudioSource {
  readonly path: string;
  /** Container and coding in a word or two, for example `wav` or `ogg opus`. */
  readonly format: string;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Samples per channel as the header tells; null when it does not. */
  readonly frameCountEstimate: number | null;
  /** All samples once, in order; each block one array per channel. A second call starts again from the beginning. */
  blocks(): AsyncIterable<readonly Float32Array[]>;
  close(): Promise<void>;
}

/** What a format's own code gives. */
export interface DecodedStream {
  readonly format: string;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly frameCountEstimate: number | null;
  /** True where the header's count is a promise that a whole file keeps. */
  readonly isCountExact: boolean;
  blocks(): AsyncIterable<readonly Float32Array[]>;
}

const LARGEST_RATE_HZ = 1_000_000;

/**
 * Guards a stream: the header must make sense, and the samples must be finite and as many as promised.
 *
 * @throws MelstromError of kind 'data' that names the file
 */
export function guardStream(path: string, stream: DecodedStream): Omit<AudioSource, 'close'> {
  const { format, sampleRateHz, channelCount, frameCountEstimate } = stream;
  if (!Number.isInteger(sampleRateHz) || sampleRateHz < 1 || sampleRateHz > LARGEST_RATE_HZ) {
    throw badAudio(path, `a ${format} header with a rate of ${sampleRateHz} Hz`, { expected: `a whole number up to ${LARGEST_RATE_HZ}` });
  }
  if (channelCount < 1) throw badAudio(path, `a ${format} header with no channels`);
  if (frameCountEstimate === 0 && stream.isCountExact) throw badAudio(path, `a ${format} file without a single sample`);
  return {
    path,
    format,
    sampleRateHz,
    channelCount,
    frameCountEstimate,
    async *blocks() {
      let frameCount = 0;
      for await (const block of stream.blocks()) {
        if (block.length !== channelCount) throw badAudio(path, `a change from ${channelCount} to ${block.length} channels on the way`);
        if (block[0].length === 0) continue;
        requireFinite(path, block, frameCount);
        frameCount += block[0].length;
        yield block;
      }
      if (frameCount === 0) throw badAudio(path, `a ${format} file without a single sample`);
      if (stream.isCountExact && frameCountEstimate !== null && frameCount < frameCountEstimate) {
        throw badAudio(path, `a truncated or damaged ${format} file: ${frameCount} of ${frameCountEstimate} samples`);
      }
    },
  };
}

function requireFinite(path: string, block: readonly Float32Array[], offset: number): void {
  for (const channel of block) {
    for (let index = 0; index < channel.length; index += 1) {
      if (!Number.isFinite(channel[index])) {
        throw badAudio(path, `the value ${channel[index]} at sample ${offset + index}`, { expected: 'finite numbers' });
      }
    }
  }
}

// A mono WAV file as chunks of bytes, for sound that comes piece by piece: the same bytes that encodeWav gives of the whole. Knows no file system.
import wavEncoder from 'wav-encoder';
import { MelstromError } from '../base/errors.js';
import { addDither, ditherOf, type EncodeWavOptions } from './encode-wav.js';

export interface WavChunkOptions extends Pick<EncodeWavOptions, 'bitDepth' | 'seed'> {
  readonly sampleRateHz: number;
  /** In the whole file. */
  readonly sampleCount: number;
  /** Whether 16 bits get dither: unless the whole sound is on 16-bit steps. */
  readonly isDithered: boolean;
}

export interface WavChunks {
  readonly header: Uint8Array;
  /** Called with the sound from its first sample to its last. @throws MelstromError of kind 'numeric' when a sample is not finite */
  encode(samples: Float32Array): Uint8Array;
  /** What stands behind the last sample. */
  readonly end: Uint8Array;
}

const HEADER_BYTES = 44;

export function createWavChunks({ sampleRateHz, sampleCount, bitDepth, seed = 0, isDithered }: WavChunkOptions): WavChunks {
  const format = bitDepth === 32 ? { float: true } : { bitDepth, symmetric: true };
  const bytesOf = (samples: Float32Array): Uint8Array => new Uint8Array(wavEncoder.encode.sync({ sampleRate: sampleRateHz, channelData: [samples] }, format));
  const random = bitDepth === 16 && isDithered ? ditherOf(seed, 0) : null;
  const dataBytes = (sampleCount * bitDepth) / 8;
  const end = new Uint8Array(dataBytes % 2); // RIFF chunks have even sizes
  const header = bytesOf(new Float32Array(0));
  const view = new DataView(header.buffer);
  view.setUint32(4, HEADER_BYTES - 8 + dataBytes + end.length, true);
  view.setUint32(HEADER_BYTES - 4, dataBytes, true);
  return {
    header,
    end,
    encode(samples) {
      const bad = samples.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) throw new MelstromError({ kind: 'numeric', where: 'WAV', got: `${samples[bad]} at sample ${bad} of a piece`, expected: 'finite numbers' });
      return bytesOf(random === null ? samples : addDither(samples, random)).subarray(HEADER_BYTES);
    },
  };
}

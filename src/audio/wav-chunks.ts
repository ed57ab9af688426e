// A WAV file as chunks of bytes, for sound that comes piece by piece: the same bytes that encodeWav gives of the whole. Knows no file system.
import wavEncoder from 'wav-encoder';
import { MelstromError } from '../base/errors.js';
import { addDither, ditherOf, type EncodeWavOptions } from './encode-wav.js';

export interface WavChunkOptions extends Pick<EncodeWavOptions, 'bitDepth' | 'seed'> {
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Of each channel, in the whole file. */
  readonly sampleCount: number;
  /** Whether 16 bits get dither: unless the whole sound is on 16-bit steps. */
  readonly isDithered: boolean;
}

export interface WavChunks {
  readonly header: Uint8Array;
  /** Called with the sound from its first sample to its last, all channels at once. @throws MelstromError of kind 'numeric' when a sample is not finite */
  encode(channels: readonly Float32Array[]): Uint8Array;
  /** What stands behind the last sample. */
  readonly end: Uint8Array;
}

const HEADER_BYTES = 44;

export function createWavChunks({ sampleRateHz, channelCount, sampleCount, bitDepth, seed = 0, isDithered }: WavChunkOptions): WavChunks {
  const format = bitDepth === 32 ? { float: true } : { bitDepth, symmetric: true };
  const bytesOf = (channels: readonly Float32Array[]): Uint8Array => new Uint8Array(wavEncoder.encode.sync({ sampleRate: sampleRateHz, channelData: [...channels] }, format));
  const channelNumbers = Array.from({ length: channelCount }, (_, channel) => channel);
  const random = bitDepth === 16 && isDithered ? channelNumbers.map((channel) => ditherOf(seed, channel)) : null;
  const dataBytes = (channelCount * sampleCount * bitDepth) / 8;
  const end = new Uint8Array(dataBytes % 2); // RIFF chunks have even sizes
  const header = bytesOf(channelNumbers.map(() => new Float32Array(0)));
  const view = new DataView(header.buffer);
  view.setUint32(4, HEADER_BYTES - 8 + dataBytes + end.length, true);
  view.setUint32(HEADER_BYTES - 4, dataBytes, true);
  return {
    header,
    end,
    encode(channels) {
      for (const samples of channels) {
        const bad = samples.findIndex((value) => !Number.isFinite(value));
        if (bad >= 0) throw new MelstromError({ kind: 'numeric', where: 'WAV', got: `${samples[bad]} at sample ${bad} of a piece`, expected: 'finite numbers' });
      }
      return bytesOf(random === null ? channels : channels.map((samples, channel) => addDither(samples, random[channel]))).subarray(HEADER_BYTES);
    },
  };
}

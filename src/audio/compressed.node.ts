// Opens FLAC, MP3 and Ogg files: which decoder serves which of them, and why.
import { FLACDecoder } from '@wasm-audio-decoders/flac';
import { OggVorbisDecoder } from '@wasm-audio-decoders/ogg-vorbis';
import { MPEGDecoder } from 'mpg123-decoder';
import { OggOpusDecoder } from 'ogg-opus-decoder';
import { messageOf } from '../base/errors.js';
import type { DecodedStream } from './audio-source.js';
import { badAudio, type ByteReader } from './byte-reader.js';
import { FLAC_INFO_BYTES, parseFlacInfo, type FlacInfo } from './flac-header.js';
import { readMp3Layout } from './mp3-frames.js';
import { readOggLayout } from './ogg-pages.js';
import { streamThroughWasm, type WasmDecoder } from './wasm-stream.js';
import { decodeWithWebAudio, hasWebAudio } from './web-audio.node.js';

/** Up to this size FLAC is decoded whole by node-web-audio-api: two to five times as fast on short clips. Unit: samples of all channels. */
const WHOLE_LIMIT = 1 << 23;
const WEB_AUDIO_RATES_HZ = { min: 8000, max: 192000 };

const createFlacDecoder = (): WasmDecoder => new FLACDecoder();
const createMp3Decoder = (): WasmDecoder => new MPEGDecoder();
const createOpusDecoder = (): WasmDecoder => new OggOpusDecoder();
const createVorbisDecoder = (): WasmDecoder => new OggVorbisDecoder();

/** @throws MelstromError when the header is not there */
export async function openFlac(file: ByteReader, start: number): Promise<DecodedStream> {
  const info = parseFlacInfo(await file.read(start, FLAC_INFO_BYTES));
  if (info === null) throw badAudio(file.path, 'a truncated FLAC file: its header is cut off');
  return flacStream(file, { info, format: 'flac', start });
}

/**
 * MP3 goes through mpg123 at every length: node-web-audio-api leaves the encoder's delay and padding in
 * (1105 samples too late and 1920 too many, with LAME at 48 kHz). A file without a Xing or LAME frame does not say how much that is,
 * and keeps it.
 */
export async function openMp3(file: ByteReader): Promise<DecodedStream> {
  const layout = await readMp3Layout(file);
  const { sampleRateHz, channelCount, start, end } = layout;
  return {
    format: 'mp3',
    sampleRateHz,
    channelCount,
    frameCountEstimate: layout.trimmedSampleCount ?? layout.frameCount * layout.samplesPerFrame,
    isCountExact: false,
    blocks: () => takeSamples(streamThroughWasm(file, { format: 'mp3', sampleRateHz, create: createMp3Decoder, start, end }), channelCount, layout.trimmedSampleCount),
  };
}

/** Vorbis too: node-web-audio-api does not cut the last block where the stream says. Opus it does not know. */
export async function openOgg(file: ByteReader): Promise<DecodedStream> {
  const layout = await readOggLayout(file);
  const format = `ogg ${layout.coding}`;
  if (layout.flac !== null) return flacStream(file, { info: layout.flac, format, start: 0 });
  const { sampleRateHz, channelCount, frameCountEstimate } = layout;
  const create = layout.coding === 'opus' ? createOpusDecoder : createVorbisDecoder;
  return {
    format,
    sampleRateHz,
    channelCount,
    frameCountEstimate,
    isCountExact: false,
    blocks: () => takeSamples(streamThroughWasm(file, { format, sampleRateHz, create, start: 0, end: file.size }), channelCount, frameCountEstimate),
  };
}

function flacStream(file: ByteReader, { info, format, start }: { info: FlacInfo; format: string; start: number }): DecodedStream {
  const { sampleRateHz, channelCount, frameCount, bitDepth } = info;
  const isShort = frameCount !== null && frameCount * channelCount <= WHOLE_LIMIT;
  const isRateServed = sampleRateHz >= WEB_AUDIO_RATES_HZ.min && sampleRateHz <= WEB_AUDIO_RATES_HZ.max;
  return {
    format,
    sampleRateHz,
    channelCount,
    frameCountEstimate: frameCount,
    isCountExact: frameCount !== null,
    async *blocks() {
      if (isShort && isRateServed && (await hasWebAudio())) {
        const bytes = await file.read(start, file.size - start);
        const channels = await decodeWithWebAudio(bytes, sampleRateHz).catch((cause: unknown) => {
          throw badAudio(file.path, `a truncated or damaged ${format} file (${messageOf(cause)})`, { cause });
        });
        // It gives one empty channel when not even the first frame is whole.
        if (channels[0].length === 0) throw badAudio(file.path, `a truncated ${format} file: its first frame is cut off`);
        yield channels;
        return;
      }
      for await (const block of streamThroughWasm(file, { format, sampleRateHz, create: createFlacDecoder, start, end: file.size })) {
        yield block.map((channel) => scaleToFullScale(channel, bitDepth));
      }
    },
  };
}

/** The decoder divides by the largest positive value, all others here by the largest negative one: 32768 at 16 bits. Mutates: channel. */
function scaleToFullScale(channel: Float32Array, bitDepth: number): Float32Array {
  const full = 2 ** (bitDepth - 1);
  for (let index = 0; index < channel.length; index += 1) channel[index] = Math.round(channel[index] * (full - 1)) / full;
  return channel;
}

/**
 * Mono sound comes out of some decoders as two equal channels, and the last block longer than the stream says when it is short.
 */
async function* takeSamples(blocks: AsyncIterable<Float32Array[]>, channelCount: number, frameCount: number | null): AsyncGenerator<Float32Array[]> {
  let left = frameCount ?? Infinity;
  for await (const block of blocks) {
    const channels = channelCount === 1 ? block.slice(0, 1) : block;
    yield channels.map((channel) => (channel.length > left ? channel.subarray(0, left) : channel));
    left = Math.max(0, left - channels[0].length);
  }
}

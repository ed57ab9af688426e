// Opens FLAC, MP3 and Ogg files: which decoder serves which of them, and why.
import { messageOf } from '../base/errors.js';
import type { DecodedStream } from './audio-source.js';
import { badAudio, type ByteReader } from './byte-reader.js';
import { FLAC_INFO_BYTES, parseFlacInfo, type FlacInfo } from './flac-header.js';
import { readMp3Layout } from './mp3-frames.js';
import { readOggLayout } from './ogg-pages.js';
import { streamThroughWasm, type WasmDecoder } from './wasm-stream.js';
import { decodeWithWebAudio, hasWebAudio } from './web-audio.node.js';

/** Up to this size FLAC, MP3 and Vorbis are decoded whole by node-web-audio-api: two to five times as fast on short clips. Unit: samples of all channels. */
const WHOLE_LIMIT = 1 << 23;
const WEB_AUDIO_RATES_HZ = { min: 8000, max: 192000 };
/** Vorbis is decoded by blocks of up to so many samples, the last of which may end later than the sound. */
const LONGEST_VORBIS_BLOCK = 8192;

// Loaded with the first file that needs them: threads need not wait for all four.
const createFlacDecoder = async (): Promise<WasmDecoder> => new (await import('@wasm-audio-decoders/flac')).FLACDecoder();
const createMp3Decoder = async (): Promise<WasmDecoder> => new (await import('mpg123-decoder')).MPEGDecoder();
const createOpusDecoder = async (): Promise<WasmDecoder> => new (await import('ogg-opus-decoder')).OggOpusDecoder();
const createVorbisDecoder = async (): Promise<WasmDecoder> => new (await import('@wasm-audio-decoders/ogg-vorbis')).OggVorbisDecoder();

/** @throws MelstromError when the header is not there */
export async function openFlac(file: ByteReader, start: number): Promise<DecodedStream> {
  const info = parseFlacInfo(await file.read(start, FLAC_INFO_BYTES));
  if (info === null) throw badAudio(file.path, 'a truncated FLAC file: its header is cut off');
  return flacStream(file, { info, format: 'flac', start });
}

/**
 * node-web-audio-api leaves the encoder's delay and padding in (1105 samples too late and 1920 too many, with LAME at 48 kHz), so they
 * are cut here; what it does not decode whole goes through mpg123. A file without a Xing or LAME frame does not say how much that is, and
 * keeps it.
 */
export async function openMp3(file: ByteReader): Promise<DecodedStream> {
  const layout = await readMp3Layout(file);
  const { sampleRateHz, channelCount, start, end, leadSampleCount, trimmedSampleCount } = layout;
  const decodedCount = layout.frameCount * layout.samplesPerFrame;
  const frameCountEstimate = trimmedSampleCount ?? decodedCount;
  return {
    format: 'mp3',
    sampleRateHz,
    channelCount,
    frameCountEstimate,
    isCountExact: false,
    blocks: () => wholeOrStreamed(
      file,
      { format: 'mp3', sampleRateHz, channelCount, sampleCount: decodedCount, start, end, mostExcess: 0, cut: [leadSampleCount, leadSampleCount + frameCountEstimate] },
      () => takeSamples(streamThroughWasm(file, { format: 'mp3', sampleRateHz, create: createMp3Decoder, start, end }), channelCount, trimmedSampleCount),
    ),
  };
}

/** node-web-audio-api does not cut the last block of Vorbis where the stream says, so that is done here. Opus it does not know. */
export async function openOgg(file: ByteReader): Promise<DecodedStream> {
  const layout = await readOggLayout(file);
  const format = `ogg ${layout.coding}`;
  if (layout.flac !== null) return flacStream(file, { info: layout.flac, format, start: 0 });
  const { sampleRateHz, channelCount, frameCountEstimate } = layout;
  const create = layout.coding === 'opus' ? createOpusDecoder : createVorbisDecoder;
  const wholeCount = layout.coding === 'opus' ? null : frameCountEstimate;
  return {
    format,
    sampleRateHz,
    channelCount,
    frameCountEstimate,
    isCountExact: false,
    blocks: () => wholeOrStreamed(
      file,
      { format, sampleRateHz, channelCount, sampleCount: wholeCount, start: 0, end: file.size, mostExcess: LONGEST_VORBIS_BLOCK, cut: [0, wholeCount ?? 0] },
      () => takeSamples(streamThroughWasm(file, { format, sampleRateHz, create, start: 0, end: file.size }), channelCount, frameCountEstimate),
    ),
  };
}

function flacStream(file: ByteReader, { info, format, start }: { info: FlacInfo; format: string; start: number }): DecodedStream {
  const { sampleRateHz, channelCount, frameCount, bitDepth } = info;
  return {
    format,
    sampleRateHz,
    channelCount,
    frameCountEstimate: frameCount,
    isCountExact: frameCount !== null,
    async *blocks() {
      const channels = await decodeWhole(file, { sampleRateHz, channelCount, sampleCount: frameCount, format, start, end: file.size });
      if (channels !== null) {
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

interface WholeOptions {
  readonly format: string;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** As the headers say; null when they don't. */
  readonly sampleCount: number | null;
  /** Byte range that holds the stream. */
  readonly start: number;
  readonly end: number;
}

/** A file decoded at once and cut to the sound, else as the stream gives it, which says what is wrong with a damaged one. */
async function* wholeOrStreamed(file: ByteReader, options: WholeOptions & { readonly mostExcess: number; readonly cut: readonly [from: number, to: number] }, stream: () => AsyncIterable<Float32Array[]>): AsyncGenerator<Float32Array[]> {
  const { channelCount, sampleCount, mostExcess, cut } = options;
  const whole = await decodeWhole(file, options).catch(() => null);
  const excess = whole?.length === channelCount ? whole[0].length - sampleCount! : -1;
  if (excess >= 0 && excess <= mostExcess) yield whole!.map((channel) => channel.subarray(...cut));
  else yield* stream();
}

/** A file decoded at once by node-web-audio-api; null where that isn't there, or the file is too long, or of a rate that it does not serve. @throws MelstromError on damage */
async function decodeWhole(file: ByteReader, { format, sampleRateHz, channelCount, sampleCount, start, end }: WholeOptions): Promise<Float32Array[] | null> {
  const isShort = sampleCount !== null && sampleCount * channelCount <= WHOLE_LIMIT;
  const isRateServed = sampleRateHz >= WEB_AUDIO_RATES_HZ.min && sampleRateHz <= WEB_AUDIO_RATES_HZ.max;
  if (!isShort || !isRateServed || !(await hasWebAudio())) return null;
  const bytes = await file.read(start, end - start);
  return decodeWithWebAudio(bytes, sampleRateHz).catch((cause: unknown) => {
    throw badAudio(file.path, `a truncated or damaged ${format} file (${messageOf(cause)})`, { cause });
  });
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

// The frame structure of MPEG audio: enough to count frames and to see where a file breaks off. Decodes nothing.
import { asciiOf, badAudio, createReadAhead, viewOf, type ByteReader } from './byte-reader.js';
import { ID3_HEAD_BYTES, id3Bytes } from './id3.js';

/** One frame's header. */
export interface Mp3Header {
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly samplesPerFrame: number;
  /** Unit: bytes, header included. */
  readonly frameBytes: number;
}

/** What a walk over all frames finds. */
export interface Mp3Layout extends Mp3Header {
  readonly frameCount: number;
  /** Samples before the sound, of encoder and decoder; 0 when the file does not say. */
  readonly leadSampleCount: number;
  /** Samples that remain when they and the encoder's padding are removed, or null when the file does not say. */
  readonly trimmedSampleCount: number | null;
  /** Byte range of the frames, tags left out. */
  readonly start: number;
  readonly end: number;
}

const BIT_RATES_KBPS = {
  1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
const RATES_HZ = [44100, 48000, 32000];
const LONGEST_FRAME_BYTES = 2881;
/** Samples that every layer III decoder lags behind, which encoders count outside the delay they write down. */
const DECODER_DELAY = 529;

/** Reads a layer III frame header, or null when there is none at that place. */
export function parseMp3Header(bytes: Uint8Array, at: number): Mp3Header | null {
  if (at + 4 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1] & 0xe0) !== 0xe0) return null;
  const version = (bytes[at + 1] >> 3) & 3; // 0: 2.5, 2: 2, 3: 1
  const layer = (bytes[at + 1] >> 1) & 3; // 1: III
  const rateIndex = (bytes[at + 2] >> 2) & 3;
  const bitRateIndex = bytes[at + 2] >> 4;
  if (version === 1 || layer !== 1 || rateIndex === 3 || bitRateIndex === 0 || bitRateIndex === 15) return null;
  const sampleRateHz = RATES_HZ[rateIndex] >> (version === 3 ? 0 : version === 2 ? 1 : 2);
  const samplesPerFrame = version === 3 ? 1152 : 576;
  const bitRate = BIT_RATES_KBPS[version === 3 ? 1 : 2][bitRateIndex] * 1000;
  const padding = (bytes[at + 2] >> 1) & 1;
  return {
    sampleRateHz,
    channelCount: bytes[at + 3] >> 6 === 3 ? 1 : 2,
    samplesPerFrame,
    frameBytes: Math.floor((samplesPerFrame * bitRate) / 8 / sampleRateHz) + padding,
  };
}

/**
 * Walks all frames of a file.
 *
 * @throws MelstromError when there is no frame, when frames stop before the end, or when the last one is cut off
 */
export async function readMp3Layout(file: ByteReader): Promise<Mp3Layout> {
  const end = await soundEnd(file);
  const start = await firstFrame(file, end);
  const bytesFrom = createReadAhead(file);
  const head = await bytesFrom(start, LONGEST_FRAME_BYTES);
  const first = parseMp3Header(head, 0) as Mp3Header;
  const info = readInfoFrame(head, first);
  let position = start;
  let frameCount = 0;
  while (position < end) {
    const bytes = await bytesFrom(position, LONGEST_FRAME_BYTES);
    const header = parseMp3Header(bytes, 0);
    if (header === null) {
      if (isPadding(bytes.subarray(0, end - position))) break;
      throw badAudio(file.path, `an MP3 file that is damaged at byte ${position} of ${file.size}`);
    }
    if (header.sampleRateHz !== first.sampleRateHz) throw badAudio(file.path, `an MP3 file whose rate changes at byte ${position}`);
    position += header.frameBytes;
    frameCount += 1;
  }
  if (position > end + 1) throw badAudio(file.path, `a truncated MP3 file: its last frame lacks ${position - end} bytes`);
  const soundFrames = frameCount - (info === null ? 0 : 1);
  if (info?.frameCount !== undefined && soundFrames < info.frameCount) {
    throw badAudio(file.path, `a truncated MP3 file: ${soundFrames} of ${info.frameCount} frames`);
  }
  const { lead, trail } = info?.trim ?? { lead: 0, trail: 0 };
  const trimmedSampleCount = info?.trim === undefined ? null : Math.max(0, soundFrames * first.samplesPerFrame - lead - trail);
  return { ...first, frameCount: soundFrames, leadSampleCount: lead, trimmedSampleCount, start, end: Math.min(position, end) };
}

/** Where the frames end: before an ID3v1 tag (the last 128 bytes) and an APE tag, if there are any. */
async function soundEnd(file: ByteReader): Promise<number> {
  let end = file.size;
  const tag = await file.read(Math.max(0, end - 128), 128);
  if (tag.length === 128 && asciiOf(tag, 0, 3) === 'TAG') end -= 128;
  const footer = await file.read(Math.max(0, end - 32), 32);
  if (footer.length === 32 && asciiOf(footer, 0, 8) === 'APETAGEX') {
    const hasHeader = (footer[23] & 0x80) !== 0;
    end -= viewOf(footer).getUint32(12, true) + (hasHeader ? 32 : 0);
  }
  return end;
}

/** The first header after any ID3v2 tags that is followed by a second one, so that chance bytes are not taken for sound. */
async function firstFrame(file: ByteReader, end: number): Promise<number> {
  let position = 0;
  for (let tagBytes = -1; tagBytes !== 0; position += tagBytes) tagBytes = id3Bytes(await file.read(position, ID3_HEAD_BYTES));
  const bytes = await file.read(position, 1 << 16);
  for (let at = 0; at + 4 <= bytes.length; at += 1) {
    const header = parseMp3Header(bytes, at);
    if (header === null) continue;
    const next = at + header.frameBytes;
    if (position + next >= end || parseMp3Header(bytes, next) !== null) return position + at;
  }
  throw badAudio(file.path, 'no MP3 frame in it', { expected: 'MPEG layer III sound' });
}

/** The first frame may be a table of contents: how many frames there are, and what encoder delay and padding to cut. */
function readInfoFrame(bytes: Uint8Array, header: Mp3Header): { frameCount?: number; trim?: { readonly lead: number; readonly trail: number } } | null {
  const sideInfo = header.samplesPerFrame === 1152 ? (header.channelCount === 1 ? 17 : 32) : header.channelCount === 1 ? 9 : 17;
  const at = 4 + sideInfo;
  const name = asciiOf(bytes, at, 4);
  if ((name !== 'Xing' && name !== 'Info') || bytes.length < at + 144) return null;
  const view = viewOf(bytes);
  const flags = view.getUint32(at + 4);
  const frameCount = (flags & 1) === 0 ? undefined : view.getUint32(at + 8);
  const lame = at + 8 + (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  if (bytes[lame] === 0) return { frameCount };
  const delay = (bytes[lame + 21] << 4) | (bytes[lame + 22] >> 4);
  const padding = ((bytes[lame + 22] & 15) << 8) | bytes[lame + 23];
  return { frameCount, trim: { lead: delay + DECODER_DELAY, trail: Math.max(0, padding - DECODER_DELAY) } };
}

function isPadding(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

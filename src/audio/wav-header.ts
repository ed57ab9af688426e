// The chunk structure of WAV files: RIFF, RIFX (big-endian), RF64 and BW64 (beyond 4 GB). Reads headers only.
import { asciiOf, badAudio, readHeaderBytes, viewOf, type ByteReader } from './byte-reader.js';
import type { PcmLayout } from './pcm.js';
import type { PcmSection } from './pcm-stream.js';

const EXTENSIBLE = 0xfffe;
const UNKNOWN_SIZE = 0xffffffff;
const CODINGS: Readonly<Record<number, string>> = {
  0x0000: 'unknown',
  0x0002: 'Microsoft ADPCM',
  0x0011: 'IMA ADPCM',
  0x0031: 'GSM 6.10',
  0x0050: 'MPEG layer II',
  0x0055: 'MP3',
  0x00ff: 'AAC',
  0x0161: 'Windows Media',
  0x674f: 'Vorbis',
  0xf1ac: 'FLAC',
};

interface Chunk {
  readonly id: string;
  /** Of the chunk's content. Unit: bytes. */
  readonly offset: number;
  readonly byteCount: number;
}

/**
 * Finds format and samples by walking the chunks; the order of chunks, odd sizes and unknown chunks do not matter.
 *
 * @throws MelstromError when a chunk is missing or the coding is not read here
 */
export async function readWavHeader(file: ByteReader): Promise<PcmSection> {
  const head = await file.read(0, 12);
  const isBigEndian = asciiOf(head, 0, 4) === 'RIFX';
  let format: Uint8Array | null = null;
  let data: Chunk | null = null;
  let longDataBytes: number | null = null;
  for await (const chunk of walkChunks(file, isBigEndian)) {
    if (chunk.id === 'ds64') longDataBytes = Number((await readHeaderBytes(file, chunk.offset, 16)).getBigUint64(8, true));
    if (chunk.id === 'fmt ') format = await file.read(chunk.offset, Math.min(chunk.byteCount, 40));
    if (chunk.id === 'data' && data === null) data = chunk;
    if (format !== null && data !== null) break;
  }
  if (format === null || format.length < 16) throw badAudio(file.path, 'a WAV file without a format chunk', { expected: "a 'fmt ' chunk of 16 bytes or more" });
  if (data === null) throw badAudio(file.path, 'a WAV file without sound', { expected: "a 'data' chunk" });
  const isOpen = data.byteCount === UNKNOWN_SIZE;
  return {
    format: 'wav',
    ...readFormat(file.path, format, isBigEndian),
    offset: data.offset,
    byteCount: isOpen ? longDataBytes : data.byteCount,
  };
}

/** Chunks are padded to even sizes, but some writers forget it: where the padding byte should be, a chunk name may already begin. */
async function* walkChunks(file: ByteReader, isBigEndian: boolean): AsyncGenerator<Chunk> {
  let position = 12;
  while (position + 8 <= file.size) {
    const head = await file.read(position, 8);
    const chunk = { id: asciiOf(head, 0, 4), offset: position + 8, byteCount: viewOf(head).getUint32(4, !isBigEndian) };
    yield chunk;
    position = chunk.offset + chunk.byteCount;
    if (chunk.byteCount % 2 === 1 && !(await isKnownChunkAt(file, position))) position += 1;
  }
}

async function isKnownChunkAt(file: ByteReader, position: number): Promise<boolean> {
  const id = asciiOf(await file.read(position, 4), 0, 4);
  return ['fmt ', 'data', 'LIST', 'fact', 'cue ', 'smpl', 'bext', 'PEAK'].includes(id);
}

function readFormat(path: string, bytes: Uint8Array, isBigEndian: boolean): { layout: PcmLayout; sampleRateHz: number } {
  const view = viewOf(bytes);
  const isLittle = !isBigEndian;
  const tag = view.getUint16(0, isLittle);
  const channelCount = view.getUint16(2, isLittle);
  const sampleRateHz = view.getUint32(4, isLittle);
  const blockBytes = view.getUint16(12, isLittle);
  const bits = view.getUint16(14, isLittle);
  if (channelCount === 0) throw badAudio(path, 'a WAV header with no channels');
  if (tag === EXTENSIBLE && bytes.length < 26) throw badAudio(path, 'a WAV header of the extensible kind that is cut short');
  const coding = tag === EXTENSIBLE ? view.getUint16(24, isLittle) : tag;
  // The container's width counts: 20 valid bits lie left-justified in 24.
  const bytesPerSample = blockBytes > 0 && blockBytes % channelCount === 0 ? blockBytes / channelCount : Math.ceil(bits / 8);
  return { layout: { ...sampleKind(path, coding, bytesPerSample), bytesPerSample, channelCount, isBigEndian }, sampleRateHz };
}

function sampleKind(path: string, coding: number, bytesPerSample: number): Pick<PcmLayout, 'coding'> {
  if (coding === 1 && bytesPerSample >= 1 && bytesPerSample <= 4) return { coding: bytesPerSample === 1 ? 'unsigned' : 'integer' };
  if (coding === 3 && (bytesPerSample === 4 || bytesPerSample === 8)) return { coding: 'float' };
  if (coding === 6 && bytesPerSample === 1) return { coding: 'alaw' };
  if (coding === 7 && bytesPerSample === 1) return { coding: 'mulaw' };
  const isWidthWrong = [1, 3, 6, 7].includes(coding);
  const name = isWidthWrong ? `${coding === 3 ? 'float' : 'integer'} samples of ${bytesPerSample * 8} bits` : (CODINGS[coding] ?? 'an unknown coding');
  throw badAudio(path, `a WAV file with ${name} (format 0x${coding.toString(16).padStart(4, '0')}) inside`, {
    expected: '8 to 32-bit integer, 32 or 64-bit float, A-law or µ-law',
    fix: 'Convert it to 16 or 24-bit PCM.',
  });
}

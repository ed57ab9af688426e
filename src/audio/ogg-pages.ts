// The page structure of Ogg files: which coding is inside, how long it is, and whether the end is there. Decodes nothing.
import { asciiOf, badAudio, viewOf, type ByteReader } from './byte-reader.js';
import { parseFlacInfo, type FlacInfo } from './flac-header.js';

/** What the first and the last page of an Ogg file say. */
export interface OggLayout {
  readonly coding: 'vorbis' | 'opus' | 'flac';
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly frameCountEstimate: number | null;
  readonly flac: FlacInfo | null;
}

const HEADER_BYTES = 27;
const LARGEST_PAGE_BYTES = 65307;
const LAST_PAGE_FLAG = 4;
/** Opus decodes at this rate, whatever the rate of the sound before encoding. */
const OPUS_RATE_HZ = 48000;
const OTHER_CODINGS: readonly (readonly [string, string])[] = [
  ['Speex   ', 'Speex'],
  ['\x80theora', 'Theora video'],
  ['fishead', 'several streams (Ogg skeleton)'],
];

/** @throws MelstromError when the coding is not read here or the end of the stream is missing */
export async function readOggLayout(file: ByteReader): Promise<OggLayout> {
  const head = await file.read(0, LARGEST_PAGE_BYTES);
  if (head.length < HEADER_BYTES || head.length < HEADER_BYTES + head[26]) throw badAudio(file.path, 'a truncated Ogg file: its first page is cut off');
  const packet = head.subarray(HEADER_BYTES + head[26]);
  const start = readStart(file.path, packet);
  const last = await readLastPage(file);
  if (!last.isWhole || !last.isEnd) throw badAudio(file.path, `a truncated Ogg ${start.coding} file: the end of the stream is missing`);
  const isOneStream = last.serial === viewOf(head).getUint32(14, true);
  const counted = isOneStream && last.granule > 0 ? Math.max(0, last.granule - start.preSkip) : null;
  return { ...start, frameCountEstimate: start.flac?.frameCount ?? counted };
}

function readStart(path: string, packet: Uint8Array): Omit<OggLayout, 'frameCountEstimate'> & { preSkip: number } {
  const view = viewOf(packet);
  if (asciiOf(packet, 0, 7) === '\x01vorbis' && packet.length >= 16) {
    return { coding: 'vorbis', channelCount: packet[11], sampleRateHz: view.getUint32(12, true), preSkip: 0, flac: null };
  }
  if (asciiOf(packet, 0, 8) === 'OpusHead' && packet.length >= 12) {
    return { coding: 'opus', channelCount: packet[9], sampleRateHz: OPUS_RATE_HZ, preSkip: view.getUint16(10, true), flac: null };
  }
  const flac = asciiOf(packet, 0, 5) === '\x7fFLAC' ? parseFlacInfo(packet.subarray(9)) : null;
  if (flac !== null) return { coding: 'flac', channelCount: flac.channelCount, sampleRateHz: flac.sampleRateHz, preSkip: 0, flac };
  const other = OTHER_CODINGS.find(([mark]) => asciiOf(packet, 0, mark.length) === mark);
  throw badAudio(path, `an Ogg file with ${other?.[1] ?? 'an unknown coding'} inside`, { expected: 'Vorbis, Opus or FLAC' });
}

interface LastPage {
  readonly isWhole: boolean;
  readonly isEnd: boolean;
  readonly serial: number;
  readonly granule: number;
}

/** Finds the last page by its mark, searching backwards over as much as two pages can fill. */
async function readLastPage(file: ByteReader): Promise<LastPage> {
  const from = Math.max(0, file.size - 2 * LARGEST_PAGE_BYTES);
  const tail = await file.read(from, file.size - from);
  const view = viewOf(tail);
  for (let at = tail.length - 5; at >= 0; at -= 1) {
    if (tail[at] !== 0x4f || asciiOf(tail, at, 5) !== 'OggS\0') continue;
    if (at + HEADER_BYTES + (tail[at + 26] ?? 256) > tail.length) return { isWhole: false, isEnd: false, serial: 0, granule: 0 };
    const sizes = tail.subarray(at + HEADER_BYTES, at + HEADER_BYTES + tail[at + 26]);
    const bodyBytes = sizes.reduce((total, size) => total + size, 0);
    return {
      isWhole: at + HEADER_BYTES + sizes.length + bodyBytes <= tail.length,
      isEnd: (tail[at + 5] & LAST_PAGE_FLAG) !== 0,
      serial: view.getUint32(at + 14, true),
      granule: Number(view.getBigInt64(at + 6, true)),
    };
  }
  return { isWhole: false, isEnd: false, serial: 0, granule: 0 };
}

// The page structure of Ogg files: which coding is inside, how long it is, and whether every page is there and whole. Decodes nothing.
import { asciiOf, badAudio, createReadAhead, viewOf, type ByteReader } from './byte-reader.js';
import { parseFlacInfo, type FlacInfo } from './flac-header.js';

/** What the pages of an Ogg file say. */
export interface OggLayout {
  readonly coding: 'vorbis' | 'opus' | 'flac';
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly frameCountEstimate: number | null;
  readonly flac: FlacInfo | null;
}

const HEADER_BYTES = 27;
const LARGEST_PAGE_BYTES = 65307;
const READ_BYTES = 1 << 20;
const MARK = 'OggS\0';
/** Where in a page its checksum lies. */
const CHECKSUM = { from: 22, to: 26 };
const FIRST_PAGE_FLAG = 2;
const LAST_PAGE_FLAG = 4;
/** Opus decodes at this rate, whatever the rate of the sound before encoding. */
const OPUS_RATE_HZ = 48000;
const OTHER_CODINGS: readonly (readonly [string, string])[] = [
  ['Speex   ', 'Speex'],
  ['\x80theora', 'Theora video'],
  ['fishead', 'several streams (Ogg skeleton)'],
];

/**
 * Walks all pages of a file.
 *
 * @throws MelstromError when the coding is not read here, a page is damaged or missing, or the end of the stream is
 */
export async function readOggLayout(file: ByteReader): Promise<OggLayout> {
  const head = await file.read(0, LARGEST_PAGE_BYTES);
  if (head.length < HEADER_BYTES || head.length < HEADER_BYTES + head[26]) throw badAudio(file.path, 'a truncated Ogg file: its first page is cut off');
  const packet = head.subarray(HEADER_BYTES + head[26]);
  const start = readStart(file.path, packet);
  const last = await readPages(file);
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

/** The last page, once all before it were seen to be there. What is no page and comes behind all pages is passed over. */
async function readPages(file: ByteReader): Promise<LastPage> {
  let last: LastPage = { isWhole: false, isEnd: false, serial: 0, granule: 0 };
  const nextNumbers = new Map<number, number>();
  const bytesFrom = createReadAhead(file);
  let position = 0;
  while (position < file.size) {
    const page = parsePage(await bytesFrom(position, LARGEST_PAGE_BYTES));
    if (page === null) {
      if (!(await hasPageBehind(file, position))) return last;
      throw badAudio(file.path, `an Ogg file that is damaged at byte ${position} of ${file.size}`);
    }
    const isNext = page.isFirst || page.number === (nextNumbers.get(page.serial) ?? page.number);
    if (!isNext) throw badAudio(file.path, `a damaged Ogg file: pages are missing before byte ${position} of ${file.size}`);
    if (!page.isIntact) throw badAudio(file.path, `a damaged Ogg file: the checksum of the page at byte ${position} of ${file.size} does not fit`);
    nextNumbers.set(page.serial, page.number + 1);
    last = page;
    position += page.bytes;
  }
  return last;
}

interface Page extends LastPage {
  readonly bytes: number;
  readonly isFirst: boolean;
  readonly number: number;
  /** Whether its checksum fits; true of one that is cut off. */
  readonly isIntact: boolean;
}

/** The page that the bytes begin with; null when there is none. */
function parsePage(bytes: Uint8Array): Page | null {
  if (bytes.length < MARK.length || asciiOf(bytes, 0, MARK.length) !== MARK) return null;
  const view = viewOf(bytes);
  const headerBytes = HEADER_BYTES + (bytes[HEADER_BYTES - 1] ?? LARGEST_PAGE_BYTES);
  if (headerBytes > bytes.length) return { bytes: LARGEST_PAGE_BYTES, isFirst: true, isWhole: false, isEnd: false, serial: 0, granule: 0, number: 0, isIntact: true };
  const pageBytes = bytes.subarray(HEADER_BYTES, headerBytes).reduce((total, size) => total + size, headerBytes);
  const isWhole = pageBytes <= bytes.length;
  return {
    bytes: pageBytes,
    isWhole,
    isFirst: (bytes[5] & FIRST_PAGE_FLAG) !== 0,
    isEnd: (bytes[5] & LAST_PAGE_FLAG) !== 0,
    granule: Number(view.getBigInt64(6, true)),
    serial: view.getUint32(14, true),
    number: view.getUint32(18, true),
    isIntact: !isWhole || checksumOf(bytes.subarray(0, pageBytes)) === view.getUint32(CHECKSUM.from, true),
  };
}

async function hasPageBehind(file: ByteReader, position: number): Promise<boolean> {
  for (let from = position; from < file.size; from += READ_BYTES) {
    const bytes = await file.read(from, READ_BYTES + MARK.length);
    for (let at = bytes.indexOf(MARK.charCodeAt(0)); at >= 0; at = bytes.indexOf(MARK.charCodeAt(0), at + 1)) if (asciiOf(bytes, at, MARK.length) === MARK) return true;
  }
  return false;
}

/** Remainders of a byte in front, by the polynomial 0x04c11db7. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) remainder = (remainder << 1) ^ (remainder < 0 ? 0x04c11db7 : 0);
  return remainder >>> 0;
});

/** Of a page, its own checksum taken for zeros. Source: RFC 3533, section 6. */
function checksumOf(page: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < page.length; at += 1) {
    const byte = at >= CHECKSUM.from && at < CHECKSUM.to ? 0 : page[at];
    sum = (sum << 8) ^ REMAINDERS[(sum >>> 24) ^ byte];
  }
  return sum >>> 0;
}

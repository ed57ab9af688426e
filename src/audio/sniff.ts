// Tells a file's format from its first bytes; the name of the file plays no part.
import { asciiOf } from './byte-reader.js';
import { parseMp3Header } from './mp3-frames.js';

export type AudioFormat = 'wav' | 'aiff' | 'flac' | 'mp3' | 'ogg';

/** How many bytes `sniffFormat` looks at. */
export const SNIFF_LENGTH = 64;

/** What the first bytes say: a format that is read here, or the name of one that is not, or null when nothing is recognised. */
export type Sniffed = { readonly format: AudioFormat } | { readonly foreign: string } | null;

interface Signature {
  readonly at: number;
  readonly text: string;
  readonly foreign: string;
}

const FOREIGN: readonly Signature[] = [
  { at: 4, text: 'ftyp', foreign: 'MPEG-4 sound or video (AAC, ALAC)' },
  { at: 0, text: 'caff', foreign: 'Apple Core Audio (CAF)' },
  { at: 0, text: '\x1aE\xdf\xa3', foreign: 'Matroska or WebM' },
  { at: 0, text: '0&\xb2u', foreign: 'Windows Media (WMA)' },
  { at: 0, text: 'wvpk', foreign: 'WavPack' },
  { at: 0, text: 'MAC ', foreign: "Monkey's Audio" },
  { at: 0, text: 'MThd', foreign: 'a MIDI file, which holds notes and no sound' },
  { at: 0, text: '.snd', foreign: 'Sun audio (AU)' },
  { at: 0, text: '\x89PNG', foreign: 'a PNG picture' },
  { at: 0, text: '\xff\xd8\xff', foreign: 'a JPEG picture' },
  { at: 0, text: 'GIF8', foreign: 'a GIF picture' },
  { at: 0, text: '%PDF', foreign: 'a PDF document' },
  { at: 0, text: 'PK\x03\x04', foreign: 'a ZIP archive' },
  { at: 0, text: '\x1f\x8b', foreign: 'a gzip archive' },
  { at: 0, text: 'version https://git-lfs', foreign: 'a Git LFS pointer, not the file itself' },
];

/** Recognises a sound format by content. */
export function sniffFormat(head: Uint8Array): Sniffed {
  const magic = asciiOf(head, 0, 4);
  const form = asciiOf(head, 8, 4);
  if (['RIFF', 'RIFX', 'RF64', 'BW64'].includes(magic)) {
    return form === 'WAVE' ? { format: 'wav' } : { foreign: `a RIFF file of type '${form}'` };
  }
  if (magic === 'FORM' && (form === 'AIFF' || form === 'AIFC')) return { format: 'aiff' };
  if (magic === 'fLaC') return { format: 'flac' };
  if (magic === 'OggS') return { format: 'ogg' };
  if (magic.startsWith('ID3')) return { format: 'mp3' };
  const signature = FOREIGN.find(({ at, text }) => asciiOf(head, at, text.length) === text);
  if (signature !== undefined) return { foreign: signature.foreign };
  if (head[0] === 0xff && (head[1] & 0xf6) === 0xf0) return { foreign: 'AAC in an ADTS stream' };
  return parseMp3Header(head, 0) === null ? null : { format: 'mp3' };
}

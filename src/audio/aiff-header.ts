// The chunk structure of AIFF and AIFF-C files. Reads headers only.
import { asciiOf, badAudio, readHeaderBytes, viewOf, type ByteReader } from './byte-reader.js';
import type { PcmLayout } from './pcm.js';
import type { PcmSection } from './pcm-stream.js';

/** Codings of AIFF-C; NONE is that of plain AIFF. */
const CODINGS: Readonly<Record<string, Pick<PcmLayout, 'coding' | 'isBigEndian'>>> = {
  'NONE': { coding: 'integer', isBigEndian: true },
  'twos': { coding: 'integer', isBigEndian: true },
  'in24': { coding: 'integer', isBigEndian: true },
  'in32': { coding: 'integer', isBigEndian: true },
  'sowt': { coding: 'integer', isBigEndian: false },
  'raw ': { coding: 'unsigned', isBigEndian: true },
  'fl32': { coding: 'float', isBigEndian: true },
  'FL32': { coding: 'float', isBigEndian: true },
  'fl64': { coding: 'float', isBigEndian: true },
  'FL64': { coding: 'float', isBigEndian: true },
  'alaw': { coding: 'alaw', isBigEndian: true },
  'ALAW': { coding: 'alaw', isBigEndian: true },
  'ulaw': { coding: 'mulaw', isBigEndian: true },
  'ULAW': { coding: 'mulaw', isBigEndian: true },
};

/** @throws MelstromError when a chunk is missing or the coding is not read here */
export async function readAiffHeader(file: ByteReader): Promise<PcmSection> {
  const isCompressedKind = asciiOf(await file.read(0, 12), 8, 4) === 'AIFC';
  let common: Uint8Array | null = null;
  let sound: { offset: number; byteCount: number } | null = null;
  for (let position = 12; position + 8 <= file.size && (common === null || sound === null); ) {
    const head = await file.read(position, 8);
    const byteCount = viewOf(head).getUint32(4);
    const id = asciiOf(head, 0, 4);
    if (id === 'COMM') common = await file.read(position + 8, Math.min(byteCount, 22));
    if (id === 'SSND') {
      const lead = 8 + (await readHeaderBytes(file, position + 8, 8)).getUint32(0);
      sound = { offset: position + 8 + lead, byteCount: byteCount - lead };
    }
    position += 8 + byteCount + (byteCount % 2);
  }
  if (common === null || common.length < 18) throw badAudio(file.path, 'an AIFF file without a common chunk', { expected: "a 'COMM' chunk" });
  const view = viewOf(common);
  const frameCount = view.getUint32(2);
  if (sound === null) {
    throw badAudio(file.path, frameCount === 0 ? 'an AIFF file without a single sample' : 'an AIFF file without sound', { expected: "an 'SSND' chunk" });
  }
  const code = isCompressedKind && common.length >= 22 ? asciiOf(common, 18, 4) : 'NONE';
  const kind = CODINGS[code];
  if (kind === undefined) {
    throw badAudio(file.path, `an AIFF-C file with '${code}' coding inside`, { expected: 'PCM, float, A-law or µ-law', fix: 'Convert it to WAV.' });
  }
  const isTelephone = kind.coding === 'alaw' || kind.coding === 'mulaw';
  const bytesPerSample = isTelephone ? 1 : Math.ceil(view.getUint16(6) / 8);
  const isWidthRight = kind.coding === 'float' ? bytesPerSample === 4 || bytesPerSample === 8 : bytesPerSample >= 1 && bytesPerSample <= 4;
  if (!isWidthRight) throw badAudio(file.path, `an AIFF file with samples of ${view.getUint16(6)} bits`, { expected: '8 to 32, or 64 in floating point' });
  const layout = { ...kind, bytesPerSample, channelCount: view.getUint16(0) };
  if (layout.channelCount === 0) throw badAudio(file.path, 'an AIFF header with no channels');
  const byteCount = frameCount * bytesPerSample * layout.channelCount;
  return { format: 'aiff', layout, sampleRateHz: readExtended(view, 8), offset: sound.offset, byteCount };
}

/** An 80-bit extended float, in which AIFF writes its rate. */
function readExtended(view: DataView, at: number): number {
  const exponent = (view.getUint16(at) & 0x7fff) - 16383 - 63;
  return Number(view.getBigUint64(at + 2)) * 2 ** exponent;
}

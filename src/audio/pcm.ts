// Uncompressed samples as they lie in WAV and AIFF files, made into floating point. Knows no file structure.
import wavDecoder from 'wav-decoder';
import { expandALaw, expandMuLaw } from './g711.js';

/** How samples are written. */
export interface PcmLayout {
  readonly coding: 'integer' | 'unsigned' | 'float' | 'alaw' | 'mulaw';
  readonly bytesPerSample: number;
  readonly channelCount: number;
  readonly isBigEndian: boolean;
}

const HEADER_BYTES = 44;

/** Bytes of one sample of all channels. */
export function frameBytesOf(layout: PcmLayout): number {
  return layout.bytesPerSample * layout.channelCount;
}

/**
 * Converts whole sample frames to one array per channel. Full scale negative is exactly -1 in every integer width.
 *
 * Each sample is first widened, exactly, to 16 or 32-bit little-endian (or kept as float), because wav-decoder reads the lowest
 * 24-bit value as +1 and gives 8-bit silence an offset.
 */
export function decodePcm(bytes: Uint8Array, layout: PcmLayout): Float32Array[] {
  const sampleCount = bytes.length / layout.bytesPerSample;
  const width = layout.coding === 'float' ? layout.bytesPerSample : layout.bytesPerSample <= 2 ? 2 : 4;
  const wav = new Uint8Array(HEADER_BYTES + sampleCount * width);
  writeHeader(wav, { isFloat: layout.coding === 'float', width, channelCount: layout.channelCount });
  widen(bytes, layout, wav.subarray(HEADER_BYTES));
  return wavDecoder.decode.sync(wav.buffer, { symmetric: true }).channelData;
}

function writeHeader(wav: Uint8Array, { isFloat, width, channelCount }: { isFloat: boolean; width: number; channelCount: number }): void {
  const view = new DataView(wav.buffer);
  wav.set(new TextEncoder().encode('RIFF'), 0);
  view.setUint32(4, wav.length - 8, true);
  wav.set(new TextEncoder().encode('WAVEfmt '), 8);
  view.setUint32(16, 16, true);
  view.setUint16(20, isFloat ? 3 : 1, true);
  view.setUint16(22, channelCount, true);
  view.setUint32(24, 48000, true);
  view.setUint32(28, 48000 * channelCount * width, true);
  view.setUint16(32, channelCount * width, true);
  view.setUint16(34, width * 8, true);
  wav.set(new TextEncoder().encode('data'), 36);
  view.setUint32(40, wav.length - HEADER_BYTES, true);
}

/** Mutates: out. */
function widen(bytes: Uint8Array, layout: PcmLayout, out: Uint8Array): void {
  const size = layout.bytesPerSample;
  const count = bytes.length / size;
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  if (layout.coding === 'alaw' || layout.coding === 'mulaw') {
    const expand = layout.coding === 'alaw' ? expandALaw : expandMuLaw;
    for (let index = 0; index < count; index += 1) view.setInt16(2 * index, expand(bytes[index]), true);
  } else if (size === 1) {
    const flip = layout.coding === 'unsigned' ? 0x80 : 0;
    for (let index = 0; index < count; index += 1) out[2 * index + 1] = bytes[index] ^ flip;
  } else if (out.length === bytes.length && !layout.isBigEndian) {
    out.set(bytes);
  } else {
    const width = out.length / count;
    for (let index = 0; index < count; index += 1) {
      for (let byte = 0; byte < size; byte += 1) {
        // Byte 0 is the least significant; a 24-bit sample fills the upper three of four.
        const from = layout.isBigEndian ? size - 1 - byte : byte;
        out[index * width + (width - size) + byte] = bytes[index * size + from];
      }
    }
  }
}

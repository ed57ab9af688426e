// TensorBoard's event files, byte for byte: protocol buffers of Event and Summary in records with masked CRC-32C. No files here.

/** One entry of a summary. */
export type SummaryEntry =
  | { readonly kind: 'scalar'; readonly tag: string; readonly value: number }
  | { readonly kind: 'image'; readonly tag: string; readonly png: Uint8Array; readonly width: number; readonly height: number }
  | { readonly kind: 'audio'; readonly tag: string; readonly wav: Uint8Array; readonly sampleRateHz: number; readonly channelCount: number; readonly frameCount: number };

/** The first record of every event file. Unit: seconds since 1970. */
export function encodeVersionRecord(wallTimeSeconds: number): Uint8Array {
  return frameRecord(concatenate([doubleField(1, wallTimeSeconds), textField(3, 'brain.Event:2')]));
}

/** A record that tells readers to forget what an earlier, interrupted part of this run wrote from `step` on. */
export function encodeRestartRecord(wallTimeSeconds: number, step: number): Uint8Array {
  const sessionStart = bytesField(7, varintField(1, 1));
  return frameRecord(concatenate([doubleField(1, wallTimeSeconds), varintField(2, step), sessionStart]));
}

/** A record with the entries of one step. */
export function encodeSummaryRecord(wallTimeSeconds: number, step: number, entries: readonly SummaryEntry[]): Uint8Array {
  const summary = concatenate(entries.map((entry) => bytesField(1, encodeEntry(entry))));
  return frameRecord(concatenate([doubleField(1, wallTimeSeconds), varintField(2, step), bytesField(5, summary)]));
}

function encodeEntry(entry: SummaryEntry): Uint8Array {
  const tag = textField(1, entry.tag);
  switch (entry.kind) {
    case 'scalar':
      return concatenate([tag, floatField(2, entry.value)]);
    case 'image': {
      const rgb = 3;
      const image = [varintField(1, entry.height), varintField(2, entry.width), varintField(3, rgb), bytesField(4, entry.png)];
      return concatenate([tag, bytesField(4, concatenate(image))]);
    }
    case 'audio': {
      const head = [floatField(1, entry.sampleRateHz), varintField(2, entry.channelCount), varintField(3, entry.frameCount)];
      const audio = [...head, bytesField(4, entry.wav), textField(5, 'audio/wav')];
      return concatenate([tag, bytesField(6, concatenate(audio))]);
    }
  }
}

/** length (64 bits), masked CRC of the length, data, masked CRC of the data; all little-endian. */
function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.byteLength + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.byteLength), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.byteLength, maskedCrc32c(data), true);
  return record;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  const castagnoli = 0x82f63b78;
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ castagnoli : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Rotated right by 15 bits plus a constant, as record files want it, so that a CRC of a CRC is not degenerate. */
function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const WIRE_VARINT = 0;
const WIRE_64_BIT = 1;
const WIRE_BYTES = 2;
const WIRE_32_BIT = 5;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}

function varintField(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(field * 8 + WIRE_VARINT), ...varint(value)]);
}

function bytesField(field: number, content: Uint8Array): Uint8Array {
  return concatenate([Uint8Array.from([...varint(field * 8 + WIRE_BYTES), ...varint(content.byteLength)]), content]);
}

function textField(field: number, text: string): Uint8Array {
  return bytesField(field, new TextEncoder().encode(text));
}

function doubleField(field: number, value: number): Uint8Array {
  const content = new DataView(new ArrayBuffer(8));
  content.setFloat64(0, value, true);
  return concatenate([Uint8Array.from(varint(field * 8 + WIRE_64_BIT)), new Uint8Array(content.buffer)]);
}

function floatField(field: number, value: number): Uint8Array {
  const content = new DataView(new ArrayBuffer(4));
  content.setFloat32(0, value, true);
  return concatenate([Uint8Array.from(varint(field * 8 + WIRE_32_BIT)), new Uint8Array(content.buffer)]);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}

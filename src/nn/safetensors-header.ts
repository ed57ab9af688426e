// The header of a safetensors file: which tensors it holds and where. Every statement is checked before anything is read by it.
import { MelstromError } from '../base/errors.js';

/** Formats that are read and written as values. */
export type FloatDtype = 'F32' | 'F16' | 'BF16';
/** Formats that a header may name; a file may hold a tensor, such as a table of positions, that no network here asks for. */
export type SafetensorsDtype = FloatDtype | 'F64' | 'F8_E4M3' | 'F8_E5M2' | 'I64' | 'I32' | 'I16' | 'I8' | 'U64' | 'U32' | 'U16' | 'U8' | 'BOOL';

/** Where one tensor lies, in bytes from the start of the data. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their data. */
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the data begins in the file. */
  readonly dataOffset: number;
}

/** Bytes per value. */
export const DTYPE_BYTES: Readonly<Record<SafetensorsDtype, number>> = Object.freeze({
  F32: 4, F16: 2, BF16: 2, F64: 8, F8_E4M3: 1, F8_E5M2: 1, I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1,
});

/** The length at the start of the file, in bytes. */
export const LENGTH_BYTES = 8;

/** The reference's own limit. */
const MOST_HEADER_BYTES = 100_000_000;

/**
 * Where the data begins, from the first 8 bytes alone, so that a header is only read once its length is known to be possible.
 *
 * @param bytes the first bytes of the file
 * @param fileBytes size of the whole file
 * @throws MelstromError of kind 'checkpoint' when there can be no header of the stated length
 */
export function safetensorsDataOffset(bytes: Uint8Array, where: string, fileBytes: number): number {
  if (bytes.byteLength < LENGTH_BYTES) throw refuse(where, `${bytes.byteLength} bytes`, `at least ${LENGTH_BYTES}, the header's length`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > MOST_HEADER_BYTES) throw refuse(where, `a header of ${length} bytes`, `at most ${MOST_HEADER_BYTES}`, NOT_SAFETENSORS);
  if (LENGTH_BYTES + length > fileBytes) throw refuse(where, `a header of ${length} bytes in a file of ${fileBytes}`, 'a whole file', TRUNCATED);
  return LENGTH_BYTES + length;
}

/**
 * Reads and checks a header.
 *
 * @param bytes the start of the file, at least through the header
 * @param fileBytes size of the whole file
 * @throws MelstromError of kind 'checkpoint' when the file is truncated, has extra bytes, or its header is not consistent
 */
export function parseSafetensorsHeader(bytes: Uint8Array, where: string, fileBytes = bytes.byteLength): SafetensorsHeader {
  const dataOffset = safetensorsDataOffset(bytes, where, fileBytes);
  if (dataOffset > bytes.byteLength) throw refuse(where, `${bytes.byteLength} bytes`, `the ${dataOffset} through the header`, TRUNCATED);
  const raw = parseJson(bytes.subarray(LENGTH_BYTES, dataOffset), where);
  const entries = Object.entries(raw).flatMap(([name, value]) => (name === '__metadata__' ? [] : [readEntry(name, value, where)]));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCover(entries, fileBytes - dataOffset, where);
  return { entries, metadata: readMetadata(raw.__metadata__, where), dataOffset };
}

const TRUNCATED = 'The file seems cut short: copy or download it again.';
const NOT_SAFETENSORS = 'It does not seem to be a safetensors file.';

/** @throws MelstromError of kind 'checkpoint' when the format is not one that is read as values */
export function requireFloat({ name, dtype }: Pick<SafetensorsEntry, 'name' | 'dtype'>, where: string): FloatDtype {
  if (dtype === 'F32' || dtype === 'F16' || dtype === 'BF16') return dtype;
  throw refuse(`${where}: ${name}`, `dtype ${JSON.stringify(dtype)}`, 'F32, F16 or BF16');
}

function parseJson(bytes: Uint8Array, where: string): Record<string, unknown> {
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new MelstromError({ kind: 'checkpoint', where, got: 'a header that is not JSON', expected: 'a safetensors file', cause: error });
  }
  if (!isObject(raw)) throw refuse(where, 'a header that is not an object', 'a safetensors file');
  return raw;
}

function readEntry(name: string, value: unknown, where: string): SafetensorsEntry {
  const place = `${where}: ${name}`;
  if (!isObject(value)) throw refuse(place, 'no description', 'dtype, shape and data_offsets');
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BYTES, dtype)) throw refuse(place, `dtype ${JSON.stringify(dtype)}`, `one of ${Object.keys(DTYPE_BYTES).join(', ')}`);
  if (!isCountList(shape)) throw refuse(place, `shape ${JSON.stringify(shape)}`, 'a list of sizes');
  if (!isCountList(offsets) || offsets.length !== 2) throw refuse(place, `data_offsets ${JSON.stringify(offsets)}`, 'two byte positions');
  const [begin, end] = offsets;
  const size = shape.reduce((product, axis) => product * axis, DTYPE_BYTES[dtype as SafetensorsDtype]);
  if (!Number.isSafeInteger(size) || end - begin !== size) {
    throw refuse(place, `bytes ${begin} to ${end} for ${dtype} [${shape.join(', ')}]`, `${size} bytes`);
  }
  return { name, dtype: dtype as SafetensorsDtype, shape, begin, end };
}

/** The tensors must fill the data without gap or overlap, in some order. */
function checkCover(entries: readonly SafetensorsEntry[], dataBytes: number, where: string): void {
  let filled = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== filled) throw refuse(`${where}: ${name}`, `data from byte ${begin}`, `${filled}, where the tensor before it ends`);
    filled = end;
  }
  if (filled > dataBytes) throw refuse(where, `${dataBytes} bytes of data`, `${filled}, as the header says`, TRUNCATED);
  if (filled < dataBytes) throw refuse(where, `${dataBytes} bytes of data`, `${filled}, as the header says`);
}

function readMetadata(value: unknown, where: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value) || Object.values(value).some((item) => typeof item !== 'string')) throw refuse(`${where}: __metadata__`, 'something else', 'text by name');
  return value as Record<string, string>;
}

function isCountList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(where: string, got: string, expected: string, fix?: string): MelstromError {
  return new MelstromError({ kind: 'checkpoint', where, got, expected, fix });
}

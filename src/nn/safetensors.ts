// Tensors to and from safetensors bytes. Knows no file and no network.
import { narrow, widen } from './half.js';
import type { HostTensor } from './reference-layout.js';
import { DTYPE_BYTES, LENGTH_BYTES, parseSafetensorsHeader, requireFloat, type FloatDtype, type SafetensorsEntry } from './safetensors-header.js';

/**
 * Encodes tensors in the order of the map. The reference's Python library reads the result.
 *
 * @param metadata text kept in the file; the reference's models carry `{ format: 'pt' }`, which is the default
 * @param dtype how values are stored; F16 and BF16 round. Default F32, which is exact
 */
export function encodeSafetensors(tensors: ReadonlyMap<string, HostTensor>, metadata: Readonly<Record<string, string>> = { format: 'pt' }, dtype: FloatDtype = 'F32'): Uint8Array {
  const named = Array.from(tensors, ([name, { shape }]) => ({ name, shape }));
  const head = safetensorsHead(named, metadata, dtype);
  const bytes = new Uint8Array(head.length + named.reduce((sum, { shape }) => sum + countOf(shape) * DTYPE_BYTES[dtype], 0));
  bytes.set(head);
  let position = head.length;
  for (const { data } of tensors.values()) {
    const values = encodeValues(data, dtype);
    bytes.set(values, position);
    position += values.length;
  }
  return bytes;
}

/** The part of a file before its values: the header's length and the header, for tensors whose values follow in this order. */
export function safetensorsHead(tensors: readonly { readonly name: string; readonly shape: readonly number[] }[], metadata: Readonly<Record<string, string>>, dtype: FloatDtype): Uint8Array {
  const header = Object.create(null) as Record<string, unknown>; // so that every name is a key like any other
  header.__metadata__ = metadata;
  let dataBytes = 0;
  for (const { name, shape } of tensors) {
    const end = dataBytes + countOf(shape) * DTYPE_BYTES[dtype];
    header[name] = { dtype, shape: [...shape], data_offsets: [dataBytes, end] };
    dataBytes = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / 8) * 8; // spaces to a multiple of 8, so that values are aligned
  const bytes = new Uint8Array(LENGTH_BYTES + headerBytes).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(text, LENGTH_BYTES);
  return bytes;
}

/** Values as the file holds them; a view of the same memory for F32. */
export function encodeValues(data: Float32Array, dtype: FloatDtype): Uint8Array {
  // Typed arrays lie in the machine's byte order; safetensors is little-endian, as is every platform of Node.
  if (dtype === 'F32') return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const values = new Uint16Array(data.length);
  narrow(data, dtype, values);
  return new Uint8Array(values.buffer);
}

/**
 * Decodes every tensor to float32, by name.
 *
 * @param where names the bytes in errors, usually the file
 * @throws MelstromError of kind 'checkpoint', before memory is taken, when the header does not agree with itself or with the size
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): Map<string, HostTensor> {
  const { entries, dataOffset } = parseSafetensorsHeader(bytes, where);
  for (const entry of entries) requireFloat(entry, where);
  return new Map(entries.map((entry) => [entry.name, { shape: entry.shape, data: readValues(bytes, dataOffset, entry, where) }]));
}

function readValues(bytes: Uint8Array, dataOffset: number, entry: SafetensorsEntry, where: string): Float32Array {
  const { begin, end } = entry;
  const own = new Uint8Array(end - begin); // a copy, aligned and independent of the file's bytes
  own.set(bytes.subarray(dataOffset + begin, dataOffset + end));
  const dtype = requireFloat(entry, where);
  if (dtype === 'F32') return new Float32Array(own.buffer);
  const values = new Float32Array(own.length / 2);
  widen(new Uint16Array(own.buffer), dtype, values);
  return values;
}

function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

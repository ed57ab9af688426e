// Tensors to and from safetensors bytes. Knows no file and no network.
import { bfloat16ToFloat, floatToBfloat16, floatToHalf, halfToFloat } from './half.js';
import type { HostTensor } from './reference-layout.js';
import { DTYPE_BYTES, LENGTH_BYTES, parseSafetensorsHeader, type SafetensorsDtype, type SafetensorsEntry } from './safetensors-header.js';

/**
 * Encodes tensors in the order of the map. The reference's Python library reads the result.
 *
 * @param metadata text kept in the file; the reference's models carry `{ format: 'pt' }`, which is the default
 * @param dtype how values are stored; F16 and BF16 round. Default F32, which is exact
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
  dtype: SafetensorsDtype = 'F32',
): Uint8Array {
  const header = Object.create(null) as Record<string, unknown>; // so that every name is a key like any other
  header.__metadata__ = metadata;
  let dataBytes = 0;
  for (const [name, { shape, data }] of tensors) {
    const end = dataBytes + data.length * DTYPE_BYTES[dtype];
    header[name] = { dtype, shape: [...shape], data_offsets: [dataBytes, end] };
    dataBytes = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / 8) * 8; // spaces to a multiple of 8, so that values are aligned
  const bytes = new Uint8Array(LENGTH_BYTES + headerBytes + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  bytes.set(text, LENGTH_BYTES);
  let position = LENGTH_BYTES + headerBytes;
  for (const { data } of tensors.values()) {
    writeValues(bytes, position, data, dtype);
    position += data.length * DTYPE_BYTES[dtype];
  }
  return bytes;
}

/**
 * Decodes every tensor to float32, by name.
 *
 * @param where names the bytes in errors, usually the file
 * @throws MelstromError of kind 'checkpoint', before memory is taken, when the header does not agree with itself or with the size
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): Map<string, HostTensor> {
  const { entries, dataOffset } = parseSafetensorsHeader(bytes, where);
  return new Map(entries.map((entry) => [entry.name, { shape: entry.shape, data: readValues(bytes, dataOffset, entry) }]));
}

// Typed arrays lie in the machine's byte order; safetensors is little-endian, as is every platform of Node.
function writeValues(bytes: Uint8Array, position: number, data: Float32Array, dtype: SafetensorsDtype): void {
  if (dtype === 'F32') {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    return;
  }
  const convert = dtype === 'F16' ? floatToHalf : floatToBfloat16;
  const values = Uint16Array.from(data, convert);
  bytes.set(new Uint8Array(values.buffer), position);
}

function readValues(bytes: Uint8Array, dataOffset: number, { dtype, begin, end }: SafetensorsEntry): Float32Array {
  const own = new Uint8Array(end - begin); // a copy, aligned and independent of the file's bytes
  own.set(bytes.subarray(dataOffset + begin, dataOffset + end));
  if (dtype === 'F32') return new Float32Array(own.buffer);
  return Float32Array.from(new Uint16Array(own.buffer), dtype === 'F16' ? halfToFloat : bfloat16ToFloat);
}

// 16-bit floating-point numbers: IEEE half precision and bfloat16, to and from float32, rounding to nearest even.

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** Half precision: 1 sign, 5 exponent and 10 fraction bits. */
export function halfToFloat(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Values beyond 65504 become infinite, values below 6e-8 become zero. */
export function floatToHalf(value: number): number {
  scratch[0] = value;
  const bits = scratchBits[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(scratch[0]);
  if (Number.isNaN(magnitude)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  // Drop 13 fraction bits; a carry out of the fraction raises the exponent by itself.
  const rebased = (bits & 0x7fffffff) - (112 << 23);
  return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
}

/** The upper half of a float32. */
export function bfloat16ToFloat(bits: number): number {
  scratchBits[0] = bits << 16;
  return scratch[0];
}

export function floatToBfloat16(value: number): number {
  scratch[0] = value;
  const bits = scratchBits[0];
  if (Number.isNaN(value)) return ((bits >>> 16) | 0x40) & 0xffff;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Float32 values of 16-bit numbers, some 1 ns each: half precision by a table of all 65,536, bfloat16 by a shift.
 *
 * Mutates: into, of the same length.
 */
export function widen(bits: Uint16Array, format: 'F16' | 'BF16', into: Float32Array): void {
  const words = new Uint32Array(into.buffer, into.byteOffset, into.length);
  if (format === 'BF16') {
    for (let index = 0; index < bits.length; index += 1) words[index] = bits[index] << 16;
    return;
  }
  const table = halfTable();
  for (let index = 0; index < bits.length; index += 1) words[index] = table[bits[index]];
}

/** 16-bit numbers nearest to float32 values. Mutates: into, of the same length. */
export function narrow(values: Float32Array, format: 'F16' | 'BF16', into: Uint16Array): void {
  const convert = format === 'F16' ? floatToHalf : floatToBfloat16;
  for (let index = 0; index < values.length; index += 1) into[index] = convert(values[index]);
}

let table: Uint32Array | null = null;

/** The float32 bits of every half, made at first use. */
function halfTable(): Uint32Array {
  table ??= new Uint32Array(Float32Array.from({ length: 65_536 }, (_, bits) => halfToFloat(bits)).buffer);
  return table;
}

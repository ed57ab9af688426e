import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat, floatToBfloat16, floatToHalf, halfToFloat } from '../../src/nn/half.js';
import { decodeSafetensors, encodeSafetensors, parseSafetensorsHeader, type HostTensor } from '../../src/nn/index.js';
import { expectClose } from '../support/close.js';

const some = new Map<string, HostTensor>([
  ['encoder.weight', { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 1e-40, NaN, Infinity) }],
  ['été.🥁', { shape: [], data: Float32Array.of(-0) }],
  ['empty', { shape: [0, 4], data: new Float32Array(0) }],
]);

/** A file with the given header text and data. */
function fileOf(header: unknown, dataBytes: number, statedLength?: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(statedLength ?? text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const entry = (dtype: string, shape: unknown, begin: number, end: number) => ({ dtype, shape, data_offsets: [begin, end] });

describe('safetensors', () => {
  it('come back bit for bit', () => {
    const back = decodeSafetensors(encodeSafetensors(some), 'memory');
    expect([...back.keys()].toSorted()).toEqual([...some.keys()].toSorted());
    for (const [name, { shape, data }] of some) {
      expect(back.get(name)!.shape).toEqual(shape);
      expect(new Uint32Array(back.get(name)!.data.buffer)).toEqual(new Uint32Array(data.buffer));
    }
  });

  it('come back for any shapes and values, from an unaligned part of a buffer', () => {
    const tensor = fc.array(fc.nat(3), { maxLength: 3 }).chain((shape) => {
      const count = shape.reduce((product, size) => product * size, 1);
      return fc.float32Array({ minLength: count, maxLength: count }).map((data) => ({ shape, data }));
    });
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), tensor, { maxKeys: 5 }), fc.nat(7), (dictionary, shift) => {
        const tensors = new Map<string, HostTensor>([...Object.entries(dictionary), ['__proto__', { shape: [1], data: Float32Array.of(3) }]]);
        const bytes = encodeSafetensors(tensors);
        const buffer = Buffer.alloc(bytes.length + shift);
        buffer.set(bytes, shift);
        expect(decodeSafetensors(buffer.subarray(shift), 'memory')).toEqual(tensors);
      }),
    );
  });

  it('align their data and carry metadata', () => {
    const header = parseSafetensorsHeader(encodeSafetensors(some, { format: 'pt', made: 'now' }), 'memory');
    expect(header.dataOffset % 8).toBe(0);
    expect(header.metadata).toEqual({ format: 'pt', made: 'now' });
  });

  it('of the Python library are read in all three formats', () => {
    const tensors = decodeSafetensors(readFileSync(new URL('fixtures/python.safetensors', import.meta.url)), 'python.safetensors');
    const values = [0, -0, 1, -2.5, 1 / 3, 65504, 1e-7, 3.14159265, 1e30, -1e-30, 0.1, 1.0009765625];
    expect(tensors.get('float32')).toEqual({ shape: [3, 4], data: Float32Array.from(values) });
    expect(tensors.get('half')!.data).toEqual(Float32Array.from(values, (value) => halfToFloat(floatToHalf(value))));
    expect(tensors.get('bfloat16')!.data).toEqual(Float32Array.from(values, (value) => bfloat16ToFloat(floatToBfloat16(value))));
    expectClose(tensors.get('half')!.data.slice(0, 6), values.slice(0, 6), { relative: 2 ** -11 });
    expectClose(tensors.get('bfloat16')!.data, values, { relative: 2 ** -8 });
    expect(tensors.get('scalar')).toEqual({ shape: [], data: Float32Array.of(7) });
    expect(tensors.get('empty')!.shape).toEqual([0, 3]);
  });

  it('are written in half the size on request', () => {
    const tensor = new Map([['a', { shape: [3], data: Float32Array.of(1, 1 / 3, -7) }]]);
    for (const dtype of ['F16', 'BF16'] as const) {
      const bytes = encodeSafetensors(tensor, {}, dtype);
      expect(parseSafetensorsHeader(bytes, 'memory').entries[0]).toMatchObject({ dtype, begin: 0, end: 6 });
      expectClose(decodeSafetensors(bytes, 'memory').get('a')!.data, tensor.get('a')!.data, { relative: 2 ** -8 });
    }
  });

  const good = { a: entry('F32', [2], 0, 8) };
  it.each([
    ['an empty file', new Uint8Array(0), /0 bytes/],
    ['a header longer than the file', fileOf(good, 8, 1000), /cut short/],
    ['a header of absurd length', fileOf(good, 8, 2 ** 52), /does not seem to be a safetensors file/],
    ['a header that is not JSON', fileOf('{nonsense', 8), /not JSON/],
    ['a header that is a list', fileOf([], 0), /not an object/],
    ['missing data', fileOf(good, 7), /7 bytes of data.*cut short/],
    ['data that no tensor claims', fileOf(good, 9), /9 bytes of data/],
    ['overlapping tensors', fileOf({ ...good, b: entry('F32', [2], 4, 12) }, 12), /b: got data from byte 4/],
    ['a gap between tensors', fileOf({ ...good, b: entry('F32', [1], 12, 16) }, 16), /b: got data from byte 12/],
    ['a size that does not follow from the shape', fileOf({ a: entry('F32', [3], 0, 8) }, 8), /expected 12 bytes/],
    ['a shape whose product overflows', fileOf({ a: entry('F32', [2 ** 40, 2 ** 40], 0, 8) }, 8), /a: got bytes 0 to 8/],
    ['a negative size', fileOf({ a: entry('F32', [-2, -1], 0, 8) }, 8), /list of sizes/],
    ['a fractional offset', fileOf({ a: entry('F32', [2], 0.5, 8.5) }, 8), /two byte positions/],
    ['offsets in reverse', fileOf({ a: entry('F32', [2], 8, 0) }, 8), /a: got bytes 8 to 0/],
    ['a format that is not known', fileOf({ a: entry('I64', [1], 0, 8) }, 8), /"I64", expected F32, F16 or BF16/],
    ['an inherited name as format', fileOf({ a: entry('toString', [1], 0, 8) }, 8), /toString/],
    ['no description', fileOf({ a: null }, 0), /no description/],
    ['metadata that is not text', fileOf({ __metadata__: { a: 1 }, ...good }, 8), /__metadata__/],
  ])('refuse %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'file')).toThrow(message);
  });

  it('refuse every truncation of a good file', () => {
    const bytes = encodeSafetensors(some);
    for (let length = 0; length < bytes.length; length += 1) expect(() => decodeSafetensors(bytes.subarray(0, length), 'file')).toThrow(/^file/);
  });
});

describe('16-bit numbers', () => {
  it('survive the trip through float32, every one of them', () => {
    const lost: number[] = [];
    for (let bits = 0; bits < 65536; bits += 1) {
      const [half, bfloat] = [halfToFloat(bits), bfloat16ToFloat(bits)];
      if (!Number.isNaN(half) && floatToHalf(half) !== bits) lost.push(bits);
      if (!Number.isNaN(bfloat) && floatToBfloat16(bfloat) !== bits) lost.push(bits);
    }
    expect(lost).toEqual([]);
  });

  it('round to the nearest, ties to even, and keep what is not finite', () => {
    expect([65519, 65520, -1e9, 2 ** -25, 2 ** -24 * 1.5, 1 + 2 ** -11, 1 + 3 * 2 ** -11].map((value) => halfToFloat(floatToHalf(value)))).toEqual([
      65504, Infinity, -Infinity, 0, 2 ** -23, 1, 1 + 2 ** -9,
    ]);
    expect([1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, -Infinity].map((value) => bfloat16ToFloat(floatToBfloat16(value)))).toEqual([1, 1 + 2 ** -6, Infinity, -Infinity]);
    expect(halfToFloat(floatToHalf(NaN))).toBeNaN();
    expect(bfloat16ToFloat(floatToBfloat16(NaN))).toBeNaN();
  });
});

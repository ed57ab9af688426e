import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.node.js';
import { MelstromError } from '../../src/base/errors.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'melstrom-wav-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface WavParts {
  readonly coding?: number;
  readonly bits: number;
  readonly channels?: number;
  readonly isExtensible?: boolean;
  readonly data: Buffer;
  readonly dataSize?: number;
  readonly chunks?: readonly { id: string; bytes: Buffer; isPadded?: boolean }[];
}

function chunk(id: string, bytes: Buffer, size = bytes.length, isPadded = true): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 'latin1');
  head.writeUInt32LE(size, 4);
  return Buffer.concat([head, bytes, Buffer.alloc(isPadded && bytes.length % 2 === 1 ? 1 : 0)]);
}

/** Small whole numbers, positive and negative, different in each channel. */
function valueAt(frame: number, channel: number): number {
  return ((frame * 7 + channel * 13) % 200) - 100;
}

/** A WAV writer that is as odd as asked. */
function buildWav({ coding = 1, bits, channels = 1, isExtensible = false, data, dataSize = data.length, chunks = [] }: WavParts): Buffer {
  const format = Buffer.alloc(isExtensible ? 40 : 16);
  format.writeUInt16LE(isExtensible ? 0xfffe : coding, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(22050, 4);
  format.writeUInt16LE((channels * bits) / 8, 12);
  format.writeUInt16LE(bits, 14);
  if (isExtensible) {
    format.writeUInt16LE(22, 16);
    format.writeUInt16LE(coding, 24);
  }
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    ...chunks.map(({ id, bytes, isPadded }) => chunk(id, bytes, bytes.length, isPadded)),
    chunk('fmt ', format),
    chunk('data', data, dataSize),
  ]);
  const riff = Buffer.alloc(8);
  riff.write('RIFF');
  riff.writeUInt32LE(body.length, 4);
  return Buffer.concat([riff, body]);
}

let fileCount = 0;
async function decodeBytes(bytes: Buffer): Promise<readonly Float32Array[]> {
  fileCount += 1;
  const path = join(folder, `${fileCount}.wav`);
  await writeFile(path, bytes);
  return (await decodeFile(path)).channels;
}

describe('WAV samples', () => {
  it('reads the ends and the middle of every integer width exactly', async () => {
    expect(Array.from((await decodeBytes(buildWav({ bits: 8, data: Buffer.from([0, 128, 255]) })))[0])).toEqual([-1, 0, 127 / 128]);
    const data16 = Buffer.from([0, 0x80, 0, 0, 0xff, 0x7f]);
    expect(Array.from((await decodeBytes(buildWav({ bits: 16, data: data16 })))[0])).toEqual([-1, 0, 32767 / 32768]);
    const data24 = Buffer.from([0, 0, 0x80, 0, 0, 0, 0xff, 0xff, 0x7f]);
    expect(Array.from((await decodeBytes(buildWav({ bits: 24, data: data24 })))[0])).toEqual([-1, 0, Math.fround(8388607 / 8388608)]);
    const data32 = Buffer.from([0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x40]);
    expect(Array.from((await decodeBytes(buildWav({ bits: 32, data: data32 })))[0])).toEqual([-1, 0, 0.5]);
  });

  it('reads 32 and 64-bit float beyond full scale', async () => {
    const single = Buffer.from(Float32Array.of(-2.5, 0.1, 1e-9).buffer);
    expect(Array.from((await decodeBytes(buildWav({ coding: 3, bits: 32, data: single })))[0])).toEqual([-2.5, Math.fround(0.1), Math.fround(1e-9)]);
    const double = Buffer.from(Float64Array.of(-2.5, 0.1).buffer);
    expect(Array.from((await decodeBytes(buildWav({ coding: 3, bits: 64, data: double })))[0])).toEqual([-2.5, Math.fround(0.1)]);
  });

  it('reads any width, channel count, header kind and set of odd chunks', async () => {
    const anyFile = fc.record({
      bits: fc.constantFrom(8, 16, 24, 32),
      isExtensible: fc.boolean(),
      channels: fc.integer({ min: 1, max: 9 }),
      frames: fc.integer({ min: 1, max: 40 }),
      odd: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(anyFile, async ({ bits, isExtensible, channels, frames, odd }) => {
        const bytes = bits / 8;
        const data = Buffer.alloc(frames * channels * bytes);
        for (let frame = 0; frame < frames; frame += 1) {
          for (let channel = 0; channel < channels; channel += 1) {
            const at = (frame * channels + channel) * bytes;
            if (bits === 8) data.writeUInt8(valueAt(frame, channel) + 128, at);
            else data.writeIntLE(valueAt(frame, channel), at, bytes);
          }
        }
        const chunks = odd.map((size, index) => ({ id: ['LIST', 'bext', 'zzzz'][index], bytes: Buffer.alloc(size, 7) }));
        const decoded = await decodeBytes(buildWav({ bits, channels, isExtensible, data, chunks }));
        expect(decoded.length).toBe(channels);
        decoded.forEach((samples, channel) => {
          expect(Array.from(samples)).toEqual(Array.from({ length: frames }, (_, frame) => Math.fround(valueAt(frame, channel) / 2 ** (bits - 1))));
        });
      }),
      { numRuns: 40 },
    );
  });

  it('reads past an odd chunk whose padding byte was forgotten', async () => {
    const chunks = [{ id: 'LIST', bytes: Buffer.alloc(5), isPadded: false }];
    expect((await decodeBytes(buildWav({ bits: 16, data: Buffer.from([0, 0x40]), chunks })))[0][0]).toBe(0.5);
  });

  it('reads to the end of the file where a stream writer left the size open', async () => {
    const bytes = buildWav({ bits: 16, data: Buffer.from([0, 0x40, 0, 0x20]), dataSize: 0xffffffff });
    expect(Array.from((await decodeBytes(bytes))[0])).toEqual([0.5, 0.25]);
  });
});

describe('WAV errors', () => {
  it.each<[string, Buffer, RegExp]>([
    ['no samples', buildWav({ bits: 16, data: Buffer.alloc(0) }), /without a single sample/],
    ['less than one sample', buildWav({ bits: 16, data: Buffer.alloc(1) }), /without a single sample/],
    ['truncated', buildWav({ bits: 16, data: Buffer.alloc(10), dataSize: 1000 }), /truncated wav file: 10 of 1000 bytes/],
    ['no channels', buildWav({ bits: 16, channels: 0, data: Buffer.alloc(4) }), /no channels/],
    ['12-byte integers', buildWav({ bits: 96, data: Buffer.alloc(12) }), /96 bits/],
    ['MP3 inside', buildWav({ coding: 0x55, bits: 16, data: Buffer.alloc(4) }), /MP3 \(format 0x0055\)/],
    ['not a number', buildWav({ coding: 3, bits: 32, data: Buffer.from(Float32Array.of(0, NaN).buffer) }), /NaN at sample 1/],
    ['no data chunk', buildWav({ bits: 16, data: Buffer.alloc(0) }).subarray(0, 36), /'data' chunk|without sound/],
  ])('%s', async (_name, bytes, message) => {
    const thrown: unknown = await decodeBytes(bytes).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(MelstromError);
    expect((thrown as MelstromError).kind).toBe('data');
    expect((thrown as MelstromError).message).toMatch(message);
    expect((thrown as MelstromError).where).toContain(folder);
  });
});

import { decode, encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { audioDiffusionMelSchema } from '../../../src/config/audio-diffusion-mel.js';
import { melSchema } from '../../../src/config/mel.js';
import { decodeExif, encodeExif } from '../../../src/spectrogram/layouts/_exif.js';
import { chunksOf, withChunk } from '../../../src/spectrogram/layouts/_png-chunks.js';
import { encodeAudioDiffusionPng } from '../../../src/spectrogram/layouts/audio-diffusion.js';
import { detectLayout } from '../../../src/spectrogram/layouts/layout.js';
import { encodeMelPng } from '../../../src/spectrogram/png.js';
import { bytes, readPeers } from '../fixtures/peers.js';

describe('detectLayout', () => {
  it('tells layouts by their metadata', () => {
    expect(detectLayout(encodeMelPng({ settings: melSchema.parse({ melBins: 8 }), frameCount: 1, data: new Float32Array(8) }), 'x.png')).toBe('melstrom');
    expect(detectLayout(bytes(readPeers().riffusion[2].png), 'x.png')).toBe('riffusion');
    expect(detectLayout(encodeAudioDiffusionPng(new Float32Array(900).fill(0.1), audioDiffusionMelSchema.parse({ x_res: 2, y_res: 8 })), 'x.png')).toBe('audio-diffusion');
  });

  it('refuses what says nothing about itself, and says how to go on', () => {
    expect(() => detectLayout(bytes(readPeers().audioDiffusion[0].png), 'theirs.png')).toThrow(/^theirs\.png: got a PNG that carries no spectrogram parameters.*--layout audio-diffusion/s);
    expect(() => detectLayout(new Uint8Array(3), 'x.png')).toThrow(/no PNG/);
  });
});

describe('EXIF', () => {
  const numbers = [
    { tag: 11070, value: 0.25, kind: 'double' }, { tag: 11000, value: 44100, kind: 'whole' }, { tag: 3, value: 70_000, kind: 'whole' }, { tag: 11080, value: 3e7, kind: 'double' },
  ] as const;

  it('comes back, in the order of the tags', () => {
    expect([...decodeExif(encodeExif(numbers))]).toEqual([[3, 70_000], [11000, 44100], [11070, 0.25], [11080, 3e7]]);
  });

  it('reads every kind of single number and passes over the rest', () => {
    const types: readonly [type: number, count: number, value: readonly number[], expected: number | undefined][] = [
      [1, 1, [200, 0, 0, 0], 200], [6, 1, [200, 0, 0, 0], -56], [8, 1, [0xff, 0xfe, 0, 0], -2], [9, 1, [0xff, 0xff, 0xff, 0xfd], -3],
      [11, 1, [0x3e, 0x80, 0, 0], 0.25], [2, 4, [65, 66, 67, 0], undefined], [3, 2, [0, 1, 0, 2], undefined], [99, 1, [0, 0, 0, 0], undefined],
      [5, 1, [0, 0, 0, 120], 0.5], [10, 1, [0, 0, 0, 128], -1.5],
    ];
    const block = new Uint8Array(136 + 20);
    const view = new DataView(block.buffer);
    block.set([0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, types.length]);
    types.forEach(([type, count, value], index) => {
      view.setUint16(10 + 12 * index, index);
      view.setUint16(12 + 12 * index, type);
      view.setUint32(14 + 12 * index, count);
      block.set(value, 18 + 12 * index);
    });
    const longer = new Uint8Array(200);
    longer.set(block);
    const further = new DataView(longer.buffer);
    // The two fractions lie behind the directory.
    for (const [index, offset, above, below] of [[8, 140, 1, 2], [9, 150, -3, 2]]) {
      further.setUint32(18 + 12 * index, offset);
      further.setInt32(offset, above);
      further.setInt32(offset + 4, below);
    }
    const got = decodeExif(longer);
    types.forEach(([type, , , expected], index) => expect(got.get(index), `type ${type}`).toBe(expected));
  });

  it('refuses what is none or is cut', () => {
    const block = encodeExif(numbers);
    for (let length = 0; length < block.length; length += 1) expect(() => decodeExif(block.subarray(0, length)), `cut to ${length}`).toThrow(RangeError);
    expect(() => decodeExif(new Uint8Array(64))).toThrow(/no EXIF block/);
  });
});

describe('PNG chunks', () => {
  it('are added where readers look first, with a checksum that holds', () => {
    const png = encode({ width: 2, height: 1, data: Uint8Array.of(7, 9), depth: 8, channels: 1, text: { a: 'b' } });
    const more = withChunk(png, 'eXIf', Uint8Array.of(1, 2, 3));
    expect([...chunksOf(more)].map(({ type }) => type)).toEqual(['IHDR', 'eXIf', 'IDAT', 'tEXt', 'IEND']);
    expect([...chunksOf(more)][1].data).toEqual(Uint8Array.of(1, 2, 3));
    const back = decode(more, { checkCrc: true });
    expect([Array.from(back.data), back.text.a]).toEqual([[7, 9], 'b']);
    more[42] ^= 1;
    expect(() => decode(more, { checkCrc: true })).toThrow(/CRC/);
  });
});

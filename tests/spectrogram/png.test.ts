import { decode, encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { defaultMelSettings, melSchema } from '../../src/config/mel.js';
import { storedMel } from '../../src/config/mel-layout.js';
import type { MelImage } from '../../src/spectrogram/mel-image.js';
import { decodeMelPng, encodeMelPng, MEL_TEXT_KEY } from '../../src/spectrogram/png.js';
import { expectClose } from '../support/close.js';

const settings = melSchema.parse({ melBins: 12, frames: 9, floorDb: -71.5, melScale: 'htk' });
const random = createRandom(2, 'png test');
const image: MelImage = { settings, frameCount: 9, data: Float32Array.from({ length: 12 * 9 }, () => 2 * random.uniform() - 1) };
image.data.set([-1, 1, 0], 0);

function withText(text: string): Uint8Array {
  return encode({ width: 1, height: 80, data: new Uint8Array(80), depth: 8, channels: 1, text: { [MEL_TEXT_KEY]: text } });
}

describe('mel PNG', () => {
  it('comes back exact to 16 bits with every setting, and then stays the same bytes', () => {
    const bytes = encodeMelPng(image);
    const back = decodeMelPng(bytes, 'a.png');
    expectClose(back.data, image.data, { absolute: 1.001 / 65535 });
    expect([back.data[0], back.data[1]]).toEqual([-1, 1]);
    expect(back.settings).toEqual(settings);
    expect(back.frameCount).toBe(9);
    expect(encodeMelPng(back)).toEqual(bytes);
  });

  it('keeps all 65536 levels apart', () => {
    const all: MelImage = {
      settings: melSchema.parse({ melBins: 256 }),
      frameCount: 256,
      data: Float32Array.from({ length: 65536 }, (_, index) => (2 * index) / 65535 - 1),
    };
    expect(decodeMelPng(encodeMelPng(all), 'all.png').data).toEqual(all.data);
  });

  it('shows low frequency at the bottom, in 16-bit grey', () => {
    const low: MelImage = { settings, frameCount: 2, data: new Float32Array(24).fill(-1) };
    low.data.set([1, 1], 0);
    const png = decode(encodeMelPng(low));
    expect([png.width, png.height, png.depth, png.channels]).toEqual([2, 12, 16, 1]);
    expect(Array.from(png.data.subarray(22))).toEqual([65535, 65535]);
    expect(Array.from(png.data.subarray(0, 2))).toEqual([0, 0]);
    expect(JSON.parse(png.text[MEL_TEXT_KEY])).toEqual(storedMel(settings));
  });

  it('writes and reads 8 bits', () => {
    const back = decodeMelPng(encodeMelPng(image, { bitDepth: 8 }), 'a.png');
    expectClose(back.data, image.data, { absolute: 1.001 / 255 });
    expect([back.data[0], back.data[1]]).toEqual([-1, 1]);
  });

  it('clips what lies beyond the range and refuses what is no number', () => {
    const wild = { ...image, data: image.data.slice().fill(3, 5, 6).fill(-9, 6, 7) };
    expect(Array.from(decodeMelPng(encodeMelPng(wild), 'a.png').data.subarray(5, 7))).toEqual([1, -1]);
    expect(() => encodeMelPng({ ...image, data: image.data.slice().fill(Number.NaN, 4, 5) })).toThrow(/mel PNG: got NaN at mel bin 0, frame 4/);
  });

  it('refuses every cut and names the file', () => {
    const bytes = encodeMelPng(image);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodeMelPng(bytes.subarray(0, length), 'kick 🥁.png'), `cut to ${length}`).toThrow(/^kick 🥁\.png: got .*expected a whole PNG/s);
    }
  });

  it('refuses a changed byte anywhere before the end mark', () => {
    const bytes = encodeMelPng(image);
    for (let index = 0; index < bytes.length - 12; index += 1) {
      const damaged = bytes.slice();
      damaged[index] ^= 0x10;
      expect(() => decodeMelPng(damaged, 'a.png'), `byte ${index}`).toThrow(/^a\.png: got /);
    }
  });

  it('refuses a PNG that is no mel image, unless told what it is', () => {
    const grey = encode({ width: 3, height: 12, data: new Uint8Array(36), depth: 8, channels: 1 });
    expect(() => decodeMelPng(grey, 'cat.png')).toThrow(/cat\.png: got a PNG without the text "melstrom-mel"/);
    expect(decodeMelPng(grey, 'cat.png', { assume: settings })).toMatchObject({ settings, frameCount: 3 });
    expect(() => decodeMelPng(grey, 'cat.png', { assume: defaultMelSettings })).toThrow(/got 12 rows, expected 80/);
    const colour = encode({ width: 2, height: 2, data: new Uint8Array(12), depth: 8, channels: 3 });
    expect(() => decodeMelPng(colour, 'cat.png')).toThrow(/got 3 channels of 8 bits, expected greyscale/);
    expect(() => decodeMelPng(new TextEncoder().encode('RIFF but no picture at all'), 'kick.wav')).toThrow(/kick\.wav: got a file that is no PNG/);
    expect(() => decodeMelPng(new Uint8Array(0), 'empty.png')).toThrow(/an empty file/);
  });

  it('refuses settings that are broken or unknown', () => {
    expect(() => decodeMelPng(withText('{"melBins":'), 'a.png')).toThrow(/mel settings that can't be read/);
    expect(() => decodeMelPng(withText('{"melBands":80}'), 'a.png')).toThrow(/melBands/);
    expect(() => decodeMelPng(withText('{"hopSamples":0}'), 'a.png')).toThrow(/hopSamples/);
  });

  it('does not allocate what a lying header claims', () => {
    const bytes = encodeMelPng(image);
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(16, 0x7fffffff);
    expect(() => decodeMelPng(bytes, 'a.png')).toThrow(/claims 2147483647 × 12 pixels/);
  });
});

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createSliceWriter, guardWrite, openSliceReader } from '../../src/corpus/slice-store.node.js';
import { temporaryFolder } from './sounds.js';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const VALUES = 50_000;

function imageOf(number: number): Float32Array {
  const image = new Float32Array(VALUES);
  for (let index = 2; index < VALUES; index += 1) image[index] = ((index * 7919 + number * 104_729) % 65_521) / 32_760.5 - 1;
  image.set([-1, 1]);
  return image;
}

describe('the file of slices', () => {
  const path = join(folder, 'slices é.bin');

  it('is larger than its write buffer, read at random, and forgets what was taken back', () => {
    const writer = createSliceWriter(path, VALUES);
    for (let number = 0; number < 90; number += 1) {
      writer.append(imageOf(number));
      if (number === 60) {
        writer.append(imageOf(1000));
        writer.rewindTo(61);
      }
    }
    for (let number = 0; number < 70; number += 1) writer.append(imageOf(2000 + number));
    writer.rewindTo(90);
    writer.append(imageOf(90));
    expect(writer.count).toBe(91);
    writer.finish();
    const reader = openSliceReader(path, { count: 91, valuesPerSlice: VALUES });
    const image = new Float32Array(VALUES);
    for (const number of [90, 0, 61, 60, 41, 42, 89]) {
      reader.readInto(number, image);
      const wanted = imageOf(number);
      expect([image[0], image[1]]).toEqual([-1, 1]);
      expect(image.reduce((worst, value, index) => Math.max(worst, Math.abs(value - wanted[index])), 0)).toBeLessThan(1.6e-5); // half a step of 16 bits
    }
    expect(() => reader.readInto(91, image)).toThrow(/slice 91/);
    reader.close();
    expect(() => reader.readInto(0, image)).toThrow(/a closed file/);
  });

  it('refuses another size', () => {
    expect(() => openSliceReader(path, { count: 90, valuesPerSlice: VALUES })).toThrow(/got 9100000 bytes, expected 9000000 bytes, 90 slices/);
    expect(() => openSliceReader(join(folder, 'none'), { count: 1, valuesPerSlice: 1 })).toThrow(/no such file/);
  });

  it('says in plain words that the disk is full', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(() => guardWrite('cache', () => { throw full; })).toThrow(/cache: got a full disk, expected room for the cache\. Free some space/);
  });
});

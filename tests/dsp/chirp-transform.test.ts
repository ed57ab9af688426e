import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { createChirpTransform } from '../../src/dsp/chirp-transform.js';
import { expectClose } from '../support/close.js';

const noise = (count: number): Float64Array => Float64Array.from(createRandom(count, 'chirp test').normals(count));

describe('createChirpTransform', () => {
  it.each([[1, 1, 1], [7, 7, 4], [30, 11, 16], [64, 64, 33], [441, 300, 7], [2205, 551, 1103]])(
    'agrees with the sum that defines it: size %i, %i samples, %i bins',
    (size, sampleCount, binCount) => {
      const samples = noise(sampleCount);
      const re = new Float64Array(binCount);
      const im = new Float64Array(binCount);
      const transform = createChirpTransform({ size, sampleCount, binCount });
      transform.forward(noise(sampleCount).reverse(), re, im); // what an earlier frame leaves behind must not matter
      transform.forward(samples, re, im);
      const slowRe = new Float64Array(binCount);
      const slowIm = new Float64Array(binCount);
      for (let k = 0; k < binCount; k += 1) {
        for (let n = 0; n < sampleCount; n += 1) {
          slowRe[k] += samples[n] * Math.cos((2 * Math.PI * k * n) / size);
          slowIm[k] -= samples[n] * Math.sin((2 * Math.PI * k * n) / size);
        }
      }
      expectClose(re, slowRe, { absolute: 1e-10 });
      expectClose(im, slowIm, { absolute: 1e-10 });
    },
  );

  it('stays exact at the size of Riffusion', () => {
    const size = 17_640;
    const bin = 3999;
    const samples = Float64Array.from({ length: 4410 }, (_, n) => Math.cos((2 * Math.PI * ((bin * n) % size)) / size));
    const re = new Float64Array(4001);
    const im = new Float64Array(4001);
    createChirpTransform({ size, sampleCount: 4410, binCount: 4001 }).forward(samples, re, im);
    expectClose(re[bin], 2205, { absolute: 1 });
    let slow = 0;
    for (let n = 0; n < 4410; n += 1) slow += samples[n] * Math.cos((2 * Math.PI * ((bin * n) % size)) / size);
    expectClose(re[bin], slow, { absolute: 1e-8 });
  });

  it('refuses sizes that make no sense', () => {
    expect(() => createChirpTransform({ size: 0, sampleCount: 1, binCount: 1 })).toThrow(/chirpTransform: size: got 0/);
    expect(() => createChirpTransform({ size: 8, sampleCount: 9, binCount: 1 })).toThrow(/sampleCount: got 9/);
    expect(() => createChirpTransform({ size: 8, sampleCount: 8, binCount: 9 })).toThrow(/binCount: got 9/);
  });
});

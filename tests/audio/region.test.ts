import { describe, expect, it } from 'vitest';
import { createRegionLimit, placeRegion, replaceWithin, type PlacedRegion } from '../../src/audio/region.js';
import { createRandom } from '../../src/base/random.js';
import { createRealFft } from '../../src/dsp/real-fft.js';
import { expectClose } from '../support/close.js';

const size = { sampleRateHz: 8000, sampleCount: 4000 };
const whole: PlacedRegion = { fromSample: 0, toSample: 4000, lowHz: 0, highHz: 4000 };

/** Magnitudes of a signal and as much silence again, with the hertz of a bin. */
function spectrumOf(signal: Float32Array): { magnitudes: Float64Array; binHz: number } {
  const fft = createRealFft(8192);
  const frame = new Float64Array(8192);
  frame.set(signal);
  const [re, im] = [new Float64Array(fft.binCount), new Float64Array(fft.binCount)];
  fft.forward(frame, re, im);
  return { magnitudes: re.map((value, bin) => Math.hypot(value, im[bin])), binHz: 8000 / 8192 };
}

const noise = (seed: number): Float32Array => createRandom(seed, 'region').normals(4000);
/** Noise that begins and ends in silence, so that nothing rings past an end. */
const hit = (seed: number): Float32Array => noise(seed).map((value, index) => (index < 1000 || index >= 3000 ? 0 : 0.1 * value * Math.sin(((index - 1000) / 2000) * Math.PI) ** 2));

describe('placeRegion', () => {
  it('fills in what is left out', () => {
    expect(placeRegion({}, size)).toEqual(whole);
    expect(placeRegion({ fromSeconds: 0.1, toSeconds: 0.3, lowHz: 100 }, size)).toEqual({ fromSample: 800, toSample: 2400, lowHz: 100, highHz: 4000 });
  });

  it.each([
    [{ fromSeconds: 0.6 }, 'region: from and to'],
    [{ fromSeconds: 0.4, toSeconds: 0.51 }, 'expected within 0 and 0.5 s'],
    [{ fromSeconds: -0.1, toSeconds: 0.2 }, 'region: from and to'],
    [{ fromSeconds: 0.3, toSeconds: 0.2 }, 'expected the first below the second'],
    [{ fromSeconds: 0.2, toSeconds: 0.2 }, 'expected the first below the second'],
    [{ fromSeconds: 0.20001, toSeconds: 0.20002 }, 'holds no sample'],
    [{ fromSeconds: Number.NaN }, 'region: from and to'],
    [{ lowHz: 500, highHz: 400 }, 'region: low and high'],
    [{ highHz: 4001 }, 'expected within 0 and 4000 Hz'],
  ])('refuses %j', (region, message) => {
    expect(() => placeRegion(region, size)).toThrow(message);
  });
});

describe('createRegionLimit', () => {
  it('keeps everything of the whole sound', () => {
    const signal = noise(1);
    createRegionLimit(whole, size)(signal);
    expect(signal).toEqual(noise(1));
  });

  it('is 0 outside a stretch of time, fades inside it, and not at an end of the sound', () => {
    const ones = new Float32Array(4000).fill(1);
    createRegionLimit({ ...whole, fromSample: 1000, toSample: 3000 }, size)(ones);
    expect(ones.findIndex((value) => value > 0)).toBe(1000);
    expect(ones.findLastIndex((value) => value > 0)).toBe(2999);
    expect(ones.subarray(1080, 2920).every((value) => value === 1)).toBe(true);
    for (let index = 1; index < 80; index += 1) expect(ones[1000 + index]).toBeGreaterThan(ones[999 + index]);
    expectClose(ones.slice(1000, 1080), ones.slice(2920, 3000).reverse());
    const start = new Float32Array(4000).fill(1);
    createRegionLimit({ ...whole, toSample: 500 }, size, { fadeSeconds: 0.02 })(start);
    expect([start[0], start[339], start[340] < 1, start[499] > 0, start[500]]).toEqual([1, 1, true, true, 0]);
  });

  it('keeps a narrow stretch, with half of it for each fade', () => {
    const ones = new Float32Array(4000).fill(1);
    createRegionLimit({ ...whole, fromSample: 1000, toSample: 1010 }, size)(ones);
    expect(ones.filter((value) => value > 0).length).toBe(10);
    expect(Math.max(...ones)).toBeGreaterThan(0.8);
  });

  it('keeps a band: all within its fades, nothing outside', () => {
    const signal = hit(2);
    const kept = hit(2);
    createRegionLimit({ ...whole, lowHz: 500, highHz: 2000 }, size, { fadeOctaves: 0.5 })(kept);
    const [before, after] = [spectrumOf(signal), spectrumOf(kept)];
    const loudest = Math.max(...before.magnitudes);
    after.magnitudes.forEach((magnitude, bin) => {
      const hz = bin * after.binHz;
      // What rings on into the silence past the signal's ends is cut, 80 dB below.
      if (hz < 499 || hz > 2001) expect(magnitude).toBeLessThan(1e-4 * loudest);
      if (hz > 500 * 2 ** 0.5 + 1 && hz < 2000 * 2 ** -0.5 - 1) expectClose(magnitude, before.magnitudes[bin], { absolute: 1e-4 * loudest });
    });
  });

  it.each([[0, 1000], [1000, 4000], [900, 950]])('is linear for the band from %d to %d Hz', (lowHz, highHz) => {
    const limit = createRegionLimit({ ...whole, lowHz, highHz, fromSample: 500 }, size);
    const limited = (signal: Float32Array): Float32Array => {
      limit(signal);
      return signal;
    };
    const [a, b] = [limited(noise(3)), limited(noise(4))];
    expect(a.some((value) => value !== 0)).toBe(true);
    expectClose(limited(noise(3).map((value, index) => 2 * value - noise4[index])), a.map((value, index) => 2 * value - b[index]), { absolute: 1e-5 });
  });
});
const noise4 = noise(4);

describe('replaceWithin', () => {
  it('is one sound inside and the very other one outside', () => {
    const limit = createRegionLimit({ ...whole, fromSample: 1000, toSample: 3000 }, size);
    const [samples, made] = [noise(5), noise(6)];
    const result = replaceWithin(limit, { samples, made });
    expect(result.subarray(0, 1000)).toEqual(samples.subarray(0, 1000));
    expect(result.subarray(3000)).toEqual(samples.subarray(3000));
    expectClose(result.slice(1100, 2900), made.slice(1100, 2900), { absolute: 1e-6 });
  });
});

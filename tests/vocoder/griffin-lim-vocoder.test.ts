import { describe, expect, it } from 'vitest';
import { defaultMelSettings, melSchema } from '../../src/config/mel.js';
import { peak, rms, rmsDb } from '../../src/dsp/loudness.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { decodeMelPng, encodeMelPng } from '../../src/spectrogram/png.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { sounds } from '../spectrogram/sounds.js';
import { expectClose } from '../support/close.js';

const codec = createMelCodec(defaultMelSettings);
const vocoder = createGriffinLimVocoder(defaultMelSettings);

/** Sound → image → 16-bit PNG → image → sound, as `encode` and `decode` do. */
function roundTrip(signal: Float32Array, seed = 1): Float32Array {
  const image = decodeMelPng(encodeMelPng(codec.analyse(signal)), 'round trip');
  return vocoder.invert(image, { seed, sampleCount: signal.length }).channels[0];
}

/** Mean absolute difference of mel decibels over the cells of the original within 60 dB of its loudest, and over all cells. */
function melErrorDb(got: Float32Array, original: Float32Array): { loud: number; all: number } {
  const a = codec.toDb(codec.analyse(original));
  const b = codec.toDb(codec.analyse(got));
  const from = Math.max(a.reduce((x, y) => Math.max(x, y), -Infinity) - 60, defaultMelSettings.floorDb);
  let sum = 0;
  let count = 0;
  let all = 0;
  a.forEach((db, cell) => {
    const off = Math.abs(db - b[cell]);
    all += off / a.length;
    if (db <= from) return;
    sum += off;
    count += 1;
  });
  return { loud: sum / count, all };
}

/** Level without the ends. */
function stationary(signal: Float32Array): number {
  return rmsDb(signal.subarray(2048, -2048));
}

describe('createGriffinLimVocoder', () => {
  // Measured: 1.16, 3.72, 2.72, 0.53, 0.51, 1.16, 0.86 on loud cells; 0.35, 0.44, 0.63, 0.04, 0.51, 0.19, 0.86 on all. Limits are a fifth to a half above.
  it.each([
    ['tone', 1.4, 0.6],
    ['highTone', 4.5, 0.6],
    ['chirp', 4, 0.9],
    ['click', 1, 0.1],
    ['noise', 0.7, 0.7],
    ['drum', 1.4, 0.4],
    ['square', 1.2, 1.2],
  ] as const)('brings %s back within %f dB on its loud cells and %f dB on all', (name, loudDb, allDb) => {
    const got = roundTrip(sounds[name]);
    const error = melErrorDb(got, sounds[name]);
    expect(error.loud).toBeLessThan(loudDb);
    expect(error.all).toBeLessThan(allDb);
    expectClose(rmsDb(got), rmsDb(sounds[name]), { absolute: 0.5 });
  });

  it.each(['tone', 'highTone', 'noise', 'square'] as const)('brings %s back 20 dB quieter when it is 20 dB quieter, within 0.1 dB', (name) => {
    const loud = stationary(roundTrip(sounds[name]));
    const quiet = stationary(roundTrip(sounds[name].map((sample) => sample / 10)));
    expectClose(loud - quiet, 20, { absolute: 0.1 });
  });

  it('brings silence back as zeros, also where only a part is silent', () => {
    expect(peak(roundTrip(sounds.silence))).toBe(0);
    const got = roundTrip(sounds.click);
    expect(peak(got.subarray(0, 11_025 - 1536))).toBe(0);
    expect(peak(got.subarray(11_025 + 1536))).toBe(0);
    // The click of 0.9 is spread over a few milliseconds: random first phases do not find the one instant in 32 iterations.
    expect(peak(got)).toBeGreaterThan(0.15);
    const nearby = got.subarray(11_025 - 128, 11_025 + 129);
    expect(rms(nearby) ** 2 * nearby.length).toBeGreaterThan(0.95 * rms(got) ** 2 * got.length);
  });

  it('keeps a click and a drum hit where they were', () => {
    for (const [name, at] of [['click', 11_025], ['drum', 2205]] as const) {
      const got = roundTrip(sounds[name]);
      const first = got.findIndex((sample) => Math.abs(sample) > 0.25 * peak(got));
      expect(Math.abs(first - at)).toBeLessThan(512);
    }
  });

  it('gives the same bytes for the same seed', () => {
    const first = roundTrip(sounds.drum, 4);
    roundTrip(sounds.noise);
    expect(roundTrip(sounds.drum, 4).every((sample, index) => sample === first[index])).toBe(true);
    expect(roundTrip(sounds.drum, 5).every((sample, index) => sample === first[index])).toBe(false);
  });

  it('gives the number of samples that is asked for', () => {
    const image = codec.analyse(sounds.click.subarray(0, 2560));
    expect(image.frameCount).toBe(11);
    expect(vocoder.invert(image)).toMatchObject({ sampleRateHz: 22050, channels: [{ length: 2560 }] });
    for (const sampleCount of [1, 100, 2559, 2560, 2600, 2815, 2816, 9000]) {
      expect(vocoder.invert(image, { sampleCount }).channels[0].length).toBe(sampleCount);
    }
    expect(() => vocoder.invert(image, { sampleCount: 0 })).toThrow(/invert: sampleCount: got 0/);
    const single = codec.analyse(new Float32Array(10).fill(0.1));
    expect(vocoder.invert(single, { sampleCount: 10 }).channels[0].length).toBe(10);
  });

  it('obeys its options', () => {
    const image = codec.analyse(sounds.drum);
    const usual = createGriffinLimVocoder(defaultMelSettings, { iterations: 8 });
    expect(usual.name).toBe('griffin-lim-8');
    const others = [{ method: 'fast' }, { method: 'accelerated' }, { method: 'admm' }, { start: 'random' }, { isRefined: false }] as const;
    expect(others.map((options) => createGriffinLimVocoder(defaultMelSettings, { iterations: 8, ...options }).name)).toEqual([
      'griffin-lim-8-fast', 'griffin-lim-8-accelerated', 'griffin-lim-8-admm', 'griffin-lim-8-random', 'griffin-lim-8-fixed',
    ]);
    for (const options of others) expect(createGriffinLimVocoder(defaultMelSettings, { iterations: 8, ...options }).invert(image)).not.toEqual(usual.invert(image));
    const [plain, fast] = [0, 0.99].map((momentum) => createGriffinLimVocoder(defaultMelSettings, { iterations: 2, method: 'fast', momentum }));
    expect(plain.invert(image)).not.toEqual(fast.invert(image));
    const gated = createGriffinLimVocoder(defaultMelSettings, { iterations: 2, gateDb: 60 }).invert(image).channels[0];
    expect(peak(gated.subarray(-4096))).toBe(0);
  });

  it('refuses the image of another codec by name', () => {
    const other = createMelCodec(melSchema.parse({ hopSamples: 128 })).analyse(sounds.click);
    expect(() => vocoder.invert(other)).toThrow(/mel hopSamples: got hopSamples 128, expected hopSamples 256/);
  });
});

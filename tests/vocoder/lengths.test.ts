// Loops, long images and known samples in the inverter: exact lengths, and no seam where pieces, ends or given samples meet.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { melSchema } from '../../src/config/mel.js';
import { peak, rmsDb } from '../../src/dsp/loudness.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { fluxAt, frameFlux } from '../support/flux.js';

const mel = melSchema.parse({ melBins: 24, frames: 16, fftSize: 256, windowSamples: 256, hopSamples: 64, sampleRateHz: 8000, minHz: 60, maxHz: 4000 });
const codec = createMelCodec(mel);
const vocoder = createGriffinLimVocoder(mel, { iterations: 12 });

/** A chord that swells, over quiet noise. */
function chord(sampleCount: number): Float32Array {
  const random = createRandom(3);
  return Float32Array.from({ length: sampleCount }, (_, at) => {
    const time = at / 8000;
    const swell = 0.6 + 0.3 * Math.sin(2 * Math.PI * 1.3 * time);
    return swell * [310, 470, 1130].reduce((sum, hz) => sum + 0.2 * Math.sin(2 * Math.PI * hz * time), 0) + 0.01 * random.normal();
  });
}

describe('a long image', () => {
  it('is inverted in pieces that go on from one another', () => {
    const original = chord(64 * 2300);
    const image = codec.analyse(original);
    const sound = vocoder.invert(image, { seed: 1 }).channels[0];
    expect(sound.length).toBe((image.frameCount - 1) * 64);
    // Pieces of 1024 frames, each from 12 frames before the last one ends, of which 4 were left to it.
    const joins = [1019, 2030].map((frame) => frame * 64);
    const flux = frameFlux(codec, sound);
    const { near, elsewhere } = fluxAt(flux, joins.map((at) => at / 64), 3);
    expect(near / elsewhere).toBeGreaterThan(0.7);
    expect(near / elsewhere).toBeLessThan(1.3);
    // Level: no decay from piece to piece.
    const levelDb = (signal: Float32Array, at: number): number => rmsDb(signal.subarray(at, at + 14_720));
    const gains = [0, sound.length - 14_720].map((at) => levelDb(sound, at) - levelDb(original, at));
    expect(gains[1] - gains[0]).toBeCloseTo(0, 0);
  });
});

describe('a loop', () => {
  it.each([64 * 40, 64 * 40 + 17, 64 * 40 - 30])('has exactly %d samples, and an end like any other place', (sampleCount) => {
    // The image of a loop: the middle of a sound whose partials and swell fit 40 frames.
    const random = createRandom(4);
    const period = Float32Array.from({ length: 2560 }, (_, at) => 0.2 * Math.sin((2 * Math.PI * 100 * at) / 2560) + 0.15 * Math.sin((2 * Math.PI * 371 * at) / 2560) + 0.02 * random.normal());
    const thrice = Float32Array.from({ length: 7680 }, (_, at) => period[at % 2560]);
    const { data, frameCount } = codec.analyse(thrice);
    const image = { settings: mel, frameCount: 40, data: Float32Array.from({ length: 24 * 40 }, (_, cell) => data[Math.floor(cell / 40) * frameCount + 40 + (cell % 40)]) };
    const sound = vocoder.invert(image, { seed: 2, sampleCount, isLoop: true }).channels[0];
    expect(sound.length).toBe(sampleCount);
    const twice = new Float32Array(2 * sampleCount);
    twice.set(sound);
    twice.set(sound, sampleCount);
    const { near, elsewhere } = fluxAt(frameFlux(codec, twice), [sampleCount / 64], 2);
    expect(near / elsewhere).toBeLessThan(1.5);
    const steps = Array.from(sound, (value, at) => Math.abs(sound[(at + 1) % sampleCount] - value));
    expect(steps[sampleCount - 1]).toBeLessThanOrEqual([...steps].sort((a, b) => a - b)[Math.floor(0.999 * sampleCount)]);
  });

  it('has N hops when nothing is said of its length', () => {
    const image = codec.analyse(chord(64 * 20));
    expect(vocoder.invert(image, { isLoop: true }).channels[0].length).toBe(image.frameCount * 64);
  });
});

describe('known samples', () => {
  it.each([['before', 0, 1600], ['after', 2400, 4000], ['between', 1200, 2500]] as const)('%s come back as they are, and the rest goes on from them', (_, from, to) => {
    const original = chord(4000);
    const image = codec.analyse(original);
    const sound = vocoder.invert(image, { sampleCount: 4000, known: { channels: [original], spans: [{ from, to }] } }).channels[0];
    expect(sound.subarray(from, to)).toEqual(original.subarray(from, to));
    const joins = [from, to].filter((at) => at > 0 && at < 4000);
    const { near, elsewhere } = fluxAt(frameFlux(codec, sound), joins.map((at) => at / 64), 3);
    expect(near / elsewhere).toBeLessThan(1.6);
    for (const join of joins) {
      const bends = Array.from(sound, (value, at) => Math.abs((sound[at + 1] ?? value) - 2 * value + (sound[at - 1] ?? value)));
      const limit = bends.slice(from, to).sort((a, b) => a - b).at(-1)!;
      expect(Math.max(...bends.slice(join - 2, join + 2))).toBeLessThan(1.5 * limit);
    }
  });

  it('let a hit after silence have its own peak', () => {
    const random = createRandom(6);
    const hit = Float32Array.from({ length: 6000 }, (_, at) => (at < 3000 ? 0 : 0.3 * random.normal() * Math.exp((3000 - at) / 500)));
    const made = vocoder.invert(codec.analyse(hit), { sampleCount: 6000, known: { channels: [hit], spans: [{ from: 0, to: 1500 }] } }).channels[0];
    expect(peak(made) / peak(hit)).toBeLessThan(1.6);
  });

  it('come back where the image is silent', () => {
    const silence = codec.analyse(new Float32Array(1000));
    const sound = vocoder.invert(silence, { sampleCount: 1000, known: { channels: [new Float32Array(1000).fill(0.5)], spans: [{ from: 10, to: 20 }] } }).channels[0];
    expect(Array.from(sound, (value, at) => value === (at >= 10 && at < 20 ? 0.5 : 0)).every(Boolean)).toBe(true);
  });
});

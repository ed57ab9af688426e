import { describe, expect, it } from 'vitest';
import { createRegionLimit } from '../../src/audio/region.js';
import type { GivenSound } from '../../src/dsp/given-sound.js';
import type { Magnitudes } from '../../src/dsp/magnitudes.js';
import { recoverSignal } from '../../src/dsp/recover-signal.js';
import { createStft } from '../../src/dsp/stft.js';

const stft = createStft({ fftSize: 512, hopSamples: 128 });
const RATE = 8000;
const COUNT = 6400;
const [from, to] = [2400, 3200];

const tone = Float32Array.from({ length: COUNT }, (_, index) => 0.4 * Math.sin((2 * Math.PI * 437 * index) / RATE) + 0.2 * Math.sin((2 * Math.PI * 1130 * index) / RATE + 1));

function magnitudesOf(signal: Float32Array): Magnitudes {
  const { re, im, frameCount, binCount } = stft.forward(signal);
  return { magnitude: re.map((value, cell) => Math.hypot(value, im[cell])), frameCount, binCount };
}

const limit = createRegionLimit({ fromSample: from, toSample: to, lowHz: 0, highHz: RATE / 2 }, { sampleRateHz: RATE, sampleCount: COUNT });

/** Error of the part that was found, in dB below the tone there. */
function errorDb(made: Float32Array): number {
  let off = 0;
  let all = 0;
  for (let index = from; index < to; index += 1) {
    off += (made[index] - tone[index]) ** 2;
    all += tone[index] ** 2;
  }
  return 10 * Math.log10(off / all);
}

describe('recoverSignal around a given sound', () => {
  const holed = tone.map((value, index) => (index >= from && index < to ? 0 : value));
  const around: GivenSound = { samples: holed, limit };

  it('joins on in phase, which without the given sound is left to chance', () => {
    const options = { iterations: 60, seed: 3, sampleCount: COUNT, method: 'fast', start: 'random' } as const;
    const found = recoverSignal(stft, magnitudesOf(tone), { ...options, around });
    const alone = recoverSignal(stft, magnitudesOf(tone), options);
    expect(errorDb(found)).toBeLessThan(-15);
    expect(errorDb(alone)).toBeGreaterThan(-6);
  });

  it('keeps the level of the magnitudes', () => {
    const louder = recoverSignal(stft, magnitudesOf(tone), { iterations: 30, seed: 3, sampleCount: COUNT, method: 'fast', around: { samples: new Float32Array(COUNT), limit } });
    const middle = louder.subarray(from + 200, to - 200);
    const level = Math.sqrt(middle.reduce((sum, value) => sum + value * value, 0) / middle.length);
    expect(level).toBeGreaterThan(0.25);
    expect(level).toBeLessThan(0.4); // that of the tone is 0.316
  });

  it('refuses a given sound of another length', () => {
    expect(() => recoverSignal(stft, magnitudesOf(tone), { sampleCount: COUNT, around: { samples: holed.slice(1), limit } })).toThrow('samples of the given sound');
  });

  it('is silence where there are no magnitudes', () => {
    const nothing = { ...magnitudesOf(tone), magnitude: magnitudesOf(tone).magnitude.map(() => 0) };
    expect(recoverSignal(stft, nothing, { sampleCount: COUNT, around }).every((value) => value === 0)).toBe(true);
  });
});

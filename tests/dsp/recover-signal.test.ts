import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { rmsDb } from '../../src/dsp/loudness.js';
import { spectralConvergenceDb, type Magnitudes } from '../../src/dsp/magnitudes.js';
import { PHASE_METHODS, PHASE_STARTS, recoverSignal, type RecoverSignalOptions } from '../../src/dsp/recover-signal.js';
import { createStft } from '../../src/dsp/stft.js';
import { expectClose } from '../support/close.js';

const stft = createStft({ fftSize: 256, hopSamples: 64 });

function magnitudesOf(signal: Float32Array): Magnitudes {
  const { re, im, frameCount, binCount } = stft.forward(signal);
  return { magnitude: re.map((value, cell) => Math.hypot(value, im[cell])), frameCount, binCount };
}

const random = createRandom(1, 'griffin-lim test');
const signal = Float32Array.from({ length: 4096 }, (_, index) => 0.3 * Math.sin(0.05 * index + 2e-5 * index ** 2) + 0.02 * random.normal());
const target = magnitudesOf(signal);
const combinations = PHASE_METHODS.flatMap((method) => PHASE_STARTS.map((start) => ({ method, start })));

function meanError(options: RecoverSignalOptions): number {
  return [0, 1, 2, 3].reduce((sum, seed) => sum + spectralConvergenceDb(stft, recoverSignal(stft, target, { ...options, seed }), target) / 4, 0);
}

describe('recoverSignal', () => {
  it('comes as near as librosa does by fast Griffin-Lim, and nearer with momentum and with more iterations', () => {
    const few = meanError({ method: 'fast', start: 'random', iterations: 8 });
    const plain = meanError({ method: 'fast', start: 'random', iterations: 64, momentum: 0 });
    const fast = meanError({ method: 'fast', start: 'random', iterations: 64 });
    // librosa 0.11 on this signal, four seeds: -14.5, -16.7 and -22.7 dB.
    expectClose([few, plain, fast], [-14.5, -16.7, -22.7], { absolute: 2.5, reason: 'depends on the seeds' });
    expect(fast).toBeLessThan(plain - 3);
    expect(fast).toBeLessThan(few - 5);
  });

  // From slopes two iterations go most of the way, and 16 reach what more only move about.
  it.each(combinations)('comes nearer with iterations: $method from $start', (how) => {
    const [none, few, many] = [0, 2, 64].map((iterations) => meanError({ ...how, iterations }));
    expect(few).toBeLessThan(none - 1);
    expect(many).toBeLessThan(few - 1.5);
  });

  it('starts nearer from slopes than from chance', () => {
    expect(meanError({ start: 'pghi', iterations: 0 })).toBeLessThan(meanError({ start: 'random', iterations: 0 }) - 5);
  });

  it.each(combinations)('gives the same bytes for the same seed and others for another: $method from $start', (how) => {
    const first = recoverSignal(stft, target, { ...how, iterations: 4, seed: 5 });
    expect(recoverSignal(stft, target, { ...how, iterations: 4, seed: 5 })).toEqual(first);
    expect(recoverSignal(stft, target, { ...how, iterations: 4, seed: 6 })).not.toEqual(first);
  });

  it.each(combinations)('keeps the level and scales with the magnitudes: $method from $start', (how) => {
    const loud = recoverSignal(stft, target, { ...how, iterations: 16 });
    expectClose(rmsDb(loud.subarray(512, -512)), rmsDb(signal.subarray(512, -512)), { absolute: 0.1 });
    const quiet = recoverSignal(stft, { ...target, magnitude: target.magnitude.map((value) => value / 1024) }, { ...how, iterations: 16 });
    expectClose(quiet, loud.map((value) => value / 1024), { relative: 1e-6 });
  });

  it.each(combinations)('is exactly silent where the magnitudes are: $method from $start', (how) => {
    const magnitude = target.magnitude.slice();
    magnitude.fill(0, 20 * target.binCount, 40 * target.binCount);
    const got = recoverSignal(stft, { ...target, magnitude }, { ...how, iterations: 4 });
    expect(got.subarray(19 * 64 + 128, 40 * 64 - 128).every((sample) => sample === 0)).toBe(true);
    expect(rmsDb(got.subarray(0, 1000))).toBeGreaterThan(-30);
    expect(recoverSignal(stft, { ...target, magnitude: new Float32Array(magnitude.length) }, how)).toEqual(new Float32Array(4096));
  });

  it('returns as many samples as are asked for, where frames allow it', () => {
    expect(recoverSignal(stft, target, { iterations: 0, sampleCount: 4100 }).length).toBe(4100);
    expect(() => recoverSignal(stft, target, { sampleCount: 5000 })).toThrow(/frames of sampleCount: got 79, expected an integer in \[65, 65\]/);
    expect(() => recoverSignal(stft, target, { method: 'fast', momentum: 1 })).toThrow(/momentum: got 1/);
    expect(() => recoverSignal(stft, target, { iterations: -1 })).toThrow(/iterations: got -1/);
  });
});

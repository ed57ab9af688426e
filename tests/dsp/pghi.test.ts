import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { peakDb, rmsDb } from '../../src/dsp/loudness.js';
import type { Magnitudes } from '../../src/dsp/magnitudes.js';
import { createMaxHeap } from '../../src/dsp/max-heap.js';
import { phaseGradientHeapIntegration } from '../../src/dsp/pghi.js';
import { recoverSignal } from '../../src/dsp/recover-signal.js';
import { createStft, type Spectrum, type StftSettings } from '../../src/dsp/stft.js';
import { expectClose } from '../support/close.js';

const RATE_HZ = 22_050;

interface Analysed {
  readonly spectrum: Spectrum;
  readonly target: Magnitudes;
  readonly phase: Float32Array;
}

function analyse(signal: Float32Array, settings: StftSettings = { fftSize: 1024, hopSamples: 128 }): Analysed {
  const stft = createStft(settings);
  const spectrum = stft.forward(signal);
  const target = { ...spectrum, magnitude: spectrum.re.map((value, cell) => Math.hypot(value, spectrum.im[cell])) };
  return { spectrum, target, phase: phaseGradientHeapIntegration(stft, target) };
}

function wrapped(angle: number): number {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
}

/** Differences of phase over `step` cells, found minus true, over cells within 30 dB of the loudest, away from the ends. Unit: radians. */
function slopeErrors({ spectrum: { re, im, frameCount, binCount }, target: { magnitude }, phase }: Analysed, step: number): number[] {
  const loudest = magnitude.reduce((a, b) => Math.max(a, b), 0);
  const errors: number[] = [];
  for (let cell = 8 * binCount; cell < (frameCount - 8) * binCount; cell += 1) {
    if (Math.min(magnitude[cell], magnitude[cell + step]) < loudest * 10 ** -1.5) continue;
    const was = Math.atan2(im[cell + step], re[cell + step]) - Math.atan2(im[cell], re[cell]);
    errors.push(Math.abs(wrapped(phase[cell + step] - phase[cell] - was)));
  }
  return errors;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const tone = Float32Array.from({ length: 16_384 }, (_, index) => 0.5 * Math.sin((2 * Math.PI * 1234.5 * index) / RATE_HZ));
const chirp = Float32Array.from({ length: 22_050 }, (_, index) => 0.5 * Math.sin(2 * Math.PI * ((500 * index) / RATE_HZ + 1500 * (index / RATE_HZ) ** 2)));

describe('phaseGradientHeapIntegration', () => {
  it('turns the phase of a steady tone by its frequency from frame to frame', () => {
    const { target, phase } = analyse(tone);
    const bin = Math.round((1234.5 * 1024) / RATE_HZ);
    const advances = Array.from({ length: 100 }, (_, n) => wrapped(phase[(n + 11) * target.binCount + bin] - phase[(n + 10) * target.binCount + bin]));
    const expected = wrapped((2 * Math.PI * 1234.5 * 128) / RATE_HZ);
    expectClose(advances, advances.map(() => expected), { absolute: 0.12, reason: 'a Hann window is only nearly a Gauss window: 3 Hz here' });
  });

  // Random phases are off by π/2 = 1.57 in the mean.
  it.each([
    ['a steady tone', tone, 0.1],
    ['a chirp', chirp, 0.25],
  ])('finds the slopes of the phase of %s', (_, signal, limit) => {
    const analysed = analyse(signal);
    const alongFrames = slopeErrors(analysed, analysed.target.binCount);
    const alongBins = slopeErrors(analysed, 1);
    expect(Math.min(alongFrames.length, alongBins.length)).toBeGreaterThan(200);
    expect(mean(alongFrames)).toBeLessThan(limit);
    expect(mean(alongBins)).toBeLessThan(limit);
  });

  it.each([{ fftSize: 1024, hopSamples: 128 }, { fftSize: 2048, hopSamples: 128, windowSamples: 1024 }, { fftSize: 1024, hopSamples: 128, windowSamples: 900 }])(
    'puts a click where it was, %o', (settings) => {
      const click = new Float32Array(4096);
      click[2000] = 1;
      const { target, phase, spectrum } = analyse(click, settings);
      const stft = createStft(settings);
      const made: Spectrum = { ...spectrum, re: target.magnitude.map((value, cell) => value * Math.cos(phase[cell])), im: target.magnitude.map((value, cell) => value * Math.sin(phase[cell])) };
      const got = stft.inverse(made, click.length);
      const energy = got.reduce((sum, sample) => sum + sample * sample, 0);
      expect(got.subarray(1990, 2011).reduce((sum, sample) => sum + sample * sample, 0)).toBeGreaterThan(0.6 * energy);
    },
  );

  it('leaves to chance what lies below the tolerance, by the seed', () => {
    const stft = createStft({ fftSize: 256, hopSamples: 64 });
    const target = { magnitude: new Float32Array(5 * 129).fill(1e-6), frameCount: 5, binCount: 129 };
    target.magnitude[200] = 1;
    const find = (seed: number, tolerance?: number): Float32Array => phaseGradientHeapIntegration(stft, target, { seed, tolerance });
    expect(find(1)).toEqual(find(1));
    expect(find(1)).not.toEqual(find(2));
    expect(wrapped(find(1)[300] - find(1)[200] - find(2)[300] + find(2)[200])).not.toBe(0);
    const [a, b] = [find(1, 1e-7), find(2, 1e-7)];
    expectClose(wrapped(a[330] - a[200] - b[330] + b[200]), 0, { absolute: 1e-3, reason: 'float32 phases of hundreds of turns' }); // the next frame, a bin above
    expect(() => find(0, 1)).toThrow(/pghi: tolerance: got 1/);
  });
});

describe('phases between partials', () => {
  it('are left to chance, by the seed, where those of one partial are not', () => {
    const both = Float32Array.from({ length: 8192 }, (_, index) => 0.3 * Math.sin(0.4 * index) + 0.3 * Math.sin(0.9 * index));
    const stft = createStft({ fftSize: 1024, hopSamples: 128 });
    const { target } = analyse(both);
    const [low, high] = [0.4, 0.9].map((turn) => 30 * target.binCount + Math.round((turn * 1024) / (2 * Math.PI)));
    const phases = Array.from({ length: 8 }, (_, seed) => phaseGradientHeapIntegration(stft, target, { seed }));
    const spreadOf = (from: number, to: number): number => 1 - Math.hypot(mean(phases.map((phase) => Math.cos(phase[to] - phase[from]))), mean(phases.map((phase) => Math.sin(phase[to] - phase[from]))));
    expect(spreadOf(low, low + 1)).toBeLessThan(1e-5);
    expect(spreadOf(high, high + 20 * target.binCount)).toBeLessThan(1e-5);
    expect(spreadOf(low, high)).toBeGreaterThan(0.4);
  });

  it('make no pulses of magnitudes as smooth as mel bands are', () => {
    const stft = createStft({ fftSize: 1024, hopSamples: 256 });
    const [frameCount, binCount] = [64, 513];
    const magnitude = Float32Array.from({ length: frameCount * binCount }, (_, cell) => 1 / (1 + (cell % binCount) / 40));
    const sound = recoverSignal(stft, { magnitude, frameCount, binCount }, { iterations: 0 });
    expect(peakDb(sound) - rmsDb(sound)).toBeLessThan(14); // noise has about 12
  });
});

describe('createMaxHeap', () => {
  it('gives cells back from the largest key down, whatever the order of pushing', () => {
    const random = createRandom(3, 'heap');
    const keys = Float32Array.from({ length: 500 }, () => random.integer(100));
    const heap = createMaxHeap(keys);
    random.permutation(500).forEach((cell) => heap.push(cell));
    const popped = Array.from({ length: 500 }, () => heap.pop());
    expect(heap.size).toBe(0);
    expect(new Set(popped).size).toBe(500);
    expect(popped.map((cell) => keys[cell])).toEqual(Array.from(keys).sort((a, b) => b - a));
  });
});

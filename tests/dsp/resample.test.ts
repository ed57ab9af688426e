import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createChannelResampler } from '../../src/dsp/resample.js';

const AMPLITUDE = 0.9;
/** Samples near the ends, where the sound begins and stops, are left out. */
const EDGE = 1200;

function tone(frequencyHz: number, rateHz: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => AMPLITUDE * Math.sin((2 * Math.PI * frequencyHz * index) / rateHz));
}

function convert(signal: Float32Array, [fromHz, toHz]: readonly [number, number], blockLength = signal.length): Float32Array {
  const resampler = createChannelResampler(fromHz, toHz);
  const output: number[] = [];
  for (let at = 0; at < signal.length; at += blockLength) output.push(...resampler.process(signal.subarray(at, at + blockLength)));
  output.push(...resampler.flush());
  return Float32Array.from(output);
}

/** Against the tone as it would have been sampled at the new rate, so that delay and level count as error too. */
function snrDb(signal: Float32Array, frequencyHz: number, rateHz: number): number {
  const wanted = tone(frequencyHz, rateHz, signal.length);
  let signalPower = 0;
  let noisePower = 0;
  for (let index = EDGE; index < signal.length - EDGE; index += 1) {
    signalPower += wanted[index] ** 2;
    noisePower += (signal[index] - wanted[index]) ** 2;
  }
  return 10 * Math.log10(signalPower / noisePower);
}

function levelDb(signal: Float32Array): number {
  const middle = signal.subarray(EDGE, signal.length - EDGE);
  return 10 * Math.log10(middle.reduce((sum, value) => sum + value ** 2, 0) / middle.length / (AMPLITUDE ** 2 / 2));
}

const RATES: readonly (readonly [number, number])[] = [
  [48000, 22050],
  [44100, 22050],
  [48000, 16000],
  [96000, 22050],
  [44101, 22050],
  [22050, 44100],
  [44100, 48000],
  [8000, 22050],
];

describe('createChannelResampler', () => {
  it.each(RATES)('%i to %i Hz keeps tones up to 0.94 of the lower Nyquist frequency, in place', (fromHz, toHz) => {
    for (const share of [0.01, 0.3, 0.9, 0.94]) {
      const frequencyHz = (share * Math.min(fromHz, toHz)) / 2;
      const converted = convert(tone(frequencyHz, fromHz, fromHz / 2), [fromHz, toHz]);
      expect(converted.length).toBe(Math.ceil((Math.floor(fromHz / 2) * toHz) / fromHz));
      expect(snrDb(converted, frequencyHz, toHz), `${frequencyHz} Hz`).toBeGreaterThan(120);
    }
  });

  it.each(RATES.filter(([fromHz, toHz]) => fromHz > toHz))('%i to %i Hz rejects tones above the new Nyquist frequency', (fromHz, toHz) => {
    for (const share of [1.001, 1.02, 1.3, 1.9]) {
      const frequencyHz = Math.min((share * toHz) / 2, 0.999 * (fromHz / 2));
      expect(levelDb(convert(tone(frequencyHz, fromHz, fromHz / 2), [fromHz, toHz])), `${frequencyHz} Hz`).toBeLessThan(-120);
    }
  });

  it('creates no images when the rate rises', () => {
    // 3 000 Hz sampled at 8 000 Hz has its first image at 5 000 Hz.
    const converted = convert(tone(3000, 8000, 8000), [8000, 22050]).subarray(EDGE, -EDGE);
    const correlate = (wave: (angle: number) => number): number =>
      converted.reduce((sum, value, index) => {
        const window = 1 - Math.cos((2 * Math.PI * index) / converted.length);
        return sum + value * window * wave((2 * Math.PI * 5000 * index) / 22050);
      }, 0) / converted.length;
    expect(Math.hypot(correlate(Math.sin), correlate(Math.cos))).toBeLessThan(1e-6);
  });

  it('gives the same samples whatever the block length', () => {
    const signal = tone(440, 48000, 3000);
    const whole = convert(signal, [48000, 22050]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 700 }), (blockLength) => {
        expect(convert(signal, [48000, 22050], blockLength)).toEqual(whole);
      }),
      { numRuns: 15 },
    );
  });

  it('gives ceil(T · to / from) samples, down to a single one and none', () => {
    for (const length of [0, 1, 2, 3, 147, 1000]) {
      expect(convert(new Float32Array(length).fill(0.5), [44100, 22050], 64).length).toBe(Math.ceil(length / 2));
      expect(convert(new Float32Array(length).fill(0.5), [22050, 48000], 64).length).toBe(Math.ceil((length * 48000) / 22050));
    }
  });

  it('keeps a constant constant and passes equal rates through', () => {
    const constant = convert(new Float32Array(6000).fill(0.25), [48000, 22050]);
    expect(Math.max(...constant.subarray(EDGE, -EDGE).map((value) => Math.abs(value - 0.25)))).toBeLessThan(1e-6);
    const signal = tone(1000, 22050, 100);
    expect(convert(signal, [22050, 22050])).toEqual(signal);
  });

  it('refuses rates that are not whole numbers of hertz', () => {
    expect(() => createChannelResampler(0, 22050)).toThrow('resample: fromHz: got 0');
    expect(() => createChannelResampler(44100, 22050.5)).toThrow('resample: toHz: got 22050.5');
  });
});

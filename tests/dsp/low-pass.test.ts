import { describe, expect, it } from 'vitest';
import { canLowPass, lowPass, lowPassWeights } from '../../src/dsp/low-pass.js';

/** Gain of a symmetric filter at a frequency. Unit: decibels. */
function gainDb(weights: Float64Array, share: number): number {
  return 20 * Math.log10(Math.abs(weights.reduce((sum, weight, tap) => sum + (tap === 0 ? 1 : 2) * weight * Math.cos(2 * Math.PI * share * tap), 0)));
}

describe('low-pass', () => {
  it.each([16_000, 22_050, 44_100, 48_000])('at 3.5 kHz keeps to the mask of BS.1534 at %i Hz: ±0.1 dB below, 25 dB at 4 kHz, 50 dB from 4.5 kHz on', (sampleRateHz) => {
    const weights = lowPassWeights({ sampleRateHz, passHz: 3500 });
    for (let hz = 0; hz <= 3500; hz += 25) expect(Math.abs(gainDb(weights, hz / sampleRateHz)), `${hz} Hz`).toBeLessThan(0.1);
    expect(gainDb(weights, 4000 / sampleRateHz)).toBeLessThan(-25);
    for (let hz = 4500; hz <= sampleRateHz / 2; hz += 25) expect(gainDb(weights, hz / sampleRateHz), `${hz} Hz`).toBeLessThan(-50);
  });

  it('neither moves nor shortens a sound', () => {
    const rate = 16_000;
    const signal = Float32Array.from({ length: 400 }, (_, index) => Math.sin((2 * Math.PI * 500 * index) / rate) * Math.sin((Math.PI * index) / 400) ** 2);
    const filtered = lowPass(signal, { sampleRateHz: rate, passHz: 3500 });
    expect(filtered).toHaveLength(400);
    filtered.forEach((value, index) => expect(value).toBeCloseTo(signal[index], 2));
    const impulse = new Float32Array(401);
    impulse[200] = 1;
    const response = lowPass(impulse, { sampleRateHz: rate, passHz: 3500 });
    expect(response[200]).toBe(Math.max(...response));
    for (let at = 1; at <= 200; at += 1) expect(response[200 - at]).toBe(response[200 + at]);
  });

  it('says where it has no room', () => {
    expect([canLowPass({ sampleRateHz: 8000, passHz: 3500 }), canLowPass({ sampleRateHz: 16_000, passHz: 7000 }), canLowPass({ sampleRateHz: 16_000, passHz: 3500 }), canLowPass({ sampleRateHz: 22_050, passHz: 7000 })]).toEqual([false, false, true, true]);
    expect(() => lowPassWeights({ sampleRateHz: 8000, passHz: 3600 })).toThrow(/passHz/);
  });
});

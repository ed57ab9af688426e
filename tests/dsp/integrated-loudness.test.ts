// Against the coefficients that the recommendation prints for 48 kHz, and signals whose loudness is known.
import { describe, expect, it } from 'vitest';
import { integratedLoudness, kWeighting } from '../../src/dsp/integrated-loudness.js';

function tone(seconds: number, { db, hz = 1000, rate = 48_000 }: { db: number; hz?: number; rate?: number }): Float32Array {
  return Float32Array.from({ length: Math.round(seconds * rate) }, (_, index) => 10 ** (db / 20) * Math.sin((2 * Math.PI * hz * index) / rate));
}

function joined(...parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

describe('K weighting', () => {
  it('has the coefficients of BS.1770-4 at 48 kHz', () => {
    const [shelf, pass] = kWeighting(48_000);
    const printed = [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585, 1, -2, 1, -1.99004745483398, 0.99007225036621];
    [...shelf.b, ...shelf.a, ...pass.b, ...pass.a].forEach((value, index) => expect(value).toBeCloseTo(printed[index], 9));
  });
});

describe('integrated loudness', () => {
  it.each([8000, 22_050, 44_100, 48_000])('reads −3.01 for a full-scale sine of 997 Hz in one channel at %i Hz', (rate) => {
    expect(integratedLoudness([tone(2, { db: 0, hz: 997, rate })], rate)).toBeCloseTo(-3.01, rate < 10_000 ? 0 : 1);
  });

  it('adds the power of two channels', () => {
    const channel = tone(2, { db: -23 });
    expect(integratedLoudness([channel, channel], 48_000)).toBeCloseTo(-23, 1);
  });

  it('leaves out what is more than 10 LU below the rest, and silence', () => {
    const rate = 16_000; // the blocks that hold both levels are few against a minute
    const gated = joined(tone(10, { db: -36, rate }), tone(60, { db: -23, rate }), tone(10, { db: -36, rate }), tone(10, { db: -72, rate }), new Float32Array(rate));
    expect(integratedLoudness([gated, gated], rate)).toBeCloseTo(-23, 1);
  });

  it('of a sound shorter than a block is that of its whole', () => {
    const short = tone(0.1, { db: 0, hz: 997 });
    expect(integratedLoudness([short], 48_000)).toBeCloseTo(-3.01, 1);
  });

  it('of silence is −∞', () => expect(integratedLoudness([new Float32Array(48_000)], 48_000)).toBe(-Infinity));
});

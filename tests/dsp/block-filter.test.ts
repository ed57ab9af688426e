import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { createBlockFilter } from '../../src/dsp/block-filter.js';
import { createChannelResampler } from '../../src/dsp/resample.js';

/** The sums as they are written down. */
function slowly(weights: Float32Array, signal: Float32Array, { step, start, count }: { step: number; start: number; count: number }): number[] {
  return Array.from({ length: count }, (_, j) => weights.reduce((sum, weight, tap) => sum + weight * (signal[start + j * step + tap] ?? 0), 0));
}

describe('createBlockFilter', () => {
  it('gives the sums of every number of weights, step and place, silence beyond the end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 9 }), (taps, step, length, start) => {
        const random = createRandom(taps + 100 * step);
        const [weights, signal] = [random.normals(taps), random.normals(length)];
        const filter = createBlockFilter({ weights, step });
        expect(filter.inputCount).toBe((filter.outputCount - 1) * step + taps);
        const out = new Float32Array(filter.outputCount + 2).fill(7);
        filter.apply(signal, start, out, 1);
        const expected = slowly(weights, signal, { step, start, count: filter.outputCount });
        expect([out[0], out.at(-1)]).toEqual([7, 7]);
        for (const [j, value] of expected.entries()) expect(Math.abs(out[j + 1] - value)).toBeLessThan(1e-5); // of float32 values of up to 40
      }),
      { numRuns: 60 },
    );
  });

  it('writes no further than there is room', () => {
    const filter = createBlockFilter({ weights: Float32Array.of(1, 2, 3), step: 2 });
    const out = new Float32Array(3);
    filter.apply(Float32Array.of(1, 1, 1, 1, 1, 1), 0, out, 1);
    expect([...out]).toEqual([0, 6, 6]);
  });
});

describe('a whole fraction of the rate', () => {
  it.each([[44100, 22050], [48000, 16000], [96000, 12000]])('%i to %i Hz gives the same samples whatever the block length', (fromHz, toHz) => {
    const signal = createRandom(1).normals(20_000);
    const convert = (blockLength: number): Float32Array => {
      const resampler = createChannelResampler(fromHz, toHz);
      const parts: number[] = [];
      for (let at = 0; at < signal.length; at += blockLength) parts.push(...resampler.process(signal.subarray(at, at + blockLength)));
      return Float32Array.from([...parts, ...resampler.flush()]);
    };
    const whole = convert(signal.length);
    expect(whole.length).toBe(Math.ceil((20_000 * toHz) / fromHz));
    for (const blockLength of [1000, 4097, 19_999]) expect(convert(blockLength)).toEqual(whole);
  });
});

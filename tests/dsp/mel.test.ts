import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyMelFilterBank, emptyFilters, hzToMel, melFilterBank, melToHz, requireNoEmptyFilter, type MelFilterBankSettings } from '../../src/dsp/mel.js';
import { expectClose } from '../support/close.js';
import { float64, int32, readLibrosaFixture } from './fixtures/librosa.js';

const fixture = readLibrosaFixture();
const scales = ['slaney', 'htk'] as const;
const base: MelFilterBankSettings = { sampleRateHz: 22050, fftSize: 1024, melBins: 80, minHz: 20, maxHz: 11025, melScale: 'slaney', melNorm: 'none' };

describe('mel scales', () => {
  it.each(scales)('%s agrees with librosa', (scale) => {
    expectClose(Float64Array.from({ length: 25 }, (_, index) => hzToMel(500 * index, scale)), float64(fixture.scales[scale]), { relative: 1e-12 });
  });

  it.each(scales)('%s is inverted and rises', (scale) => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 48000, noNaN: true }), (hz) => {
        expectClose(melToHz(hzToMel(hz, scale), scale), hz, { absolute: 1e-9, relative: 1e-12 });
        expect(hzToMel(hz + 1, scale)).toBeGreaterThan(hzToMel(hz, scale));
      }),
    );
  });
});

describe('melFilterBank', () => {
  it.each(fixture.banks.map((stored) => [`${stored.melScale} ${stored.melNorm} ${stored.melBins} of ${stored.fftSize} at ${stored.sampleRateHz}`, stored] as const))(
    'agrees with librosa to 1e-5 relative: %s',
    (_name, stored) => {
      const { weights } = melFilterBank(stored);
      const expected = new Float64Array(weights.length);
      const values = float64(stored.values);
      int32(stored.positions).forEach((position, index) => {
        expected[position] = values[index];
      });
      expectClose(weights, expected, { relative: 1e-5 });
    },
  );

  it.each([
    ['filters of many bins', {}],
    ['filters without a bin', { melBins: 400 }],
    ['filters of a part of the range', { minHz: 1000, maxHz: 5000, melNorm: 'slaney' }],
    ['filters between two bins', { melBins: 1, minHz: 1001, maxHz: 1010 }],
  ] as const)('gives the same sums in band form as in matrix form, of any number of frames: %s', (_name, changes) => {
    const { weights, ...bank } = melFilterBank({ ...base, ...changes });
    for (const count of [1, 2, 3, 4, 5, 8, 11]) {
      const linear = Float64Array.from({ length: count * bank.binCount }, (_, cell) => 1 + ((cell * 37) % 11));
      const out = new Float64Array(bank.melBins * count);
      applyMelFilterBank({ weights, ...bank }, linear, out);
      const slow = out.map((_, cell) => {
        const frame = linear.subarray((cell % count) * bank.binCount, ((cell % count) + 1) * bank.binCount);
        const filter = Math.floor(cell / count);
        return frame.reduce((sum, value, bin) => sum + value * weights[filter * bank.binCount + bin], 0);
      });
      expectClose(out, slow, { relative: 1e-6 });
    }
  });

  it('names empty filters', () => {
    expect(emptyFilters(melFilterBank(base))).toEqual([]);
    const crowded = melFilterBank({ ...base, melBins: 400 });
    expect(emptyFilters(crowded).length).toBeGreaterThan(0);
    expect(() => requireNoEmptyFilter(crowded)).toThrow(/mel\.melBins: \d+ of 400 mel bins without a single bin.*Use fewer mel bins/);
  });

  it('refuses edges that make no sense', () => {
    expect(() => melFilterBank({ ...base, maxHz: 12000 })).toThrow(/mel: maxHz: got 12000/);
    expect(() => melFilterBank({ ...base, minHz: 11025 })).toThrow(/mel: minHz/);
    expect(() => melFilterBank({ ...base, melBins: 0 })).toThrow(/mel: melBins/);
  });
});

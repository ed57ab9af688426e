import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amplitudeToDb, dbToAmplitude, dbToPower, powerToDb } from '../../src/dsp/decibels.js';
import { peak, peakDb, rms, rmsDb } from '../../src/dsp/loudness.js';
import { expectClose } from '../support/close.js';

const positive = fc.double({ min: 1e-12, max: 1e12, noNaN: true });

describe('decibels', () => {
  it('are inverse for every reference', () => {
    fc.assert(
      fc.property(positive, positive, (value, reference) => {
        expectClose(dbToPower(powerToDb(value, reference), reference), value, { relative: 1e-12 });
        expectClose(dbToAmplitude(amplitudeToDb(value, reference), reference), value, { relative: 1e-12 });
      }),
    );
  });

  it('read what they should', () => {
    expectClose([powerToDb(100), powerToDb(1, 10), amplitudeToDb(-0.1), powerToDb(0), dbToPower(-Infinity)], [20, -10, -20, -Infinity, 0], { absolute: 1e-12 });
  });
});

describe('loudness', () => {
  it('reads tones, squares and silence', () => {
    const sine = Float32Array.from({ length: 4410 }, (_, index) => Math.sin((2 * Math.PI * index) / 441));
    expectClose([rmsDb(sine), peakDb(sine)], [-3.0103, 0], { absolute: 1e-3 });
    expectClose([rmsDb([1, -1]), rmsDb([0.1, -0.1])], [0, -20], { absolute: 1e-12 });
    expect([rms([]), peak([]), rmsDb([0, 0]), peakDb([0])]).toEqual([0, 0, -Infinity, -Infinity]);
    expect(peak([0, Number.NaN, 1])).toBeNaN();
  });
});

import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { pitchSteadiness } from '../../src/evaluation/pitch-steadiness.js';
import { expectClose } from '../support/close.js';

const RATE_HZ = 22_050;

/** One second of a note with six partials, whose pitch sways by `cents` either way five times a second. */
function note(hz: number, { cents = 0, tremoloDb = 0, decayDb = 0 } = {}): Float32Array {
  let turn = 0;
  return Float32Array.from({ length: RATE_HZ }, (_, index) => {
    const seconds = index / RATE_HZ;
    const sway = Math.sin(2 * Math.PI * 5 * seconds);
    turn += (2 * Math.PI * hz * 2 ** ((cents * sway) / 1200)) / RATE_HZ;
    const gain = 10 ** ((tremoloDb * sway - decayDb * seconds) / 20);
    return gain * [1, 2, 3, 4, 5, 6].reduce((sum, partial) => sum + (0.2 / partial) * Math.sin(partial * turn), 0);
  });
}

describe('pitch steadiness', () => {
  it.each([55.5, 220, 441.3, 1318.5])('reads %f Hz, and a note that is held as held', (hz) => {
    const { medianHz, wobbleCents, levelWobbleDb, pitchedShare } = pitchSteadiness(note(hz), { sampleRateHz: RATE_HZ });
    expectClose(medianHz, hz, { relative: 2e-3 });
    expect(wobbleCents).toBeLessThan(1.5);
    expect(levelWobbleDb).toBeLessThan(0.5);
    expect(pitchedShare).toBe(1);
  });

  it('reads a sway of the pitch by its depth, and one of the level too', () => {
    for (const cents of [10, 40]) expectClose(pitchSteadiness(note(220, { cents }), { sampleRateHz: RATE_HZ }).wobbleCents, cents / Math.SQRT2, { relative: 0.25 }); // frames of 93 ms smooth it a little
    expectClose(pitchSteadiness(note(220, { tremoloDb: 3 }), { sampleRateHz: RATE_HZ }).levelWobbleDb, 3 / Math.SQRT2, { relative: 0.3 });
  });

  it('does not take a decay for a wobble', () => {
    expect(pitchSteadiness(note(220, { decayDb: 40 }), { sampleRateHz: RATE_HZ }).levelWobbleDb).toBeLessThan(0.1);
  });

  it('finds no pitch in noise', () => {
    const { pitchedShare, medianHz } = pitchSteadiness(createRandom(3).normals(RATE_HZ), { sampleRateHz: RATE_HZ });
    expect([pitchedShare, medianHz]).toEqual([0, Number.NaN]);
  });

  it('refuses what is too short, or a pitch too low for its frames', () => {
    expect(() => pitchSteadiness(new Float32Array(4000), { sampleRateHz: RATE_HZ })).toThrow('samples: got 4000');
    expect(() => pitchSteadiness(new Float32Array(8000), { sampleRateHz: RATE_HZ, minHz: 10 })).toThrow('minHz: got 10');
  });
});

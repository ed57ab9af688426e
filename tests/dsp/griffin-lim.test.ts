import { describe, expect, it } from 'vitest';
import { acceleratedGriffinLim } from '../../src/dsp/accelerated-griffin-lim.js';
import { admmGriffinLim } from '../../src/dsp/admm-griffin-lim.js';
import { fastGriffinLim } from '../../src/dsp/griffin-lim.js';
import type { Spectrum } from '../../src/dsp/stft.js';
import { expectClose } from '../support/close.js';
import { magnitude, problem, randomGuess, spectrum, stft } from '../support/swept-tone.js';

/** ‖guess - rebuilt(guess)‖. */
function inconsistency(guess: Spectrum): number {
  const rebuilt = stft.createSpectrum(guess.frameCount);
  problem().rebuild(guess, rebuilt);
  return Math.sqrt(guess.re.reduce((sum, value, cell) => sum + (value - rebuilt.re[cell]) ** 2 + (guess.im[cell] - rebuilt.im[cell]) ** 2, 0));
}

describe('the methods', () => {
  it.each([
    ['fast', fastGriffinLim],
    ['accelerated', acceleratedGriffinLim],
    ['admm', admmGriffinLim],
  ])('leave a spectrum that a signal has as it is, with its magnitudes: %s', (_, method) => {
    const guess = { ...spectrum, re: spectrum.re.slice(), im: spectrum.im.slice() };
    method(problem(), guess, { iterations: 3 });
    expectClose(guess.re, spectrum.re, { absolute: 1e-4, reason: 'float32' });
    const improved = randomGuess();
    method(problem(), improved, { iterations: 5 });
    expectClose(improved.re.map((value, cell) => Math.hypot(value, improved.im[cell])), magnitude, { absolute: 1e-5, relative: 1e-5 });
  });

  it('without momentum never move away from what signals have', () => {
    const guess = randomGuess();
    let before = inconsistency(guess);
    for (let iteration = 0; iteration < 12; iteration += 1) {
      fastGriffinLim(problem(), guess, { iterations: 1, momentum: 0 });
      const after = inconsistency(guess);
      expect(after).toBeLessThanOrEqual(before * (1 + 1e-6));
      before = after;
    }
    expect(before).toBeLessThan(0.7 * inconsistency(randomGuess()));
  });

  it('are one where accelerated neither relaxes nor averages', () => {
    const [fast, accelerated] = [randomGuess(), randomGuess()];
    fastGriffinLim(problem(), fast, { iterations: 6, momentum: 0.8 });
    acceleratedGriffinLim(problem(), accelerated, { iterations: 6, momentum: 0.8, relaxation: 1, inertia: 0.3 });
    expectClose(accelerated.re, fast.re, { absolute: 1e-3, reason: 'rounding of float32 grows from step to step' });
    const relaxed = randomGuess();
    acceleratedGriffinLim(problem(), relaxed, { iterations: 6, momentum: 0.8, relaxation: 1.25, inertia: 0.3 });
    expect(relaxed.re).not.toEqual(accelerated.re);
  });

  it('creep under a large penalty', () => {
    const start = randomGuess();
    const moved = ([0.3, 100] as const).map((penalty) => {
      const guess = randomGuess();
      admmGriffinLim(problem(), guess, { iterations: 1, penalty });
      return guess.re.reduce((sum, value, cell) => sum + Math.abs(value - start.re[cell]), 0);
    });
    expect(moved[1]).toBeLessThan(0.1 * moved[0]);
  });

  it('refuse what is out of range', () => {
    expect(() => fastGriffinLim(problem(), randomGuess(), { iterations: 1, momentum: 1 })).toThrow(/fastGriffinLim: momentum: got 1/);
    expect(() => acceleratedGriffinLim(problem(), randomGuess(), { iterations: 1, momentum: 3 })).toThrow(/momentum: got 3/);
    expect(() => acceleratedGriffinLim(problem(), randomGuess(), { iterations: 1, inertia: -1 })).toThrow(/inertia: got -1/);
    expect(() => acceleratedGriffinLim(problem(), randomGuess(), { iterations: 1, relaxation: 0 })).toThrow(/relaxation: got 0/);
    expect(() => admmGriffinLim(problem(), randomGuess(), { iterations: 1, penalty: -1 })).toThrow(/penalty: got -1/);
  });
});

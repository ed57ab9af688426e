import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { acceleratedGriffinLim } from '../../src/dsp/accelerated-griffin-lim.js';
import { admmGriffinLim } from '../../src/dsp/admm-griffin-lim.js';
import { fastGriffinLim } from '../../src/dsp/griffin-lim.js';
import { imposeMagnitude, spectralConvergenceDb } from '../../src/dsp/magnitudes.js';
import { applyMelFilterBank, melFilterBank } from '../../src/dsp/mel.js';
import { correctToMel, withMelConsistency } from '../../src/dsp/mel-consistency.js';
import { createPhaseProblem, type PhaseProblem } from '../../src/dsp/phase-problem.js';
import { createStft, type Spectrum } from '../../src/dsp/stft.js';
import { expectClose } from '../support/close.js';

const stft = createStft({ fftSize: 256, hopSamples: 64 });
const random = createRandom(1, 'griffin-lim methods');
const signal = Float32Array.from({ length: 4096 }, (_, index) => 0.3 * Math.sin(0.05 * index + 2e-5 * index ** 2) + 0.02 * random.normal());
const spectrum = stft.forward(signal);
const magnitude = spectrum.re.map((value, cell) => Math.hypot(value, spectrum.im[cell]));
const target = { ...spectrum, magnitude };
const bank = melFilterBank({ sampleRateHz: 22_050, fftSize: 256, melBins: 16, minHz: 0, maxHz: 11_025, melScale: 'htk', melNorm: 'none' });

function problem(): PhaseProblem {
  return createPhaseProblem(stft, { ...target, magnitude: magnitude.slice() }, { sampleCount: signal.length });
}

function randomGuess(seed = 2): Spectrum {
  const draw = createRandom(seed, 'guess');
  const guess = stft.createSpectrum(spectrum.frameCount);
  for (const part of [guess.re, guess.im]) part.set(draw.normals(part.length));
  imposeMagnitude(guess, magnitude);
  return guess;
}

/** ‖guess - rebuilt(guess)‖. */
function inconsistency(guess: Spectrum): number {
  const rebuilt = stft.createSpectrum(guess.frameCount);
  problem().rebuild(guess, rebuilt);
  return Math.sqrt(guess.re.reduce((sum, value, cell) => sum + (value - rebuilt.re[cell]) ** 2 + (guess.im[cell] - rebuilt.im[cell]) ** 2, 0));
}

/** Σ weight·magnitude² of every frame. Shape: [N*M]. */
function melOf(values: Float32Array): Float32Array {
  const mel = new Float32Array(spectrum.frameCount * bank.melBins);
  const row = new Float64Array(bank.melBins);
  for (let n = 0; n < spectrum.frameCount; n += 1) {
    applyMelFilterBank(bank, Float64Array.from(values.subarray(n * bank.binCount, (n + 1) * bank.binCount), (value) => value ** 2), row);
    mel.set(row.subarray(0, bank.melBins), n * bank.melBins);
  }
  return mel;
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

describe('withMelConsistency', () => {
  const mel = melOf(magnitude);

  it('leaves magnitudes that already give the mel spectrogram', () => {
    const refined = withMelConsistency(problem(), { bank, mel });
    refined.rebuild(spectrum, stft.createSpectrum(spectrum.frameCount));
    // The lowest and the highest bin lie under no filter, so that nothing is known of them.
    expectClose(refined.magnitude, magnitude.map((value, cell) => (bank.filterOf[cell % bank.binCount] < 0 ? 0 : value)), { absolute: 1e-4, relative: 1e-4 });
  });

  it('finds magnitudes that a signal has and that give the mel spectrogram, from even ones', () => {
    const even = magnitude.map(() => 1);
    const own = createPhaseProblem(stft, { ...target, magnitude: even }, { sampleCount: signal.length });
    const refined = withMelConsistency(own, { bank, mel });
    const guess = randomGuess();
    acceleratedGriffinLim(refined, guess, { iterations: 60 });
    const off = melOf(refined.magnitude).reduce((sum, value, cell) => sum + (Math.sqrt(value) - Math.sqrt(mel[cell])) ** 2, 0);
    expect(10 * Math.log10(off / mel.reduce((sum, value) => sum + value, 0))).toBeLessThan(-20);
    expect(spectralConvergenceDb(stft, stft.inverse(guess, signal.length), { ...target, magnitude: refined.magnitude })).toBeLessThan(-20);
  });

  it('is silent where the mel spectrogram is, and waits as long as it is told', () => {
    const half = mel.map((value, cell) => (cell < mel.length / 2 ? 0 : value));
    const refined = withMelConsistency(problem(), { bank, mel: half, after: 1 });
    const rebuilt = stft.createSpectrum(spectrum.frameCount);
    refined.rebuild(spectrum, rebuilt);
    expect(refined.magnitude).toEqual(magnitude);
    refined.rebuild(spectrum, rebuilt);
    expect(refined.magnitude.subarray(0, 32 * bank.binCount).every((value) => value === 0)).toBe(true);
    expect(refined.magnitude[60 * bank.binCount + 2]).toBeGreaterThan(0);
  });

  it('refuses a mel spectrogram of other frames', () => {
    expect(() => withMelConsistency(problem(), { bank, mel: mel.subarray(bank.melBins) })).toThrow(/withMelConsistency: got shape \[64\], expected \[65\]/);
  });
});

describe('correctToMel', () => {
  const copy = (): Spectrum => ({ ...spectrum, re: spectrum.re.slice(), im: spectrum.im.slice() });
  const isUnderFilter = (cell: number): boolean => bank.filterOf[cell % bank.binCount] >= 0;

  it('leaves a spectrum that holds what it should, and makes up for a level that is wrong', () => {
    for (const gain of [1, 0.5, 3]) {
      const got = { ...spectrum, re: spectrum.re.map((value) => gain * value), im: spectrum.im.map((value) => gain * value) };
      correctToMel(got, { bank, mel: melOf(magnitude) });
      expectClose(got.re, spectrum.re.map((value, cell) => (isUnderFilter(cell) ? value : 0)), { absolute: 1e-4, relative: 1e-4 });
    }
  });

  it('comes nearer to another mel spectrogram, and turns no phase', () => {
    const wanted = melOf(magnitude).map((value, cell) => value * (1 + 2 * ((cell * 7) % 5)));
    const off = (values: Spectrum): number => melOf(values.re.map((value, cell) => Math.hypot(value, values.im[cell]))).reduce((sum, value, cell) => sum + Math.abs(Math.log10((value + 1e-9) / (wanted[cell] + 1e-9))), 0);
    const got = copy();
    correctToMel(got, { bank, mel: wanted });
    expect(off(got)).toBeLessThan(0.4 * off(spectrum));
    const cross = got.re.map((value, cell) => value * spectrum.im[cell] - got.im[cell] * spectrum.re[cell]);
    expectClose(cross, new Float32Array(cross.length), { absolute: 1e-3, reason: 'float32, of products up to 500' });
  });

  it('raises what holds next to nothing by 20 dB at most, and refuses other frames', () => {
    const faint = { ...spectrum, re: spectrum.re.map((value) => 1e-4 * value), im: spectrum.im.map((value) => 1e-4 * value) };
    const before = faint.re.slice();
    correctToMel(faint, { bank, mel: melOf(magnitude) });
    expectClose(faint.re, before.map((value, cell) => (isUnderFilter(cell) ? 10 * value : 0)), { absolute: 1e-6, relative: 1e-4 });
    expect(() => correctToMel(copy(), { bank, mel: melOf(magnitude).subarray(bank.melBins) })).toThrow(/correctToMel: got shape \[64, 129\], expected \[65, 129\]/);
  });
});

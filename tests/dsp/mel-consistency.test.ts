import { describe, expect, it } from 'vitest';
import { acceleratedGriffinLim } from '../../src/dsp/accelerated-griffin-lim.js';
import { spectralConvergenceDb } from '../../src/dsp/magnitudes.js';
import { applyMelFilterBank, melFilterBank } from '../../src/dsp/mel.js';
import { correctToMel, withEvenShare, withMelConsistency } from '../../src/dsp/mel-consistency.js';
import { createMelNnls } from '../../src/dsp/nnls.js';
import { createPhaseProblem } from '../../src/dsp/phase-problem.js';
import { expectClose } from '../support/close.js';
import { magnitude, problem, randomGuess, signal, spectrum, stft, target } from '../support/swept-tone.js';

const bank = melFilterBank({ sampleRateHz: 22_050, fftSize: 256, melBins: 16, minHz: 0, maxHz: 11_025, melScale: 'htk', melNorm: 'none' });
const { frameCount } = spectrum;
const { binCount, melBins } = bank;

/** Σ weight·magnitude² of every frame. Shape: [N*M]. */
function melOf(values: Float32Array): Float32Array {
  const mel = new Float32Array(frameCount * melBins);
  const row = new Float64Array(melBins);
  for (let n = 0; n < frameCount; n += 1) {
    applyMelFilterBank(bank, Float64Array.from(values.subarray(n * binCount, (n + 1) * binCount), (value) => value ** 2), row);
    mel.set(row.subarray(0, melBins), n * melBins);
  }
  return mel;
}

/** Magnitudes under the filters; 0 where there is none. */
function underFilters(values: Float32Array): Float32Array {
  return values.map((value, cell) => (bank.filterOf[cell % binCount] < 0 ? 0 : value));
}

describe('withMelConsistency', () => {
  const mel = melOf(magnitude);

  it('leaves magnitudes that already give the mel spectrogram', () => {
    const refined = withMelConsistency(problem(), { bank, mel });
    refined.rebuild(spectrum, stft.createSpectrum(spectrum.frameCount));
    // The lowest and the highest bin lie under no filter, so that nothing is known of them.
    expectClose(refined.magnitude, underFilters(magnitude), { absolute: 1e-4, relative: 1e-4 });
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
    expect(refined.magnitude.subarray(0, 32 * binCount).every((value) => value === 0)).toBe(true);
    expect(refined.magnitude[60 * binCount + 2]).toBeGreaterThan(0);
  });

  it('refuses a mel spectrogram of other frames', () => {
    expect(() => withMelConsistency(problem(), { bank, mel: mel.subarray(melBins) })).toThrow(/withMelConsistency: got shape \[64\], expected \[65\]/);
  });
});

describe('correctToMel', () => {
  const corrected = (values: Float32Array, mel: Float32Array, steps?: number): Float32Array => {
    const own = values.slice();
    correctToMel({ magnitude: own, frameCount, binCount }, { bank, mel }, steps);
    return own;
  };

  it('leaves magnitudes that hold what they should, and makes up for a level that is wrong', () => {
    for (const gain of [1, 0.5, 3]) expectClose(corrected(magnitude.map((value) => gain * value), melOf(magnitude)), underFilters(magnitude), { absolute: 1e-5, relative: 1e-4 });
  });

  it('comes to another mel spectrogram in the steps that it is given', () => {
    const wanted = melOf(magnitude.map((value, cell) => value * (1 + ((cell * 7) % 5))));
    const off = (values: Float32Array): number => melOf(values).reduce((sum, value, cell) => sum + Math.abs(Math.log10((value + 1e-9) / (wanted[cell] + 1e-9))), 0);
    expect(off(corrected(magnitude, wanted, 0))).toBeCloseTo(off(magnitude), 6);
    expect(off(corrected(magnitude, wanted))).toBeLessThan(0.02 * off(magnitude));
    expect(off(corrected(magnitude, wanted, 4))).toBeLessThan(1e-4 * off(magnitude));
  });

  it('refuses other frames', () => {
    expect(() => corrected(magnitude, melOf(magnitude).subarray(melBins))).toThrow(/correctToMel: got shape \[64\], expected \[65\]/);
  });
});

describe('withEvenShare', () => {
  const mel = melOf(magnitude);
  const shortest = new Float32Array(magnitude.length);
  const nnls = createMelNnls(bank);
  const power = new Float64Array(binCount);
  for (let n = 0; n < frameCount; n += 1) {
    nnls.solve(Float64Array.from(mel.subarray(n * melBins, (n + 1) * melBins)), power);
    shortest.set(power.map(Math.sqrt), n * binCount);
  }
  const led = withEvenShare({ magnitude: shortest, frameCount, binCount }, { bank, mel });

  it('gives another solution, without the holes of the shortest', () => {
    expectClose(melOf(led.magnitude).map((value, cell) => value / mel[cell]), mel.map(() => 1), { absolute: 1e-3 });
    const holesOf = (values: Float32Array): number => values.filter((value, cell) => bank.filterOf[cell % binCount] >= 0 && value === 0).length;
    expect(holesOf(shortest)).toBeGreaterThan(100);
    expect(holesOf(led.magnitude)).toBe(0);
  });

  it('never takes more than a tenth of the power of a bin', () => {
    expect(led.magnitude.every((value, cell) => value ** 2 >= 0.9 * shortest[cell] ** 2 * (1 - 1e-6))).toBe(true);
  });

  it('leaves silence silent, and refuses other frames', () => {
    const silent = withEvenShare({ magnitude: magnitude.map(() => 0), frameCount, binCount }, { bank, mel: mel.map(() => 0) });
    expect(silent.magnitude.every((value) => value === 0)).toBe(true);
    expect(() => withEvenShare(target, { bank, mel: mel.subarray(melBins) })).toThrow(/withEvenShare: got shape \[64\], expected \[65\]/);
  });
});

import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { logSpectralDistance, multiResolutionDistance, RESOLUTIONS } from '../../src/evaluation/spectral-distances.js';
import { expectClose } from '../support/close.js';

const reference = createRandom(1, 'distances').normals(16_384).map((value) => 0.1 * value);
const other = createRandom(2, 'distances').normals(16_384).map((value) => 0.1 * value);
const scaled = (factor: number): Float32Array => reference.map((value) => factor * value);

describe('logSpectralDistance', () => {
  it('is 0 for the same sound, whatever its phase, and the difference in dB for a louder one', () => {
    expect(logSpectralDistance({ reference, candidate: reference })).toBe(0);
    expect(logSpectralDistance({ reference, candidate: scaled(-1) })).toBe(0);
    expectClose(logSpectralDistance({ reference, candidate: scaled(2) }), 6.02, { absolute: 0.02, reason: 'a few cells lie below the range' });
  });

  it('puts two noises of one spectrum 7.9 dB apart', () => {
    // The logarithm of an exponential variable has the deviation π/√6; of the difference of two, π/√3: 10/ln 10 · π/√3 = 7.88.
    expectClose(logSpectralDistance({ reference, candidate: other }), 7.88, { absolute: 0.5, reason: 'the frames at the ends are mirrored: 2 of 33 have real spectra, which lie 13.6 dB apart' });
    expectClose(logSpectralDistance({ reference, candidate: other }, { fftSize: 512, hopSamples: 128 }), 7.88, { absolute: 0.3, reason: 'mirrored ends, 2 of 129 frames' });
  });

  it('counts nothing below its range', () => {
    const silence = new Float32Array(reference.length);
    expect(logSpectralDistance({ reference, candidate: silence }, { rangeDb: 20 })).toBeLessThan(20);
    expect(logSpectralDistance({ reference, candidate: silence }, { rangeDb: 100 })).toBeGreaterThan(60);
    const hiss = reference.map((value, index) => value + 1e-6 * other[index]);
    expect(logSpectralDistance({ reference, candidate: hiss })).toBeLessThan(0.01);
  });

  it('does not change with the level of both', () => {
    const loud = logSpectralDistance({ reference, candidate: other });
    expectClose(logSpectralDistance({ reference: scaled(1 / 64), candidate: other.map((value) => value / 64) }), loud, { relative: 1e-5 });
  });

  it('says that there is none to silence, and refuses other lengths', () => {
    expect(logSpectralDistance({ reference: new Float32Array(4096), candidate: other.subarray(0, 4096) })).toBeNaN();
    expect(() => logSpectralDistance({ reference, candidate: other.subarray(1) })).toThrow(/samples of the candidate: got 16383/);
    expect(() => logSpectralDistance({ reference, candidate: other }, { rangeDb: 0 })).toThrow(/rangeDb: got 0/);
  });
});

describe('multiResolutionDistance', () => {
  it('is 0 for the same sound; half as loud, it is half away and ln 2', () => {
    expect(multiResolutionDistance({ reference, candidate: reference })).toEqual({ distance: 0, spectralConvergence: 0, logMagnitude: 0 });
    const { distance, spectralConvergence, logMagnitude } = multiResolutionDistance({ reference, candidate: scaled(0.5) });
    expectClose([spectralConvergence, logMagnitude], [0.5, Math.LN2], { absolute: 0.005, reason: 'a few cells lie below the range' });
    expect(distance).toBe(spectralConvergence + logMagnitude);
  });

  it('is 1 from silence in convergence, as much as its range in logarithms, and NaN from silence to sound', () => {
    const silence = new Float32Array(reference.length);
    expectClose(multiResolutionDistance({ reference, candidate: silence }).spectralConvergence, 1, { absolute: 1e-9 });
    expect(multiResolutionDistance({ reference, candidate: silence }, { rangeDb: 20 }).logMagnitude).toBeLessThan(Math.log(10));
    expect(multiResolutionDistance({ reference: silence, candidate: reference }).distance).toBeNaN();
  });

  it('sees a click smeared over time that one long transform hardly sees', () => {
    const click = new Float32Array(8192);
    click[4000] = 1;
    const smeared = new Float32Array(8192);
    for (let index = 0; index < 256; index += 1) smeared[3872 + index] = (index % 2 === 0 ? 1 : -1) / 16;
    expect(multiResolutionDistance({ reference: click, candidate: smeared }).distance).toBeGreaterThan(1);
    expect(RESOLUTIONS.map(({ fftSize }) => fftSize)).toEqual([512, 1024, 2048]);
  });
});

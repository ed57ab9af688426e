// A swept tone with a little noise, its spectrum, and the problem of finding that spectrum's phases again.
import { createRandom } from '../../src/base/random.js';
import { imposeMagnitude } from '../../src/dsp/magnitudes.js';
import { createPhaseProblem, type PhaseProblem } from '../../src/dsp/phase-problem.js';
import { createStft, type Spectrum } from '../../src/dsp/stft.js';

export const stft = createStft({ fftSize: 256, hopSamples: 64 });
const random = createRandom(1, 'griffin-lim methods');
export const signal = Float32Array.from({ length: 4096 }, (_, index) => 0.3 * Math.sin(0.05 * index + 2e-5 * index ** 2) + 0.02 * random.normal());
export const spectrum = stft.forward(signal);
export const magnitude = spectrum.re.map((value, cell) => Math.hypot(value, spectrum.im[cell]));
export const target = { ...spectrum, magnitude };

export function problem(): PhaseProblem {
  return createPhaseProblem(stft, { ...target, magnitude: magnitude.slice() }, { sampleCount: signal.length });
}

/** The spectrum's magnitudes with random phases. */
export function randomGuess(seed = 2): Spectrum {
  const draw = createRandom(seed, 'guess');
  const guess = stft.createSpectrum(spectrum.frameCount);
  for (const part of [guess.re, guess.im]) part.set(draw.normals(part.length));
  imposeMagnitude(guess, magnitude);
  return guess;
}

// Phase for magnitudes that came without one: fast Griffin-Lim. Knows no mel and no transform.
import { requireNumber } from '../base/checks.js';
import { imposeMagnitude } from './magnitudes.js';
import type { PhaseProblem } from './phase-problem.js';
import type { Spectrum } from './stft.js';

export interface FastGriffinLimOptions {
  readonly iterations: number;
  /** In [0, 1), default 0.99. 0 is the plain algorithm of Griffin and Lim; near 1 converges in far fewer steps. */
  readonly momentum?: number;
}

/**
 * Improves the phases of a guess by projecting in turn onto the spectra that signals have and onto the wanted magnitudes, each
 * time overshooting along the last change: c ← P(t + α(t - t')), t the rebuilt spectrum and t' the one before.
 *
 * Source: Perraudin, Balazs, Søndergaard, "A fast Griffin-Lim algorithm" (2013), equation 5, as in librosa 0.11 `griffinlim`.
 * Shape: guess [N, F] complex. Mutates: guess, which has the wanted magnitudes before and after.
 */
export function fastGriffinLim(problem: PhaseProblem, guess: Spectrum, { iterations, momentum = 0.99 }: FastGriffinLimOptions): void {
  requireNumber('fastGriffinLim: momentum', momentum, { min: 0, max: 1 - 1e-9 });
  let rebuilt = problem.createSpectrum();
  let past = problem.createSpectrum();
  // The angle of (1 + α)t - αt' is that of t - α/(1 + α)·t'.
  const pull = momentum / (1 + momentum);
  for (let iteration = 0; iteration < iterations; iteration += 1) {
    problem.rebuild(guess, rebuilt);
    for (let cell = 0; cell < guess.re.length; cell += 1) {
      guess.re[cell] = rebuilt.re[cell] - pull * past.re[cell];
      guess.im[cell] = rebuilt.im[cell] - pull * past.im[cell];
    }
    imposeMagnitude(guess, problem.magnitude);
    [rebuilt, past] = [past, rebuilt];
  }
}

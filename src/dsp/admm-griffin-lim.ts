// Phase for magnitudes that came without one: Griffin-Lim by the alternating direction method of multipliers. Knows no mel and no transform.
import { requireNumber } from '../base/checks.js';
import { imposeMagnitude } from './magnitudes.js';
import type { PhaseProblem } from './phase-problem.js';
import type { Spectrum } from './stft.js';

export interface AdmmGriffinLimOptions {
  readonly iterations: number;
  /** Weight of the last spectrum against the rebuilt one (ρ). In [0, 100], default 0.3. Smaller: bolder steps; large creeps. */
  readonly penalty?: number;
}

/**
 * Improves the phases of a guess x by solving min ½‖z - rebuilt(z)‖² with x = z, x of the wanted magnitudes, by multipliers u:
 * y = x + u, z = (ρy + rebuilt(y))/(1 + ρ), u = y - z, x = P(z - u). It leaves poor solutions that projections in turn are caught
 * in, but does not settle as they do: let a few of their steps follow.
 *
 * Source: Masuyama, Yatabe, Oikawa, "Griffin-Lim like phase recovery via alternating direction method of multipliers" (2019).
 * Shape: guess [N, F] complex. Mutates: guess, which has the wanted magnitudes before and after.
 */
export function admmGriffinLim(problem: PhaseProblem, guess: Spectrum, { iterations, penalty = 0.3 }: AdmmGriffinLimOptions): void {
  requireNumber('admmGriffinLim: penalty', penalty, { min: 0, max: 100 });
  const shifted = problem.createSpectrum();
  const rebuilt = problem.createSpectrum();
  const multiplier = problem.createSpectrum();
  for (let iteration = 0; iteration < iterations; iteration += 1) {
    for (const part of ['re', 'im'] as const) add(guess[part], multiplier[part], shifted[part]);
    problem.rebuild(shifted, rebuilt);
    for (const part of ['re', 'im'] as const) {
      advance({ shifted: shifted[part], rebuilt: rebuilt[part], multiplier: multiplier[part], guess: guess[part] }, penalty);
    }
    imposeMagnitude(guess, problem.magnitude);
  }
}

function add(a: Float32Array, b: Float32Array, out: Float32Array): void {
  for (let cell = 0; cell < out.length; cell += 1) out[cell] = a[cell] + b[cell];
}

/** One step before the magnitudes are imposed. Mutates: multiplier and guess. */
function advance({ shifted, rebuilt, multiplier, guess }: Readonly<Record<'shifted' | 'rebuilt' | 'multiplier' | 'guess', Float32Array>>, penalty: number): void {
  for (let cell = 0; cell < guess.length; cell += 1) {
    const consensus = (penalty * shifted[cell] + rebuilt[cell]) / (1 + penalty);
    multiplier[cell] = shifted[cell] - consensus;
    guess[cell] = consensus - multiplier[cell];
  }
}

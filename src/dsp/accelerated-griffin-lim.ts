// Phase for magnitudes that came without one: accelerated Griffin-Lim. Knows no mel and no transform.
import { requireNumber } from '../base/checks.js';
import { imposeMagnitude } from './magnitudes.js';
import type { PhaseProblem } from './phase-problem.js';
import type { Spectrum } from './stft.js';

export interface AcceleratedGriffinLimOptions {
  readonly iterations: number;
  /** How far the next guess overshoots along the last change (α). In [0, 2], default 0.99. */
  readonly momentum?: number;
  /** How far the point that is averaged with overshoots (β). In [0, 2], default 0.99. */
  readonly inertia?: number;
  /** Share of the new projection in that average (γ), above 1: beyond it. In (0, 2], default 1.25. With 1 it is fast Griffin-Lim. */
  readonly relaxation?: number;
}

/**
 * Improves the phases of a guess by fast Griffin-Lim's projections, over-relaxed and with a second inertial sequence:
 * t = (1 - γ)d' + γ·rebuilt(c'), c = P(t + α(t - t')), d = t + β(t - t'), primes for the values before.
 *
 * Source: Nenov, Nguyen, Balazs, Boț, "Accelerated Griffin-Lim algorithm: a fast and provably converging numerical method for
 * phase retrieval" (2023). The defaults did best of a few values on a few clips.
 * Shape: guess [N, F] complex. Mutates: guess, which has the wanted magnitudes before and after.
 */
export function acceleratedGriffinLim(problem: PhaseProblem, guess: Spectrum, options: AcceleratedGriffinLimOptions): void {
  const { iterations, momentum = 0.99, inertia = 0.99, relaxation = 1.25 } = options;
  requireNumber('acceleratedGriffinLim: momentum', momentum, { min: 0, max: 2 });
  requireNumber('acceleratedGriffinLim: inertia', inertia, { min: 0, max: 2 });
  requireNumber('acceleratedGriffinLim: relaxation', relaxation, { min: 1e-9, max: 2 });
  const rebuilt = problem.createSpectrum();
  const past = problem.createSpectrum();
  const drawn = problem.createSpectrum();
  for (let iteration = 0; iteration < iterations; iteration += 1) {
    problem.rebuild(guess, rebuilt);
    for (const part of ['re', 'im'] as const) {
      if (iteration === 0) {
        past[part].set(rebuilt[part]);
        drawn[part].set(rebuilt[part]);
      }
      advance({ rebuilt: rebuilt[part], past: past[part], drawn: drawn[part], guess: guess[part] }, { momentum, inertia, relaxation });
    }
    imposeMagnitude(guess, problem.magnitude);
  }
}

type Sequences = Readonly<Record<'rebuilt' | 'past' | 'drawn' | 'guess', Float32Array>>;
type Rates = Readonly<Required<Omit<AcceleratedGriffinLimOptions, 'iterations'>>>;

/** One step of all sequences, before the magnitudes are imposed. Mutates: past, drawn and guess. */
function advance({ rebuilt, past, drawn, guess }: Sequences, { momentum, inertia, relaxation }: Rates): void {
  for (let cell = 0; cell < guess.length; cell += 1) {
    const now = (1 - relaxation) * drawn[cell] + relaxation * rebuilt[cell];
    const change = now - past[cell];
    past[cell] = now;
    drawn[cell] = now + inertia * change;
    guess[cell] = now + momentum * change;
  }
}

// How a pipeline is sampled when nobody says otherwise: the reference's schedulers as values. Knows no file.
import type { PredictionType, TimestepSpacing } from './settings.js';

interface Spaced {
  readonly spacing: TimestepSpacing;
  /** Added to each timestep of `leading`. */
  readonly stepsOffset: number;
}

interface SigmaSpaced extends Spaced {
  /** Whether sigmas are those of the timesteps, or even in sigma^(1/7) or in their logarithm over the same range. */
  readonly sigmaSpacing: 'timesteps' | 'karras' | 'exponential';
  /** Ends of that range; null: as it comes. */
  readonly sigmaMin: number | null;
  readonly sigmaMax: number | null;
}

interface Clipped {
  /** The denoised sample is held to [-clipRange, clipRange]; null: it is not. */
  readonly clipRange: number | null;
}

interface Ending {
  /** Whether the last step goes to sigma 0, or to the sigma of the first training timestep. */
  readonly endsAtZero: boolean;
}

/** DDPM. `variance` is that of the posterior (small) or of the forward step (large). */
export interface DdpmScheduler extends Spaced, Clipped {
  readonly kind: 'ddpm';
  readonly variance: 'small' | 'large';
}

/** DDIM. Clipping leaves the noise that the network found as it is. */
export interface DdimScheduler extends Spaced, Clipped, Ending {
  readonly kind: 'ddim';
}

/** PNDM: linear multistep, started by Runge-Kutta steps or by averaging the first two answers. */
export interface PndmScheduler extends Spaced, Ending {
  readonly kind: 'pndm';
  readonly startsWithRungeKutta: boolean;
}

/** DPM-Solver++, multistep. */
export interface DpmScheduler extends Omit<SigmaSpaced, 'sigmaSpacing'>, Ending {
  readonly kind: 'dpm';
  /** Karras' sigmas, or Lu's, which are even in their logarithm; the network is asked at the whole timesteps nearest to them. */
  readonly sigmaSpacing: 'timesteps' | 'karras' | 'lu';
  readonly order: 1 | 2 | 3;
  readonly solverType: 'midpoint' | 'heun';
  /** Adds fresh noise at each step (SDE-DPM-Solver++). */
  readonly isStochastic: boolean;
  /** Whether fewer than 15 steps lower the order of the last two. */
  readonly lowerOrderFinal: boolean;
  /** Whether the last step is of first order, also when it does not end at 0. */
  readonly eulerAtFinal: boolean;
  /** Least half log-signal-to-noise ratio of the timesteps visited, null: all. */
  readonly smallestLogSnr: number | null;
}

export interface EulerScheduler extends SigmaSpaced, Ending {
  readonly kind: 'euler';
}

export interface EulerAncestralScheduler extends Spaced {
  readonly kind: 'euler-ancestral';
}

export interface HeunScheduler extends SigmaSpaced, Clipped {
  readonly kind: 'heun';
}

/** Euler steps along a flow. `shift` above 1 spends more steps where there is more noise. */
export interface FlowScheduler {
  readonly kind: 'flow';
  readonly shift: number;
}

/** A scheduler of the reference with all that changes its result. It is a value. */
export type SchedulerSettings =
  | DdpmScheduler
  | DdimScheduler
  | PndmScheduler
  | DpmScheduler
  | EulerScheduler
  | EulerAncestralScheduler
  | HeunScheduler
  | FlowScheduler;

export type SchedulerKind = SchedulerSettings['kind'];

/** How a pipeline that was trained here is sampled elsewhere: DPM-Solver++ 2M from the noisiest timestep, or Euler for flow. */
export function defaultScheduler({ predictionType }: { readonly predictionType: PredictionType }): SchedulerSettings {
  if (predictionType === 'flow') return Object.freeze({ kind: 'flow', shift: 1 });
  return Object.freeze({
    kind: 'dpm', spacing: 'trailing', stepsOffset: 0, sigmaSpacing: 'timesteps', sigmaMin: null, sigmaMax: null, endsAtZero: true,
    order: 2, solverType: 'midpoint', isStochastic: false, lowerOrderFinal: true, eulerAtFinal: false, smallestLogSnr: null,
  });
}

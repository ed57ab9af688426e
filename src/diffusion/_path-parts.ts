// What the paths of several schedulers share.
import { MelstromError } from '../base/errors.js';
import type { SigmaPath } from './samplers/sampler.js';
import type { NoiseSchedule } from './schedule.js';
import type { TimestepSpacing } from './settings.js';
import { roundHalfEven, spacedTimesteps } from './timestep-spacing.js';

/** Stands for a sigma without end, that of noise alone: a power of 2, so that float32 loses nothing by it. */
export const NOISE_ALONE = 2 ** 24;

/** A path, and what the network is told along it. */
export interface SamplingPath extends SigmaPath {
  readonly sigmas: Float64Array;
  /** Timestep that the network is told at a sigma of the path. */
  timestepAt(sigma: number): number;
}

/** A path on which the reference keeps the sample scaled by the signal amplitude, and may read it at another sigma than it left it. */
export type ScaledPath = Omit<Required<SamplingPath>, 'timestepAt'> & { readonly targets: readonly number[]; readonly rescale: readonly number[] };

/** Starts from unit noise as the scaled sample, reads the scaled sample at each target as if it were at the next start, and ends with it. */
export function scaledPath(starts: readonly number[], targets: readonly number[]): ScaledPath {
  const last = targets.length - 1;
  const rescale = targets.map((target, step) => {
    if (step === last) return 1 / Math.hypot(1, target);
    return target === starts[step + 1] ? 1 : Math.hypot(1, starts[step + 1]) / Math.hypot(1, target);
  });
  return { sigmas: Float64Array.of(...starts, targets[last]), initialScale: Math.hypot(1, starts[0]), targets, rescale };
}

interface Spaced {
  readonly spacing: TimestepSpacing;
  readonly stepsOffset: number;
}

/** Whole timesteps of a scheduler. @throws MelstromError of kind 'usage' when the first is beyond the last there is */
export function wholeTimesteps(schedule: NoiseSchedule, { spacing, stepsOffset: offset }: Spaced, steps: number): number[] {
  const { trainTimesteps: count } = schedule.settings;
  return withinRange(schedule, Array.from(spacedTimesteps(spacing, { count, steps, offset }), roundHalfEven), steps);
}

/** @throws MelstromError of kind 'usage' when the first is beyond the last there is */
export function withinRange({ lastTimestep }: NoiseSchedule, timesteps: number[], steps: number): number[] {
  if (timesteps[0] <= lastTimestep) return timesteps;
  throw stepsError(steps, `fewer, since the scheduler's offset puts the first at timestep ${timesteps[0]} of ${lastTimestep}`);
}

/** The error of a number of steps that a scheduler cannot take. */
export function stepsError(steps: number, expected: string): MelstromError {
  return new MelstromError({ kind: 'usage', where: 'steps', got: String(steps), expected, fix: 'Choose other steps, or another sampler than the pipeline\'s own.' });
}

// From a scheduler's settings and a number of steps to the noise levels that its sampler goes through.
import { NOISE_ALONE, scaledPath, stepsError, withinRange, type SamplingPath } from './_path-parts.js';
import { ddimPath, ddpmPath } from './posterior-path.js';
import type { NoiseSchedule } from './schedule.js';
import type { DpmScheduler, EulerAncestralScheduler, EulerScheduler, FlowScheduler, HeunScheduler, PndmScheduler, SchedulerSettings } from './scheduler-settings.js';
import { exponentialSigmas, karrasSigmas } from './sigma-spacing.js';
import { evenlySpaced, roundHalfEven, spacedTimesteps } from './timestep-spacing.js';

/**
 * The path of a scheduler other than PNDM.
 *
 * Source: diffusers 0.42.1, `set_timesteps`, `init_noise_sigma` and `step` of each scheduler, divided by the signal amplitude where
 * the sample there is scaled by it.
 * @throws MelstromError of kind 'usage' when the scheduler cannot take that many steps
 */
export function samplingPath(schedule: NoiseSchedule, scheduler: Exclude<SchedulerSettings, PndmScheduler>, steps: number): SamplingPath {
  const path = pathOf(schedule, scheduler, steps);
  const isFalling = path.sigmas.every((sigma, step) => step === 0 || step === steps || sigma < path.sigmas[step - 1]);
  if (!isFalling) throw stepsError(steps, 'fewer, so that no two steps fall on the same timestep');
  return path;
}

function pathOf(schedule: NoiseSchedule, scheduler: Exclude<SchedulerSettings, PndmScheduler>, steps: number): SamplingPath {
  switch (scheduler.kind) {
    case 'ddpm':
      return ddpmPath(schedule, scheduler, steps);
    case 'ddim':
      return ddimPath(schedule, scheduler, steps);
    case 'dpm':
      return dpmPath(schedule, scheduler, steps);
    case 'euler':
    case 'heun':
    case 'euler-ancestral':
      return eulerPath(schedule, scheduler, steps);
    case 'flow':
      return flowPath(schedule, scheduler, steps);
  }
}

/** Timesteps are whole, spread over one step more, whose last is left out; sigmas spaced otherwise are asked at whole timesteps too. */
function dpmPath(schedule: NoiseSchedule, scheduler: DpmScheduler, steps: number): SamplingPath {
  const { sigmaSpacing, endsAtZero } = scheduler;
  const starts =
    sigmaSpacing === 'timesteps'
      ? dpmTimesteps(schedule, scheduler, steps).map(schedule.sigmaAt)
      : spacedSigmas(scheduler, steps, [schedule.sigmaAt(schedule.lastTimestep), schedule.sigmaAt(0)]);
  const path = scaledPath(starts, starts.map((_, step) => starts[step + 1] ?? (endsAtZero ? 0 : schedule.sigmaAt(0))));
  return { ...path, timestepAt: (sigma) => roundHalfEven(schedule.timestepAt(sigma)) };
}

function dpmTimesteps(schedule: NoiseSchedule, { spacing, stepsOffset: offset, smallestLogSnr }: DpmScheduler, steps: number): number[] {
  const { trainTimesteps } = schedule.settings;
  const logSnrs = Array.from({ length: trainTimesteps }, (_, timestep) => -Math.log(schedule.sigmaAt(timestep)));
  const count = smallestLogSnr === null ? trainTimesteps : logSnrs.filter((logSnr) => logSnr >= smallestLogSnr).length;
  const timesteps = spacing === 'trailing' ? spacedTimesteps(spacing, { count, steps }) : spacedTimesteps(spacing, { count, steps: steps + 1, offset });
  return withinRange(schedule, Array.from(timesteps.subarray(0, steps), roundHalfEven), steps);
}

/** The sample is not scaled here, and its first scale depends on the spacing. Timesteps between two have sigmas linear between theirs. */
function eulerPath(schedule: NoiseSchedule, scheduler: EulerScheduler | HeunScheduler | EulerAncestralScheduler, steps: number): SamplingPath {
  const { kind, spacing, stepsOffset: offset } = scheduler;
  const { trainTimesteps: count } = schedule.settings;
  const timesteps = withinRange(schedule, Array.from(spacedTimesteps(spacing, { count, steps, offset }), Math.fround), steps);
  const plain = timesteps.map((timestep) => linearSigma(schedule, timestep));
  const isPlain = kind === 'euler-ancestral' || scheduler.sigmaSpacing === 'timesteps';
  const starts = isPlain ? plain : spacedSigmas(scheduler, steps, [plain[0], plain[steps - 1]]);
  return {
    sigmas: Float64Array.of(...starts, kind === 'euler' && !scheduler.endsAtZero ? schedule.sigmaAt(0) : 0),
    initialScale: spacing === 'leading' ? Math.hypot(1, starts[0]) : starts[0],
    timestepAt: isPlain ? lookUp(starts, timesteps, schedule) : schedule.timestepAt,
  };
}

/** Times from 1 to the smallest, evenly, then shifted; the smallest is shifted twice, as the reference has it. */
function flowPath(schedule: NoiseSchedule, { shift }: FlowScheduler, steps: number): SamplingPath {
  const { trainTimesteps: count } = schedule.settings;
  const shifted = (time: number): number => (shift * time) / (1 + (shift - 1) * time);
  const smallest = shifted(1 / count);
  const times = Array.from(evenlySpaced(1 - smallest, steps), (below) => shifted(1 - below));
  const starts = times.map((time) => (time === 1 ? NOISE_ALONE : time / (1 - time)));
  return { sigmas: Float64Array.of(...starts, 0), initialScale: 1 + starts[0], timestepAt: lookUp(starts, times.map((time) => time * count), schedule) };
}

type SigmaSpaced = Pick<DpmScheduler | EulerScheduler, 'sigmaSpacing' | 'sigmaMin' | 'sigmaMax'>;

function spacedSigmas({ sigmaSpacing, sigmaMin, sigmaMax }: SigmaSpaced, steps: number, [largest, smallest]: readonly [number, number]): number[] {
  if (sigmaSpacing === 'lu') return Array.from(exponentialSigmas({ steps, largest, smallest }).subarray(0, steps));
  const range = { steps, largest: sigmaMax ?? largest, smallest: sigmaMin ?? smallest };
  return Array.from((sigmaSpacing === 'karras' ? karrasSigmas(range) : exponentialSigmas(range)).subarray(0, steps));
}

/** Sigma at a timestep, linear between two. */
function linearSigma(schedule: NoiseSchedule, timestep: number): number {
  const low = Math.floor(timestep);
  const share = timestep - low;
  return share === 0 ? schedule.sigmaAt(low) : schedule.sigmaAt(low) * (1 - share) + schedule.sigmaAt(low + 1) * share;
}

function lookUp(sigmas: readonly number[], timesteps: readonly number[], schedule: NoiseSchedule): (sigma: number) => number {
  const told = new Map(sigmas.map((sigma, step) => [sigma, timesteps[step]]));
  return (sigma) => told.get(sigma) ?? schedule.timestepAt(sigma);
}

// The paths of DDPM, DDIM and PNDM, whose timesteps are whole and whose sample is scaled by the signal amplitude.
import { NOISE_ALONE, scaledPath, stepsError, wholeTimesteps, type SamplingPath, type ScaledPath } from './_path-parts.js';
import type { Halfway } from './samplers/pndm.js';
import type { NoiseSchedule } from './schedule.js';
import type { DdimScheduler, DdpmScheduler, PndmScheduler } from './scheduler-settings.js';

const RUNGE_KUTTA_STEPS = 3;

/** A path, with what the first steps of PNDM need. */
export interface PndmPath extends SamplingPath {
  readonly restartSigma: number | undefined;
  readonly halfway: readonly Halfway[];
}

/** From each timestep to the next, and from the last to 0. */
export function ddpmPath(schedule: NoiseSchedule, scheduler: DdpmScheduler, steps: number): SamplingPath {
  const starts = wholeTimesteps(schedule, scheduler, steps).map((timestep) => startSigma(schedule, timestep));
  return { ...scaledPath(starts, starts.map((_, step) => starts[step + 1] ?? 0)), timestepAt: schedule.timestepAt };
}

/** From each timestep down by count / steps, rounded down, wherever the next step then starts. */
export function ddimPath(schedule: NoiseSchedule, scheduler: DdimScheduler, steps: number): SamplingPath {
  const timesteps = wholeTimesteps(schedule, scheduler, steps);
  const starts = timesteps.map((timestep) => startSigma(schedule, timestep));
  return { ...strideDown(schedule, { timesteps, starts, endsAtZero: scheduler.endsAtZero }), timestepAt: schedule.timestepAt };
}

/**
 * As DDIM's, but that the steps at the start meet.
 *
 * @throws MelstromError of kind 'usage' for fewer than 4 steps with a Runge-Kutta start
 */
export function pndmPath(schedule: NoiseSchedule, scheduler: PndmScheduler, steps: number): PndmPath {
  const { startsWithRungeKutta, endsAtZero } = scheduler;
  if (startsWithRungeKutta && steps <= RUNGE_KUTTA_STEPS) {
    throw stepsError(steps, `at least ${RUNGE_KUTTA_STEPS + 1}, since this PNDM scheduler starts with ${RUNGE_KUTTA_STEPS} Runge-Kutta steps`);
  }
  const timesteps = wholeTimesteps(schedule, scheduler, steps);
  const stride = strideOf(schedule, steps);
  const half = Math.floor(stride / 2);
  const path = strideDown(schedule, { timesteps, starts: timesteps.map((timestep) => schedule.sigmaAt(timestep)), endsAtZero });
  const meeting = startsWithRungeKutta ? RUNGE_KUTTA_STEPS : Math.min(1, steps - 1);
  return {
    ...path,
    rescale: path.rescale.map((factor, step) => (step < meeting ? 1 : factor)),
    restartSigma: startsWithRungeKutta || steps === 1 ? undefined : schedule.sigmaAt(timesteps[1] + stride),
    halfway: Array.from({ length: startsWithRungeKutta ? RUNGE_KUTTA_STEPS : 0 }, (_, step) => ({
      target: schedule.sigmaAt(timesteps[step] - half),
      asked: schedule.sigmaAt(timesteps[step + 1] + half),
    })),
    timestepAt: schedule.timestepAt,
  };
}

interface StrideOptions {
  readonly timesteps: readonly number[];
  readonly starts: readonly number[];
  readonly endsAtZero: boolean;
}

function strideDown(schedule: NoiseSchedule, { timesteps, starts, endsAtZero }: StrideOptions): ScaledPath {
  const stride = strideOf(schedule, timesteps.length);
  const end = endsAtZero ? 0 : schedule.sigmaAt(0);
  return scaledPath(starts, timesteps.map((timestep) => (timestep < stride ? end : schedule.sigmaAt(timestep - stride))));
}

function strideOf({ settings }: NoiseSchedule, steps: number): number {
  return Math.floor(settings.trainTimesteps / steps);
}

/** DDPM and DDIM keep no signal at all at the last timestep of a schedule rescaled to noise alone. */
function startSigma(schedule: NoiseSchedule, timestep: number): number {
  return schedule.endsInNoise && timestep === schedule.lastTimestep ? NOISE_ALONE : schedule.sigmaAt(timestep);
}

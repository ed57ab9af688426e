// A whole way to sample: a sampler, the noise levels it goes through, and what it is called in a record.
import type { SamplingPath } from './_path-parts.js';
import { partWay } from './part-way.js';
import { pndmPath } from './posterior-path.js';
import { samplerByName, type SamplerName } from './samplers/by-name.js';
import { sampleDdim } from './samplers/ddim.js';
import { sampleDdpm } from './samplers/ddpm.js';
import { sampleDpmpp } from './samplers/dpmpp-multistep.js';
import { sampleEulerAncestral } from './samplers/euler-ancestral.js';
import { sampleEuler } from './samplers/euler.js';
import { sampleHeun } from './samplers/heun.js';
import { samplePndm } from './samplers/pndm.js';
import type { Sampler } from './samplers/sampler.js';
import { samplingPath } from './sampling-path.js';
import type { NoiseSchedule } from './schedule.js';
import type { DpmScheduler, PndmScheduler, SchedulerSettings } from './scheduler-settings.js';
import type { Spacing } from './settings.js';

/** What to sample with and along. */
export interface SamplingPlan<C = unknown> {
  readonly path: SamplingPath;
  /** Takes the path, spread into its options. */
  readonly sample: Sampler<C>;
  /** Whether fresh noise of DDIM is heard. */
  readonly hasEta: boolean;
  /** Whether fresh noise is added on the way, so that no initial noise alone leads to the result. */
  readonly addsNoise: boolean;
  /** Steps left out by a strength below 1: as many draws of noise are to be passed over, so that what is left has the noise it always has. */
  readonly skipped: number;
}

interface PlanOptions {
  readonly schedule: NoiseSchedule;
  readonly steps: number;
  /** Fresh noise of DDIM. Default 0. */
  readonly eta?: number;
  /** Share of the way to noise at which sampling starts; below 1 it starts from a clean sample with noise on it, noisedStart. Default 1. */
  readonly strength?: number;
}

/** Plans a sampler along sigmas of the schedule itself. Default spacing `trailing`, from the noisiest timestep there is. */
export function planSampler<C>({ schedule, steps, eta = 0, strength = 1 }: PlanOptions, sampler: SamplerName, spacing: Spacing = 'trailing'): SamplingPlan<C> {
  const { path, skipped } = partWay({ sigmas: schedule.sigmas(steps, spacing), timestepAt: schedule.timestepAt }, schedule, strength);
  const addsNoise = sampler === 'ddpm' || sampler === 'euler-ancestral' || (sampler === 'ddim' && eta > 0);
  return { path, sample: samplerByName(sampler, { eta }), hasEta: sampler === 'ddim', addsNoise, skipped };
}

/**
 * Plans what a scheduler of the reference does, step for step: the network is asked the same questions at the same timesteps, and
 * unit noise is where it starts.
 *
 * @throws MelstromError of kind 'usage' when the scheduler cannot take that many steps
 */
export function planScheduler<C>(options: PlanOptions, scheduler: SchedulerSettings): SamplingPlan<C> {
  const { schedule, steps, eta = 0, strength = 1 } = options;
  if (scheduler.kind === 'pndm') return planPndm(options, scheduler);
  const whole = samplingPath(schedule, scheduler, steps);
  const { path, skipped } = partWay(whole, schedule, strength);
  const plan = (sample: Sampler<C>, addsNoise: boolean): SamplingPlan<C> => ({ path, sample, hasEta: scheduler.kind === 'ddim', addsNoise, skipped });
  switch (scheduler.kind) {
    case 'ddpm': {
      const addsNoiseAtEnd = whole.timestepAt(whole.sigmas[steps - 1]) > 0;
      return plan((given) => sampleDdpm({ ...given, clipRange: scheduler.clipRange, variance: scheduler.variance, addsNoiseAtEnd }), true);
    }
    case 'ddim':
      return plan((given) => sampleDdim({ ...given, clipRange: scheduler.clipRange, eta }), eta > 0);
    case 'dpm': {
      const orderAt = dpmOrder(scheduler, steps);
      const { order, solverType, isStochastic } = scheduler;
      return plan((given) => sampleDpmpp({ ...given, order, solverType, isStochastic, orderAt: (step) => orderAt(step + skipped) }), isStochastic);
    }
    case 'heun':
      return plan((given) => sampleHeun({ ...given, clipRange: scheduler.clipRange, largestSigma: Infinity }), false);
    case 'euler':
    case 'flow':
      return plan(sampleEuler, false);
    case 'euler-ancestral':
      return plan(sampleEulerAncestral, true);
  }
}

const FEW_STEPS = 15;

/** The order that a step may have: fewer than 15 steps may have to end with lower ones. */
function dpmOrder({ lowerOrderFinal, eulerAtFinal, endsAtZero }: DpmScheduler, steps: number): (step: number) => number {
  const isLowered = lowerOrderFinal && steps < FEW_STEPS;
  return (step) => {
    if (step === steps - 1) return eulerAtFinal || isLowered || endsAtZero ? 1 : 3;
    return step === steps - 2 && isLowered ? 2 : 3;
  };
}

/** Part way there are no Runge-Kutta steps left: the first step averages two answers, and meets the next. */
function planPndm<C>({ schedule, steps, strength = 1 }: PlanOptions, scheduler: PndmScheduler): SamplingPlan<C> {
  const { restartSigma, halfway, ...whole } = pndmPath(schedule, scheduler, steps);
  const answer = schedule.settings.predictionType === 'v_prediction' ? 'velocity' : 'noise';
  const always = { answer, largestSigma: Infinity, endsDenoised: false } as const;
  if (strength === 1) return { path: whole, sample: (given) => samplePndm({ ...given, ...always, restartSigma, halfway }), hasEta: false, addsNoise: false, skipped: 0 };
  const { path, skipped } = partWay(whole, schedule, strength);
  const { sigmas, targets } = path as Required<typeof path>;
  const last = sigmas.length - 2;
  const rescale = Array.from(path.rescale!, (factor, step) => (step === last ? factor : step === 0 ? 1 : Math.hypot(1, sigmas[step + 1]) / Math.hypot(1, targets[step])));
  return { path: { ...path, rescale }, sample: (given) => samplePndm({ ...given, ...always }), hasEta: false, addsNoise: false, skipped };
}

// A whole way to sample: a sampler, the noise levels it goes through, and what it is called in a record.
import type { SamplingPath } from './_path-parts.js';
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
}

interface PlanOptions {
  readonly schedule: NoiseSchedule;
  readonly steps: number;
  /** Fresh noise of DDIM. Default 0. */
  readonly eta?: number;
}

/** Plans a sampler along sigmas of the schedule itself. Default spacing `trailing`, from the noisiest timestep there is. */
export function planSampler<C>({ schedule, steps, eta }: PlanOptions, sampler: SamplerName, spacing: Spacing = 'trailing'): SamplingPlan<C> {
  const path = { sigmas: schedule.sigmas(steps, spacing), timestepAt: schedule.timestepAt };
  return { path, sample: samplerByName(sampler, { eta }), hasEta: sampler === 'ddim' };
}

/**
 * Plans what a scheduler of the reference does, step for step: the network is asked the same questions at the same timesteps, and
 * unit noise is where it starts.
 *
 * @throws MelstromError of kind 'usage' when the scheduler cannot take that many steps
 */
export function planScheduler<C>(options: PlanOptions, scheduler: SchedulerSettings): SamplingPlan<C> {
  const { schedule, steps, eta } = options;
  if (scheduler.kind === 'pndm') return planPndm(options, scheduler);
  const path = samplingPath(schedule, scheduler, steps);
  const plan = (sample: Sampler<C>): SamplingPlan<C> => ({ path, sample, hasEta: scheduler.kind === 'ddim' });
  switch (scheduler.kind) {
    case 'ddpm': {
      const addsNoiseAtEnd = path.timestepAt(path.sigmas[steps - 1]) > 0;
      return plan((given) => sampleDdpm({ ...given, clipRange: scheduler.clipRange, variance: scheduler.variance, addsNoiseAtEnd }));
    }
    case 'ddim':
      return plan((given) => sampleDdim({ ...given, clipRange: scheduler.clipRange, eta }));
    case 'dpm':
      return plan((given) => sampleDpmpp({ ...given, order: scheduler.order, solverType: scheduler.solverType, isStochastic: scheduler.isStochastic, orderAt: dpmOrder(scheduler, steps) }));
    case 'heun':
      return plan((given) => sampleHeun({ ...given, clipRange: scheduler.clipRange, largestSigma: Infinity }));
    case 'euler':
    case 'flow':
      return plan(sampleEuler);
    case 'euler-ancestral':
      return plan(sampleEulerAncestral);
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

function planPndm<C>({ schedule, steps }: PlanOptions, scheduler: PndmScheduler): SamplingPlan<C> {
  const { restartSigma, halfway, ...path } = pndmPath(schedule, scheduler, steps);
  const answer = schedule.settings.predictionType === 'v_prediction' ? 'velocity' : 'noise';
  return { path, sample: (given) => samplePndm({ ...given, restartSigma, halfway, answer, largestSigma: Infinity, endsDenoised: false }), hasEta: false };
}

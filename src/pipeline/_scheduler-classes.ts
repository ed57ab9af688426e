// Scheduler settings from the keys of the reference's classes, and back.
import type { z } from 'zod';
import type { SchedulerSettings } from '../diffusion/scheduler-settings.js';
import type { SchedulerClass, SCHEDULER_SCHEMAS } from './_scheduler-schemas.js';

type Keys<N extends SchedulerClass> = z.output<(typeof SCHEDULER_SCHEMAS)[N]>;
type Settings<K extends SchedulerSettings['kind']> = Extract<SchedulerSettings, { kind: K }>;

const CLASS_OF_KIND: Readonly<Record<SchedulerSettings['kind'], SchedulerClass>> = {
  ddpm: 'DDPMScheduler',
  ddim: 'DDIMScheduler',
  pndm: 'PNDMScheduler',
  dpm: 'DPMSolverMultistepScheduler',
  euler: 'EulerDiscreteScheduler',
  'euler-ancestral': 'EulerAncestralDiscreteScheduler',
  heun: 'HeunDiscreteScheduler',
  flow: 'FlowMatchEulerDiscreteScheduler',
};

/** The reference's class that does what the settings say. */
export function schedulerClassOf({ kind }: Pick<SchedulerSettings, 'kind'>): SchedulerClass {
  return CLASS_OF_KIND[kind];
}

/** Settings from the checked keys of a class. */
export const READERS: { readonly [N in SchedulerClass]: (keys: Keys<N>) => SchedulerSettings } = {
  DDPMScheduler: (keys) => ({ kind: 'ddpm', ...spacedFrom(keys), ...clipFrom(keys), variance: keys.variance_type === 'fixed_large' ? 'large' : 'small' }),
  DDIMScheduler: (keys) => ({ kind: 'ddim', ...spacedFrom(keys), ...clipFrom(keys), endsAtZero: keys.set_alpha_to_one }),
  PNDMScheduler: (keys) => ({ kind: 'pndm', ...spacedFrom(keys), endsAtZero: keys.set_alpha_to_one, startsWithRungeKutta: !keys.skip_prk_steps }),
  DPMSolverMultistepScheduler: (keys) => ({
    kind: 'dpm',
    ...spacedFrom(keys),
    sigmaMin: keys.sigma_min,
    sigmaMax: keys.sigma_max,
    sigmaSpacing: keys.use_karras_sigmas === true ? 'karras' : keys.use_lu_lambdas === true ? 'lu' : 'timesteps',
    endsAtZero: keys.final_sigmas_type === 'zero',
    order: keys.solver_order as 1 | 2 | 3,
    solverType: keys.solver_type,
    isStochastic: keys.algorithm_type === 'sde-dpmsolver++',
    lowerOrderFinal: keys.lower_order_final,
    eulerAtFinal: keys.euler_at_final,
    smallestLogSnr: keys.lambda_min_clipped,
  }),
  EulerDiscreteScheduler: (keys) => ({ kind: 'euler', ...spacedFrom(keys), ...sigmasFrom(keys), endsAtZero: keys.final_sigmas_type === 'zero' }),
  EulerAncestralDiscreteScheduler: (keys) => ({ kind: 'euler-ancestral', ...spacedFrom(keys) }),
  HeunDiscreteScheduler: (keys) => ({ kind: 'heun', ...spacedFrom(keys), ...sigmasFrom(keys), ...clipFrom(keys) }),
  FlowMatchEulerDiscreteScheduler: (keys) => ({ kind: 'flow', shift: keys.shift }),
};

/** The keys of a class that say what the settings say, noise left out. */
export function writeKeys(settings: SchedulerSettings): Record<string, unknown> {
  switch (settings.kind) {
    case 'ddpm':
      return { ...spacedTo(settings), ...clipTo(settings), variance_type: `fixed_${settings.variance}` };
    case 'ddim':
      return { ...spacedTo(settings), ...clipTo(settings), set_alpha_to_one: settings.endsAtZero };
    case 'pndm':
      return { ...spacedTo(settings), set_alpha_to_one: settings.endsAtZero, skip_prk_steps: !settings.startsWithRungeKutta };
    case 'dpm':
      return dpmTo(settings);
    case 'euler':
      return { ...spacedTo(settings), ...sigmasTo(settings), final_sigmas_type: finalTo(settings) };
    case 'euler-ancestral':
      return spacedTo(settings);
    case 'heun':
      return { ...spacedTo(settings), ...sigmasTo(settings), ...clipTo(settings) };
    case 'flow':
      return { shift: settings.shift };
  }
}

function dpmTo(settings: Settings<'dpm'>): Record<string, unknown> {
  return {
    ...spacedTo(settings),
    use_karras_sigmas: settings.sigmaSpacing === 'karras',
    use_lu_lambdas: settings.sigmaSpacing === 'lu',
    ...rangeTo(settings),
    solver_order: settings.order,
    solver_type: settings.solverType,
    algorithm_type: settings.isStochastic ? 'sde-dpmsolver++' : 'dpmsolver++',
    lower_order_final: settings.lowerOrderFinal,
    euler_at_final: settings.eulerAtFinal,
    final_sigmas_type: finalTo(settings),
    // Without it the reference visits all timesteps; it does not take null.
    ...(settings.smallestLogSnr === null ? {} : { lambda_min_clipped: settings.smallestLogSnr }),
  };
}

type SpacedKeys = Pick<Keys<'DDIMScheduler'>, 'timestep_spacing' | 'steps_offset'>;
type ClipKeys = Pick<Keys<'DDIMScheduler'>, 'clip_sample' | 'clip_sample_range'>;
type SigmaKeys = Pick<Keys<'EulerDiscreteScheduler'>, 'use_karras_sigmas' | 'use_exponential_sigmas' | 'sigma_min' | 'sigma_max'>;

function spacedFrom(keys: SpacedKeys): Pick<Settings<'ddim'>, 'spacing' | 'stepsOffset'> {
  return { spacing: keys.timestep_spacing, stepsOffset: keys.steps_offset };
}

function spacedTo({ spacing, stepsOffset }: Pick<Settings<'ddim'>, 'spacing' | 'stepsOffset'>): Record<string, unknown> {
  return { timestep_spacing: spacing, steps_offset: stepsOffset };
}

function clipFrom(keys: ClipKeys): Pick<Settings<'ddim'>, 'clipRange'> {
  return { clipRange: keys.clip_sample ? keys.clip_sample_range : null };
}

function clipTo({ clipRange }: Pick<Settings<'ddim'>, 'clipRange'>): Record<string, unknown> {
  return { clip_sample: clipRange !== null, ...(clipRange === null ? {} : { clip_sample_range: clipRange }) };
}

function sigmasFrom(keys: SigmaKeys): Pick<Settings<'euler'>, 'sigmaSpacing' | 'sigmaMin' | 'sigmaMax'> {
  const spacing = keys.use_karras_sigmas === true ? 'karras' : keys.use_exponential_sigmas === true ? 'exponential' : 'timesteps';
  return { sigmaSpacing: spacing, sigmaMin: keys.sigma_min, sigmaMax: keys.sigma_max };
}

function sigmasTo({ sigmaSpacing, ...range }: Pick<Settings<'euler'>, 'sigmaSpacing' | 'sigmaMin' | 'sigmaMax'>): Record<string, unknown> {
  return { use_karras_sigmas: sigmaSpacing === 'karras', use_exponential_sigmas: sigmaSpacing === 'exponential', ...rangeTo(range) };
}

function rangeTo({ sigmaMin, sigmaMax }: Pick<Settings<'euler'>, 'sigmaMin' | 'sigmaMax'>): Record<string, unknown> {
  return { ...(sigmaMin === null ? {} : { sigma_min: sigmaMin }), ...(sigmaMax === null ? {} : { sigma_max: sigmaMax }) };
}

function finalTo({ endsAtZero }: Pick<Settings<'euler'>, 'endsAtZero'>): 'zero' | 'sigma_min' {
  return endsAtZero ? 'zero' : 'sigma_min';
}

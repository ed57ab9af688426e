// The noise process and the way to sample it, to and from the reference's scheduler_config.json.
import { z } from 'zod';
import { diffusionSchema, type DiffusionConfig } from '../config/diffusion.js';
import { configurationError, problemsOf, type ConfigProblem } from '../config/problems.js';
import type { SchedulerSettings } from '../diffusion/scheduler-settings.js';
import { READERS, schedulerClassOf, writeKeys } from './_scheduler-classes.js';
import { keysThatCount, SCHEDULER_CLASSES, SCHEDULER_SCHEMAS } from './_scheduler-schemas.js';

export { schedulerClassOf };

/** What a scheduler_config.json says. */
export interface SchedulerParts {
  readonly diffusion: DiffusionConfig;
  readonly scheduler: SchedulerSettings;
}

/** A scheduler_config.json that the reference opens. Keys of ours begin with an underscore, which it passes over. */
export function toSchedulerConfig({ diffusion, scheduler }: SchedulerParts): Record<string, unknown> {
  const className = schedulerClassOf(scheduler);
  const keys = {
    num_train_timesteps: diffusion.trainTimesteps,
    beta_start: diffusion.betaStart,
    beta_end: diffusion.betaEnd,
    beta_schedule: diffusion.betaSchedule,
    prediction_type: diffusion.predictionType,
    rescale_betas_zero_snr: diffusion.zeroTerminalSnr,
    ...writeKeys(scheduler),
  };
  const { shape } = SCHEDULER_SCHEMAS[className];
  return {
    _class_name: className,
    _min_snr_gamma: diffusion.minSnrGamma,
    ...Object.fromEntries(Object.entries(keys).filter(([key]) => Object.hasOwn(shape, key))),
  };
}

const head = z.looseObject({
  _class_name: z.enum(SCHEDULER_CLASSES),
  _min_snr_gamma: z.number().positive().nullable().default(null),
});

/** Keys of every class but the flow's, which has the first alone. */
interface NoiseKeys {
  readonly num_train_timesteps: number;
  readonly beta_start: number;
  readonly beta_end: number;
  readonly beta_schedule: string;
  readonly prediction_type: string;
  readonly rescale_betas_zero_snr?: boolean;
}

/**
 * Reads a scheduler_config.json, with the reference's defaults for absent keys. Keys that its class does not have, but another
 * scheduler has, are passed over as the reference does. A flow's beta keys, which it does not use, take the defaults of the configuration.
 *
 * @throws MelstromError of kind 'configuration' that names every key that is unknown, or has a value that would sample otherwise here
 */
export function fromSchedulerConfig(raw: unknown, where: string): SchedulerParts {
  const { _class_name: className, _min_snr_gamma: minSnrGamma } = checked(head, raw, where);
  const keys = keysThatCount(className, raw as Record<string, unknown>);
  if (keys.lambda_min_clipped === -Infinity) delete keys.lambda_min_clipped; // the reference's own default, which is no number in JSON
  const values = checked(SCHEDULER_SCHEMAS[className] as z.ZodType<NoiseKeys>, keys, where);
  const problems = contradictionsIn({ ...values, _class_name: className });
  if (problems.length > 0) throw configurationError(where, problems);
  const scheduler = (READERS[className] as (values: unknown) => SchedulerSettings)(values);
  const noise =
    scheduler.kind === 'flow'
      ? { predictionType: 'flow' }
      : {
          betaStart: values.beta_start,
          betaEnd: values.beta_end,
          betaSchedule: values.beta_schedule,
          predictionType: values.prediction_type,
          zeroTerminalSnr: values.rescale_betas_zero_snr ?? false,
        };
  const diffusion = checked(diffusionSchema, { trainTimesteps: values.num_train_timesteps, minSnrGamma, ...noise }, where);
  return { diffusion: Object.freeze(diffusion), scheduler: Object.freeze(scheduler) };
}

/** Values that are understood one by one, but not together. */
function contradictionsIn(values: Readonly<Record<string, unknown>>): ConfigProblem[] {
  const is = (key: string, value: unknown = true): boolean => values[key] === value;
  const spacings = ['use_karras_sigmas', 'use_exponential_sigmas', 'use_lu_lambdas'].filter((key) => is(key));
  const found: (ConfigProblem | false)[] = [
    is('rescale_betas_zero_snr') && is('prediction_type', 'epsilon') &&
      { key: 'rescale_betas_zero_snr', got: 'true', expected: 'false with a prediction_type of epsilon, which cannot be asked of an input that is noise alone' },
    is('timestep_type', 'continuous') && is('prediction_type', 'v_prediction') &&
      { key: 'timestep_type', got: '"continuous"', expected: 'discrete with a prediction_type of v_prediction' },
    spacings.length > 1 && { key: spacings.join(' and '), got: 'true', expected: 'at most one of them' },
    is('_class_name', 'DPMSolverMultistepScheduler') && spacings.length > 0 && is('beta_schedule', 'squaredcos_cap_v2') &&
      { key: spacings[0], got: 'true', expected: 'false with a beta_schedule of squaredcos_cap_v2, where the reference cuts timesteps off at its own rounding errors' },
    is('algorithm_type', 'sde-dpmsolver++') && is('solver_order', 3) && { key: 'solver_order', got: '3', expected: '1 or 2 with sde-dpmsolver++' },
    (values.lambda_min_clipped ?? null) !== null && is('timestep_spacing', 'trailing') &&
      { key: 'lambda_min_clipped', got: String(values.lambda_min_clipped), expected: 'none with a timestep_spacing of trailing, where it would change the number of steps' },
  ];
  return found.filter((problem) => problem !== false);
}

function checked<T>(schema: z.ZodType<T>, raw: unknown, where: string): T {
  const result = schema.safeParse(raw);
  if (!result.success) throw configurationError(where, problemsOf(schema, raw, result.error.issues));
  return result.data;
}

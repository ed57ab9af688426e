// The noise process to and from the reference's scheduler_config.json.
import { z } from 'zod';
import { diffusionSchema, type DiffusionConfig } from '../config/diffusion.js';
import { configurationError, problemsOf } from '../config/problems.js';

const FLOW_CLASS = 'FlowMatchEulerDiscreteScheduler';

/** A scheduler_config.json that the reference opens. Keys of ours begin with an underscore, which it passes over. */
export function toSchedulerConfig(diffusion: DiffusionConfig): Record<string, unknown> {
  const common = { num_train_timesteps: diffusion.trainTimesteps, _min_snr_gamma: diffusion.minSnrGamma };
  if (diffusion.predictionType === 'flow') return { _class_name: FLOW_CLASS, ...common, shift: 1 };
  return {
    _class_name: 'DDIMScheduler',
    ...common,
    beta_start: diffusion.betaStart,
    beta_end: diffusion.betaEnd,
    beta_schedule: diffusion.betaSchedule,
    prediction_type: diffusion.predictionType,
    rescale_betas_zero_snr: diffusion.zeroTerminalSnr,
    timestep_spacing: 'trailing',
    clip_sample: false,
    set_alpha_to_one: true,
  };
}

const fields = z.looseObject({
  _class_name: z.string(),
  num_train_timesteps: z.number().default(1000),
  beta_start: z.number().default(0.0001),
  beta_end: z.number().default(0.02),
  beta_schedule: z.string().default('linear'),
  prediction_type: z.string().default('epsilon'),
  rescale_betas_zero_snr: z.boolean().default(false),
  _min_snr_gamma: z.number().nullable().default(null),
});

/**
 * Reads a scheduler_config.json, with the reference's defaults for absent keys. A flow's beta keys, which it does not use, take the
 * defaults of the configuration.
 *
 * @throws MelstromError of kind 'configuration' that names what does not fit
 */
export function fromSchedulerConfig(raw: unknown, where: string): DiffusionConfig {
  const read = fields.safeParse(raw);
  if (!read.success) throw configurationError(where, problemsOf(fields, raw, read.error.issues));
  const config = read.data;
  const common = { trainTimesteps: config.num_train_timesteps, minSnrGamma: config._min_snr_gamma };
  const diffusion =
    config._class_name === FLOW_CLASS
      ? { ...common, predictionType: 'flow' }
      : {
          ...common,
          betaStart: config.beta_start,
          betaEnd: config.beta_end,
          betaSchedule: config.beta_schedule,
          predictionType: config.prediction_type,
          zeroTerminalSnr: config.rescale_betas_zero_snr,
        };
  const result = diffusionSchema.safeParse(diffusion);
  if (!result.success) throw configurationError(where, problemsOf(diffusionSchema, diffusion, result.error.issues));
  return Object.freeze(result.data);
}

// The keys of the reference's scheduler classes, with its defaults, and the values that are understood here. A value that is not
// understood would change the result, so it is no value of the schema.
import { z } from 'zod';

const noise = {
  num_train_timesteps: z.int().min(2).max(10_000).default(1000),
  beta_start: z.number().positive().lt(1).default(0.0001),
  beta_end: z.number().positive().lt(1).default(0.02),
  beta_schedule: z.enum(['linear', 'scaled_linear', 'squaredcos_cap_v2']).default('linear'),
  trained_betas: z.null().default(null),
};

/** Keys that files of older versions have, at the values that the reference takes without them. */
const obsolete = {
  tensor_format: z.string().optional(),
  timestep_values: z.null().optional(),
  predict_epsilon: z.literal(true).optional(),
};

const spaced = (spacing: 'leading' | 'linspace') => ({
  timestep_spacing: z.enum(['leading', 'trailing', 'linspace']).default(spacing),
  steps_offset: z.int().min(0).default(0),
});

const clipping = (isClipped: boolean) => ({
  clip_sample: z.boolean().default(isClipped),
  clip_sample_range: z.number().positive().default(1),
});

const thresholding = {
  thresholding: z.literal(false).default(false),
  dynamic_thresholding_ratio: z.number().default(0.995),
  sample_max_value: z.number().default(1),
};

const isOff = () => z.literal(false).nullable().default(false);
const isOn = () => z.boolean().nullable().default(false);

const sigmaSpacing = {
  use_karras_sigmas: isOn(),
  use_exponential_sigmas: isOn(),
  use_beta_sigmas: isOff(),
  sigma_min: z.number().positive().nullable().default(null),
  sigma_max: z.number().positive().nullable().default(null),
};

const predicts = <T extends readonly ['epsilon', ...string[]]>(types: T) => ({ prediction_type: z.enum(types).default('epsilon' as never) });
const ALL_TYPES = ['epsilon', 'sample', 'v_prediction'] as const;
const NO_SAMPLE = ['epsilon', 'v_prediction'] as const;

const rescaling = { rescale_betas_zero_snr: z.boolean().default(false) };
const finalSigmas = { final_sigmas_type: z.enum(['zero', 'sigma_min']).default('zero') };

/** Schema per class. */
export const SCHEDULER_SCHEMAS = {
  DDPMScheduler: z.strictObject({
    ...noise, ...predicts(ALL_TYPES), ...rescaling, ...spaced('leading'), ...clipping(true), ...thresholding, ...obsolete,
    variance_type: z.enum(['fixed_small', 'fixed_small_log', 'fixed_large']).default('fixed_small'),
  }),
  DDIMScheduler: z.strictObject({
    ...noise, ...predicts(ALL_TYPES), ...rescaling, ...spaced('leading'), ...clipping(true), ...thresholding, ...obsolete,
    set_alpha_to_one: z.boolean().default(true),
  }),
  PNDMScheduler: z.strictObject({
    ...noise, ...predicts(NO_SAMPLE), ...spaced('leading'), ...obsolete,
    skip_prk_steps: z.boolean().default(false),
    set_alpha_to_one: z.boolean().default(false),
  }),
  DPMSolverMultistepScheduler: z.strictObject({
    ...noise, ...predicts(ALL_TYPES), ...rescaling, ...spaced('linspace'), ...sigmaSpacing, ...finalSigmas, ...thresholding, ...obsolete,
    solver_order: z.literal([1, 2, 3]).default(2),
    algorithm_type: z.enum(['dpmsolver++', 'sde-dpmsolver++']).default('dpmsolver++'),
    solver_type: z.enum(['midpoint', 'heun']).default('midpoint'),
    lower_order_final: z.boolean().default(true),
    euler_at_final: z.boolean().default(false),
    use_lu_lambdas: isOn(),
    use_exponential_sigmas: isOff(),
    use_flow_sigmas: isOff(),
    flow_shift: z.number().nullable().default(1),
    lambda_min_clipped: z.number().nullable().default(null),
    variance_type: z.null().default(null),
    use_dynamic_shifting: isOff(),
    time_shift_type: z.string().default('exponential'),
  }),
  EulerDiscreteScheduler: z.strictObject({
    ...noise, ...predicts(ALL_TYPES), ...rescaling, ...spaced('linspace'), ...sigmaSpacing, ...finalSigmas, ...obsolete,
    interpolation_type: z.literal('linear').default('linear'),
    timestep_type: z.enum(['discrete', 'continuous']).default('discrete'),
  }),
  EulerAncestralDiscreteScheduler: z.strictObject({ ...noise, ...predicts(NO_SAMPLE), ...rescaling, ...spaced('linspace'), ...obsolete }),
  HeunDiscreteScheduler: z.strictObject({
    ...noise, ...predicts(ALL_TYPES), ...spaced('linspace'), ...sigmaSpacing, ...clipping(false), ...obsolete,
    beta_start: noise.beta_start.unwrap().default(0.00085),
    beta_end: noise.beta_end.unwrap().default(0.012),
  }),
  FlowMatchEulerDiscreteScheduler: z.strictObject({
    num_train_timesteps: noise.num_train_timesteps,
    shift: z.number().positive().default(1),
    use_dynamic_shifting: isOff(),
    base_shift: z.number().nullable().default(0.5),
    max_shift: z.number().nullable().default(1.15),
    base_image_seq_len: z.number().nullable().default(256),
    max_image_seq_len: z.number().nullable().default(4096),
    invert_sigmas: isOff(),
    shift_terminal: z.null().default(null),
    use_karras_sigmas: isOff(),
    use_exponential_sigmas: isOff(),
    use_beta_sigmas: isOff(),
    time_shift_type: z.string().default('exponential'),
    stochastic_sampling: isOff(),
  }),
} as const;

export type SchedulerClass = keyof typeof SCHEDULER_SCHEMAS;

export const SCHEDULER_CLASSES = Object.keys(SCHEDULER_SCHEMAS) as SchedulerClass[];

/** Keys of the reference's other schedulers, which it drops from a file of a class that does not have them. */
export const KEYS_OF_OTHER_CLASSES: ReadonlySet<string> = new Set([
  ...Object.values(SCHEDULER_SCHEMAS).flatMap((schema) => Object.keys(schema.shape)),
  'disable_corrector', 'predict_x0', 'rho', 'sigma_data', 'sigma_schedule', 'solver_p',
]);

/** Keys of the file that its class does have, in the reference's own words: not those it drops, marks with an underscore or lists as left at their default. */
export function keysThatCount(className: SchedulerClass, raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { shape } = SCHEDULER_SCHEMAS[className];
  const defaulted = Array.isArray(raw._use_default_values) ? raw._use_default_values : [];
  return Object.fromEntries(
    Object.entries(raw).filter(([key]) => !key.startsWith('_') && !defaulted.includes(key) && (Object.hasOwn(shape, key) || !KEYS_OF_OTHER_CLASSES.has(key))),
  );
}

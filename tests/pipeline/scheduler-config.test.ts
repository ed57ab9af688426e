import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { diffusionSchema } from '../../src/config/diffusion.js';
import { createNoiseSchedule, defaultScheduler, planScheduler, type PredictionType } from '../../src/diffusion/index.js';
import { parsePythonJson } from '../../src/pipeline/_python-json.js';
import { expectClose } from '../support/close.js';
import { fromSchedulerConfig, schedulerClassOf, toSchedulerConfig } from '../../src/pipeline/scheduler-config.js';

type Config = Record<string, unknown>;

const { cases } = JSON.parse(readFileSync(new URL('../diffusion/fixtures/trajectories.json', import.meta.url), 'utf8')) as { cases: { name: string; config: Config }[] };
const read = (config: Config): ReturnType<typeof fromSchedulerConfig> => fromSchedulerConfig(config, 'scheduler_config.json');
const planned = (config: Config, steps: number): ReturnType<typeof planScheduler> => {
  const { diffusion, scheduler } = read(config);
  return planScheduler({ schedule: createNoiseSchedule(diffusion), steps }, scheduler);
};

describe.each(cases.map(({ name, config }) => [name, config] as const))('scheduler_config.json: %s', (_, config) => {
  it('comes back as it was, and is written with the values it had', () => {
    const parts = read(config);
    const written = toSchedulerConfig(parts);
    expect(read(written)).toEqual(parts);
    expect(written._class_name).toBe(config._class_name);
    const kept = Object.keys(written).filter((key) => key in config && !(key === 'variance_type' && config[key] === 'fixed_small_log'));
    expect(kept.length).toBeGreaterThan(0);
    for (const key of kept) expect([key, written[key]]).toEqual([key, config[key]]);
  });
});

describe('scheduler_config.json', () => {
  it('of a pipeline trained here is sampled as here by default', () => {
    for (const predictionType of ['v_prediction', 'sample', 'epsilon', 'flow'] satisfies PredictionType[]) {
      const diffusion = diffusionSchema.parse({ predictionType, zeroTerminalSnr: predictionType !== 'epsilon', minSnrGamma: null });
      const parts = { diffusion: predictionType === 'flow' ? diffusionSchema.parse({ predictionType, minSnrGamma: null }) : diffusion, scheduler: defaultScheduler(diffusion) };
      expect(read(toSchedulerConfig(parts))).toEqual(parts);
      expect(schedulerClassOf(parts.scheduler)).toBe(predictionType === 'flow' ? 'FlowMatchEulerDiscreteScheduler' : 'DPMSolverMultistepScheduler');
    }
    const { diffusion, scheduler } = read(toSchedulerConfig({ diffusion: diffusionSchema.parse({}), scheduler: defaultScheduler({ predictionType: 'v_prediction' }) }));
    const schedule = createNoiseSchedule(diffusion);
    expectClose(planScheduler({ schedule, steps: 30 }, scheduler).path.sigmas, schedule.sigmas(30), { relative: 1e-12 });
  });

  const dpm = { _class_name: 'DPMSolverMultistepScheduler' };
  const ddim = { _class_name: 'DDIMScheduler' };
  const euler = { _class_name: 'EulerDiscreteScheduler' };
  const flow = { _class_name: 'FlowMatchEulerDiscreteScheduler' };
  const refused: readonly (readonly [string, Config, string])[] = [
    ['another class', { _class_name: 'UniPCMultistepScheduler' }, '_class_name: got "UniPCMultistepScheduler", expected one of DDPMScheduler, DDIMScheduler'],
    ['no class', {}, '_class_name: got nothing'],
    ['a key nobody has', { ...ddim, timestep_spacings: 'leading' }, 'timestep_spacings: got an unknown key'],
    ['another beta schedule', { _class_name: 'DDPMScheduler', beta_schedule: 'sigmoid' }, 'beta_schedule: got "sigmoid", expected one of linear, scaled_linear, squaredcos_cap_v2'],
    ['betas of its own', { ...ddim, trained_betas: [0.1, 0.2] }, 'trained_betas: got [0.1,0.2], expected null'],
    ['dynamic thresholding', { ...ddim, thresholding: true }, 'thresholding: got true, expected false'],
    ['a learned variance', { _class_name: 'DDPMScheduler', variance_type: 'learned_range' }, 'variance_type: got "learned_range", expected one of fixed_small'],
    ['beta sigmas', { ...euler, use_beta_sigmas: true }, 'use_beta_sigmas: got true, expected false'],
    ['exponential sigmas of DPM', { ...dpm, use_exponential_sigmas: true }, 'use_exponential_sigmas: got true, expected false'],
    ['flow sigmas', { ...dpm, use_flow_sigmas: true }, 'use_flow_sigmas: got true'],
    ['DPM-Solver without ++', { ...dpm, algorithm_type: 'dpmsolver' }, 'algorithm_type: got "dpmsolver", expected one of dpmsolver++'],
    ['a fourth order', { ...dpm, solver_order: 4 }, 'solver_order: got 4, expected one of 1, 2, 3'],
    ['a third order with fresh noise', { ...dpm, solver_order: 3, algorithm_type: 'sde-dpmsolver++' }, 'solver_order: got 3, expected 1 or 2'],
    ['two spacings of sigmas', { ...dpm, use_karras_sigmas: true, use_lu_lambdas: true }, 'use_karras_sigmas and use_lu_lambdas: got true, expected at most one'],
    ['Karras sigmas of DPM on a cosine', { ...dpm, use_karras_sigmas: true, beta_schedule: 'squaredcos_cap_v2' }, 'use_karras_sigmas: got true'],
    ['clipped lambdas from the end', { ...dpm, lambda_min_clipped: -5, timestep_spacing: 'trailing' }, 'lambda_min_clipped: got -5, expected none'],
    ['log-linear sigmas', { ...euler, interpolation_type: 'log_linear' }, 'interpolation_type: got "log_linear", expected linear'],
    ['continuous timesteps', { ...euler, timestep_type: 'continuous', prediction_type: 'v_prediction' }, 'timestep_type: got "continuous", expected discrete'],
    ['epsilon from noise alone', { ...euler, rescale_betas_zero_snr: true }, 'rescale_betas_zero_snr: got true, expected false'],
    ['the sample of PNDM', { _class_name: 'PNDMScheduler', prediction_type: 'sample' }, 'prediction_type: got "sample", expected one of epsilon, v_prediction'],
    ['the old epsilon switch', { ...ddim, predict_epsilon: false }, 'predict_epsilon: got false, expected true'],
    ['a shift by resolution', { ...flow, use_dynamic_shifting: true }, 'use_dynamic_shifting: got true, expected false'],
    ['a stretched flow', { ...flow, shift_terminal: 0.1 }, 'shift_terminal: got 0.1, expected null'],
    ['a flow upside down', { ...flow, invert_sigmas: true }, 'invert_sigmas: got true'],
    ['a stochastic flow', { ...flow, stochastic_sampling: true }, 'stochastic_sampling: got true'],
  ];

  it.each(refused)('with %s is refused by key and value', (_, config, message) => {
    expect(() => read(config)).toThrow(message);
  });

  it('lists every problem at once', () => {
    expect(() => read({ ...euler, use_beta_sigmas: true, steps_ofset: 1 })).toThrow(/2 problems.*use_beta_sigmas.*steps_ofset/s);
  });

  it('loses the keys of other classes, as the reference loses them', () => {
    const plain = { _class_name: 'PNDMScheduler', skip_prk_steps: true };
    const foreign = { clip_sample: true, use_karras_sigmas: true, solver_order: 3, solver_p: null, interpolation_type: 'log_linear', thresholding: true, rescale_betas_zero_snr: true };
    expect(read({ ...plain, ...foreign, _diffusers_version: '0.20.0', _use_default_values: ['steps_offset'], steps_offset: 5 })).toEqual(read(plain));
  });

  it('takes what files of older versions say, where it is what the reference does', () => {
    const plain = { _class_name: 'DDPMScheduler' };
    expect(read({ ...plain, tensor_format: 'pt', timestep_values: null, predict_epsilon: true })).toEqual(read(plain));
  });

  it('may have infinities as Python writes them, and text that looks like one', () => {
    const raw = parsePythonJson('{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "_note": "up to \\"Infinity", "_most": Infinity}') as Config;
    expect(raw).toMatchObject({ lambda_min_clipped: -Infinity, _note: 'up to "Infinity', _most: Infinity });
    expect(read(raw)).toEqual(read(dpm));
    expect(() => parsePythonJson('{"a": Infinite}')).toThrow(SyntaxError);
  });
});

describe('number of steps of a scheduler', () => {
  it.each([
    ['PNDM with a Runge-Kutta start', { _class_name: 'PNDMScheduler' }, 3, 'at least 4'],
    ['an offset beyond the end', { _class_name: 'DDIMScheduler', steps_offset: 1 }, 1000, 'timestep 1000 of 999'],
    ['strides of no timestep', { _class_name: 'DPMSolverMultistepScheduler', timestep_spacing: 'leading' }, 1000, 'no two steps'],
    ['more steps than timesteps', { _class_name: 'EulerDiscreteScheduler', timestep_spacing: 'leading', num_train_timesteps: 10 }, 11, 'no two steps'],
  ])('is refused with %s', (_, config, steps, message) => {
    expect(() => planned(config, steps)).toThrow(message);
    expect(planned(config, 5).path.sigmas.length).toBe(6);
  });

  it('visits what sigma_min and sigma_max say', () => {
    const { path } = planned({ _class_name: 'HeunDiscreteScheduler', use_exponential_sigmas: true, sigma_min: 0.5, sigma_max: 8 }, 5);
    expect(Array.from(path.sigmas, (sigma) => Math.round(sigma * 1e9) / 1e9)).toEqual([8, 4, 2, 1, 0.5, 0]);
  });

  it('hears eta with DDIM alone', () => {
    expect(planned({ _class_name: 'DDIMScheduler' }, 5).hasEta).toBe(true);
    expect(planned({ _class_name: 'DDPMScheduler' }, 5).hasEta).toBe(false);
  });
});

// The schema of the noise process: which noise is added in training and what the network answers. Knows no network.
import { z } from 'zod';

/** How noise is added over the training timesteps, and which of clean, noise or a mix of both the network predicts. */
export const diffusionSchema = z
  .strictObject({
    /** Noise levels the network is trained at. Range 2 to 10000; also the most steps a sampler can take. */
    trainTimesteps: z.int().min(2).max(10_000).default(1000),
    /** How beta, the noise added from one timestep to the next, rises. Not used by `flow`, which has its own path. */
    betaSchedule: z.enum(['linear', 'scaled_linear', 'squaredcos_cap_v2']).default('scaled_linear'),
    /** Beta of the first timestep. Not used by squaredcos_cap_v2. */
    betaStart: z.number().positive().lt(1).default(0.00085),
    /** Beta of the last timestep. Larger ends nearer to pure noise. Not used by squaredcos_cap_v2. */
    betaEnd: z.number().positive().lt(1).default(0.012),
    /** What the network answers: a mix of noise and clean (v_prediction, flow), the noise, or the clean sample. */
    predictionType: z.enum(['v_prediction', 'epsilon', 'sample', 'flow']).default('v_prediction'),
    /** Ends the noise at nothing but noise, so that overall level and silence are learnt. `flow` always does. */
    zeroTerminalSnr: z.boolean().default(true),
    /** Ceiling of the signal-to-noise ratio in the loss weights; smaller spends less on nearly clean input. null: every timestep counts alike. */
    minSnrGamma: z.number().positive().nullable().default(5),
  })
  .refine((diffusion) => diffusion.betaStart <= diffusion.betaEnd, {
    path: ['betaEnd'],
    message: 'betaEnd must not be below betaStart',
  })
  .refine((diffusion) => !(diffusion.predictionType === 'epsilon' && diffusion.zeroTerminalSnr), {
    path: ['zeroTerminalSnr'],
    message: 'epsilon cannot be asked of an input that is noise alone: set zeroTerminalSnr to false, or predict v_prediction',
  })
  .prefault({});

export type DiffusionConfig = Readonly<z.output<typeof diffusionSchema>>;

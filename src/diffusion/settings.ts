// What the noise process is told. The configuration's own type fits it; nothing here reads a configuration.

export type BetaSchedule = 'linear' | 'scaled_linear' | 'squaredcos_cap_v2';

/** What the network answers. */
export type PredictionType = 'v_prediction' | 'epsilon' | 'sample' | 'flow';

/** The part of the configuration that fixes the noise added at each timestep. */
export interface NoiseSettings {
  readonly trainTimesteps: number;
  readonly betaSchedule: BetaSchedule;
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly predictionType: PredictionType;
  readonly zeroTerminalSnr: boolean;
}

/** Which training timesteps a number of steps visits. */
export type TimestepSpacing = 'leading' | 'trailing' | 'linspace';

/** How a sampler's sigmas are chosen: at timesteps so spaced, or even in sigma^(1/7), or even in their logarithm. */
export const SPACINGS = ['trailing', 'leading', 'linspace', 'karras', 'exponential'] as const;

export type Spacing = (typeof SPACINGS)[number];

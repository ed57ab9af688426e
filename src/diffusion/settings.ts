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

/** How timesteps are chosen for a given number of steps. `trailing` starts at the noisiest, `karras` is even in sigma^(1/7). */
export type Spacing = 'trailing' | 'karras';

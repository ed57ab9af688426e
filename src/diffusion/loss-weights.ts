// How much each timestep counts in the loss on the network's answer.
import { cleanWeights } from './parameterisation.js';
import type { Mix, NoiseSchedule } from './schedule.js';
import type { PredictionType } from './settings.js';

interface MinSnrOptions {
  readonly mix: Mix;
  readonly predictionType: PredictionType;
  /** Ceiling of the signal-to-noise ratio that counts. */
  readonly gamma: number;
  /** Floor of it. Default 0, the paper's. */
  readonly floor?: number;
}

/**
 * The weight of the squared error of the answer that makes the squared error of the clean sample count by its
 * signal-to-noise ratio (signal²/noise²), held between floor and gamma: for epsilon min(snr, gamma)/snr, for v
 * min(snr, gamma)/(snr + 1), for sample min(snr, gamma), for flow min(snr, gamma) · noise².
 *
 * Source: Hang et al., "Efficient diffusion training via min-SNR weighting strategy" (2023), section 3.4; a floor of 1 is the
 * truncated ratio of Salimans and Ho 2022, section 4.
 */
export function minSnrWeight({ mix, predictionType, gamma, floor = 0 }: MinSnrOptions): number {
  const snr = (mix.signal / mix.noise) ** 2;
  const errorScale = cleanWeights(predictionType, mix).output ** 2;
  return Math.min(Math.max(snr, floor), gamma) * errorScale;
}

/**
 * The weight of a training timestep. A schedule that ends in noise alone gets a floor of 1 (or gamma, if less) under the ratio:
 * without it the noisiest timesteps, where overall level is decided, would weigh nothing. gamma null: every timestep weighs 1.
 */
export function lossWeightAt(schedule: NoiseSchedule, timestep: number, gamma: number | null): number {
  if (gamma === null) return 1;
  const { predictionType } = schedule.settings;
  const floor = schedule.endsInNoise && predictionType !== 'epsilon' ? Math.min(1, gamma) : 0;
  return minSnrWeight({ mix: schedule.mixAt(timestep), predictionType, gamma, floor });
}

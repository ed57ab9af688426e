// The noise schedule: how much signal and noise is in the input of the network at each timestep, and sigma = noise / signal.
import { requireInteger, requireNumber } from '../base/checks.js';
import { createBetas, cumulativeAlphas, rescaleToZeroTerminalSnr, TERMINAL_ALPHA_CUMPROD } from './betas.js';
import type { NoiseSettings, Spacing, TimestepSpacing } from './settings.js';
import { exponentialSigmas, karrasSigmas } from './sigma-spacing.js';
import { roundHalfEven, spacedTimesteps } from './timestep-spacing.js';

/** Amplitudes of the network's input: noisy input = signal · clean + noise · unit noise. */
export interface Mix {
  readonly signal: number;
  readonly noise: number;
}

/** A noise schedule. It is a value: nothing in it changes. */
export interface NoiseSchedule {
  readonly settings: NoiseSettings;
  /** Signal power per training timestep, falling. */
  readonly alphasCumprod: Float64Array;
  /** First and last training timestep that the network is told: 0 and T-1, or 1 and T for flow. */
  readonly firstTimestep: number;
  readonly lastTimestep: number;
  /** Whether the last timestep is noise alone (sigma about 4096). */
  readonly endsInNoise: boolean;
  /** Amplitudes of signal and noise at a training timestep, which may be fractional. */
  mixAt(timestep: number): Mix;
  /** Noise over signal at a training timestep, which may be fractional. */
  sigmaAt(timestep: number): number;
  /** Amplitudes at a sigma. */
  mixOf(sigma: number): Mix;
  /** The timestep, fractional between two, whose sigma this is; held to the first and last. */
  timestepAt(sigma: number): number;
  /** The whole training timesteps that a number of steps visits, falling. Default `trailing`. */
  timesteps(steps: number, spacing?: TimestepSpacing): Int32Array;
  /** One sigma per step, strictly falling, then 0. Default `trailing`, which starts at the noisiest. */
  sigmas(steps: number, spacing?: Spacing): Float64Array;
}

/**
 * Creates the schedule that the settings name. `flow` goes in a straight line from clean to noise, at timestep t of T with
 * 1 - t/T of the one and t/T of the other; everything else keeps signal² + noise² = 1.
 *
 * Source: timesteps spaced `trailing` and 2^-24 as the last signal power after Lin et al. 2024; flow after Liu et al. 2022.
 */
export function createNoiseSchedule(settings: NoiseSettings): NoiseSchedule {
  const count = requireInteger('diffusion.trainTimesteps', settings.trainTimesteps, { min: 2, kind: 'configuration' });
  const isFlow = settings.predictionType === 'flow';
  const endsInNoise = isFlow || settings.zeroTerminalSnr;
  const signals = isFlow ? flowSignals(count) : varianceSignals(settings);
  const sigmas = signals.map((signal) => noiseFor(signal, isFlow) / signal);
  const firstTimestep = isFlow ? 1 : 0;
  const lastTimestep = firstTimestep + count - 1;

  const mixOf = (sigma: number): Mix => {
    const signal = isFlow ? 1 / (1 + sigma) : 1 / Math.sqrt(1 + sigma * sigma);
    return { signal, noise: sigma * signal };
  };
  const sigmaAt = (timestep: number): number => {
    const position = requireNumber('timestep', timestep, { min: firstTimestep, max: lastTimestep }) - firstTimestep;
    const low = Math.min(Math.floor(position), count - 2);
    return position === low ? sigmas[low] : interpolate(sigmas[low], sigmas[low + 1], position - low);
  };
  const timesteps = (steps: number, spacing: TimestepSpacing = 'trailing'): Int32Array => {
    requireInteger('steps', steps, { min: 1, max: count, fix: 'A sampler cannot take more steps than the training had timesteps.' });
    return Int32Array.from(spacedTimesteps(spacing, { count, steps }), (timestep) => firstTimestep + roundHalfEven(timestep));
  };

  return {
    settings,
    alphasCumprod: signals.map((signal) => signal * signal),
    firstTimestep,
    lastTimestep,
    endsInNoise,
    sigmaAt,
    mixOf,
    mixAt: (timestep) => mixOf(sigmaAt(timestep)),
    timestepAt(sigma) {
      const position = positionOf(sigmas, sigma);
      return firstTimestep + position;
    },
    timesteps,
    sigmas(steps, spacing = 'trailing') {
      if (spacing === 'karras' || spacing === 'exponential') {
        requireInteger('steps', steps, { min: 1, max: count });
        return (spacing === 'karras' ? karrasSigmas : exponentialSigmas)({ steps, largest: sigmas[count - 1], smallest: sigmas[0] });
      }
      return Float64Array.of(...Array.from(timesteps(steps, spacing), (timestep) => sigmas[timestep - firstTimestep]), 0);
    },
  };
}

function varianceSignals(settings: NoiseSettings): Float64Array {
  const { betaSchedule: schedule, trainTimesteps: count, betaStart: start, betaEnd: end } = settings;
  const alphas = cumulativeAlphas(createBetas({ schedule, count, start, end }));
  return (settings.zeroTerminalSnr ? rescaleToZeroTerminalSnr(alphas) : alphas).map(Math.sqrt);
}

/** Signal of the straight path; the last keeps 2^-12 of it, so that sigma stays finite. */
function flowSignals(count: number): Float64Array {
  const signals = Float64Array.from({ length: count }, (_, index) => 1 - (index + 1) / count);
  signals[count - 1] = Math.sqrt(TERMINAL_ALPHA_CUMPROD);
  return signals;
}

function noiseFor(signal: number, isFlow: boolean): number {
  return isFlow ? 1 - signal : Math.sqrt(1 - signal * signal);
}

/** Between two sigmas, linear in their logarithm. */
function interpolate(low: number, high: number, share: number): number {
  return Math.exp(Math.log(low) * (1 - share) + Math.log(high) * share);
}

function positionOf(rising: Float64Array, sigma: number): number {
  const last = rising.length - 1;
  if (sigma <= rising[0]) return 0;
  if (sigma >= rising[last]) return last;
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (rising[middle] <= sigma) low = middle;
    else high = middle;
  }
  return low + Math.log(sigma / rising[low]) / Math.log(rising[high] / rising[low]);
}

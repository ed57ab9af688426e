// Beta schedules and their rescaling to zero terminal signal-to-noise ratio, as plain numbers in float64.
import type { BetaSchedule } from './settings.js';

/** Signal power left at the last timestep after rescaling: not 0, so that sigma stays finite (4096). */
export const TERMINAL_ALPHA_CUMPROD = 2 ** -24;

const LARGEST_COSINE_BETA = 0.999;
const COSINE_OFFSET = 0.008;

interface BetaOptions {
  readonly schedule: BetaSchedule;
  readonly count: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The share of noise variance that each timestep adds.
 *
 * Source: `linear` Ho et al. 2020, section 4; `scaled_linear` (linear in the root) Rombach et al. 2022;
 * `squaredcos_cap_v2` Nichol and Dhariwal 2021, equation 17. diffusers 0.35 gives the same numbers in float32.
 */
export function createBetas({ schedule, count, start, end }: BetaOptions): Float64Array {
  switch (schedule) {
    case 'linear':
      return linearSpace(start, end, count);
    case 'scaled_linear':
      return linearSpace(Math.sqrt(start), Math.sqrt(end), count).map((root) => root * root);
    case 'squaredcos_cap_v2':
      return Float64Array.from({ length: count }, (_, index) =>
        Math.min(1 - cosineSignal((index + 1) / count) / cosineSignal(index / count), LARGEST_COSINE_BETA),
      );
  }
}

/** The signal power left at each timestep: the running product of 1 - beta. */
export function cumulativeAlphas(betas: Float64Array): Float64Array {
  const alphas = new Float64Array(betas.length);
  let product = 1;
  for (let index = 0; index < betas.length; index += 1) {
    product *= 1 - betas[index];
    alphas[index] = product;
  }
  return alphas;
}

/**
 * Shifts and scales the signal amplitudes so that the first stays and the last is nothing (2^-12).
 *
 * Source: Lin et al., "Common diffusion noise schedules and sample steps are flawed" (2024), algorithm 1.
 */
export function rescaleToZeroTerminalSnr(alphasCumprod: Float64Array): Float64Array {
  const amplitudes = alphasCumprod.map(Math.sqrt);
  const first = amplitudes[0];
  const last = amplitudes[amplitudes.length - 1];
  const rescaled = amplitudes.map((amplitude) => (((amplitude - last) * first) / (first - last)) ** 2);
  rescaled[rescaled.length - 1] = TERMINAL_ALPHA_CUMPROD;
  return rescaled;
}

function linearSpace(start: number, end: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => start + ((end - start) * index) / (count - 1));
}

function cosineSignal(time: number): number {
  return Math.cos((((time + COSINE_OFFSET) / (1 + COSINE_OFFSET)) * Math.PI) / 2) ** 2;
}

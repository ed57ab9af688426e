// Beta schedules and their rescaling to zero terminal signal-to-noise ratio. Rounded to float32 wherever the reference is: near clean,
// 1 - beta keeps three digits of a small beta there, and the weights of others were trained with what is left.
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
 * `squaredcos_cap_v2` Nichol and Dhariwal 2021, equation 17. The same float32 numbers as in diffusers 0.42.1.
 */
export function createBetas({ schedule, count, start, end }: BetaOptions): Float64Array {
  switch (schedule) {
    case 'linear':
      return linearSpace(start, end, count);
    case 'scaled_linear':
      return linearSpace(Math.sqrt(start), Math.sqrt(end), count).map((root) => f32(root * root));
    case 'squaredcos_cap_v2':
      return Float64Array.from({ length: count }, (_, index) =>
        f32(Math.min(1 - cosineSignal((index + 1) / count) / cosineSignal(index / count), LARGEST_COSINE_BETA)),
      );
  }
}

/** The signal power left at each timestep: the running product of 1 - beta. */
export function cumulativeAlphas(betas: Float64Array): Float64Array {
  let product = 1; // rounded where it is read, not where it runs
  return betas.map((beta) => {
    product *= f32(1 - beta);
    return f32(product);
  });
}

/**
 * Shifts and scales the signal amplitudes so that the first stays and the last is nothing (2^-12).
 *
 * Source: Lin et al., "Common diffusion noise schedules and sample steps are flawed" (2024), algorithm 1.
 */
export function rescaleToZeroTerminalSnr(alphasCumprod: Float64Array): Float64Array {
  const amplitudes = alphasCumprod.map((alpha) => f32(Math.sqrt(alpha)));
  const first = amplitudes[0];
  const last = amplitudes[amplitudes.length - 1];
  const scale = f32(first / f32(first - last));
  const powers = amplitudes.map((amplitude) => f32(f32(f32(amplitude - last) * scale) ** 2));
  const betas = powers.map((power, index) => f32(1 - (index === 0 ? power : f32(power / powers[index - 1]))));
  const rescaled = cumulativeAlphas(betas);
  rescaled[rescaled.length - 1] = TERMINAL_ALPHA_CUMPROD;
  return rescaled;
}

/** Evenly from both ends, each half from its own, as the reference counts. */
function linearSpace(start: number, end: number, count: number): Float64Array {
  const [low, high] = [f32(start), f32(end)];
  const step = f32(f32(high - low) / (count - 1));
  return Float64Array.from({ length: count }, (_, index) => f32(index < count / 2 ? low + step * index : high - step * (count - 1 - index)));
}

function cosineSignal(time: number): number {
  return Math.cos((((time + COSINE_OFFSET) / (1 + COSINE_OFFSET)) * Math.PI) / 2) ** 2;
}

function f32(value: number): number {
  return Math.fround(value);
}

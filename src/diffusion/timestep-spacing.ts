// Which of the training timesteps a number of steps visits, to the rounding of the reference. Knows no noise.
import type { TimestepSpacing } from './settings.js';

interface SpacingOptions {
  /** Number of training timesteps. */
  readonly count: number;
  readonly steps: number;
  /** Added to each timestep of `leading`. Default 0. */
  readonly offset?: number;
}

/**
 * Timesteps from 0 to count - 1, falling, one per step. `leading` counts up from 0 in whole strides and so leaves
 * out the noisiest, `trailing` counts down from the noisiest, `linspace` goes from the last to the first, with fractions between.
 *
 * Source: Lin et al. 2024, table 2; NumPy's linspace and arange, whose rounding decides where halves go.
 */
export function spacedTimesteps(spacing: TimestepSpacing, { count, steps, offset = 0 }: SpacingOptions): Float64Array {
  switch (spacing) {
    case 'leading': {
      const stride = Math.floor(count / steps);
      return Float64Array.from({ length: steps }, (_, step) => (steps - 1 - step) * stride + offset);
    }
    case 'trailing': {
      const stride = count - (count - count / steps);
      return Float64Array.from({ length: steps }, (_, step) => roundHalfEven(count - step * stride) - 1);
    }
    case 'linspace':
      return evenlySpaced(count - 1, steps).reverse();
  }
}

/** `length` numbers from 0 to last; a single one is 0. */
export function evenlySpaced(last: number, length: number): Float64Array {
  const stride = length === 1 ? 0 : last / (length - 1);
  const numbers = Float64Array.from({ length }, (_, index) => index * stride);
  if (length > 1) numbers[length - 1] = last;
  return numbers;
}

/** Rounds halves to the even integer, as the reference does. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

// Sigmas spaced by a rule of their own, whatever the timesteps.

const KARRAS_RHO = 7;

interface SigmaRange {
  readonly steps: number;
  readonly largest: number;
  readonly smallest: number;
}

/**
 * Sigmas even in sigma^(1/rho), strictly falling from the largest, then 0. One step is the largest, then 0.
 *
 * Source: Karras et al., "Elucidating the design space of diffusion-based generative models" (2022), equation 5.
 */
export function karrasSigmas({ steps, largest, smallest, rho = KARRAS_RHO }: SigmaRange & { readonly rho?: number }): Float64Array {
  const high = largest ** (1 / rho);
  const low = smallest ** (1 / rho);
  return fallingSigmas({ steps, largest, smallest }, (share) => (high + share * (low - high)) ** rho);
}

/** Sigmas even in their logarithm, strictly falling from the largest, then 0. One step is the largest, then 0. */
export function exponentialSigmas({ steps, largest, smallest }: SigmaRange): Float64Array {
  return fallingSigmas({ steps, largest, smallest }, (share) => Math.exp(Math.log(largest) * (1 - share) + Math.log(smallest) * share));
}

function fallingSigmas({ steps, largest, smallest }: SigmaRange, sigmaAt: (share: number) => number): Float64Array {
  const sigmas = Float64Array.from({ length: steps + 1 }, (_, step) => (step < steps ? sigmaAt(step / (steps - 1)) : 0));
  if (steps > 1) sigmas[steps - 1] = smallest; // the ends as they were given, whatever the root rounds
  sigmas[0] = largest;
  return sigmas;
}

// The power of a frame, corrected so that every mel filter holds what it should. Knows no signals, no phases and no decibels.
import type { MelFilterBank } from './mel.js';
import { solveTridiagonal } from './tridiagonal.js';

export interface MelCorrection {
  /**
   * One correction: never below 0, nothing where the frame wants nothing, and what is right stays as it is but under no filter, where
   * it becomes 0. Bins that hold nothing stay so.
   *
   * Shape: power [F], wanted [M] (Σ of filter weight · power). Mutates: power.
   */
  correct(power: Float64Array, wanted: Float32Array): void;
  /** The most even power that holds what is wanted, nearly: from equal bins by a few corrections. Shape: wanted [M] -> out [F]. Mutates: out. */
  spread(wanted: Float32Array, out: Float64Array): void;
}

/** What the power of a bin may be multiplied by, in the first and in the second step, and where nothing is known yet. */
const FIRST_GAINS = { least: 0, largest: 100 };
const SECOND_GAINS = { least: 0.02, largest: 100 };
const ANY_GAINS = { least: 0, largest: Infinity };
/** Added to the diagonal, relative: a bin that alone lies under two filters can't tell them apart. */
const RIDGE = 1e-9;
/** Below any power that counts, so that filters which hold nothing need no test. */
const NOTHING = 1e-30;
/** After them 64 to 128 filters over recordings hold what they should to 0.001 dB, but for one in twenty. */
const SPREAD_STEPS = 4;

/**
 * Creates the correction for one filter bank.
 *
 * Its first step is Richardson and Lucy's, x_k ← x_k·g_k with g_k = Σ_m W_mk r_m / Σ_m W_mk and r_m = wanted/held of filter m, which makes
 * up for most. The second is Newton's for what is left: the g_k = 1 + Σ_m W_mk y_m / Σ_m W_mk with which all filters would hold exactly
 * what they should, bounded below, from equations that are tridiagonal because a bin lies under two neighbouring filters at most.
 * Both in one come as near as ten of the first.
 *
 * Memory: buffers are reused; one object serves one computation at a time.
 * Source: Shepp and Vardi, "Maximum likelihood reconstruction for emission tomography" (1982), for the first step.
 */
export function createMelCorrection({ melBins, starts, lowerWeights, upperWeights }: MelFilterBank): MelCorrection {
  // One entry more than there are filters, so that the topmost filter's missing neighbour needs no test.
  const vector = (): Float64Array => new Float64Array(melBins + 1);
  const ratios = vector();
  const system = { diagonal: vector(), offDiagonal: vector(), right: vector(), out: vector(), scratch: vector() };
  const lowerShares = lowerWeights.map((lower, bin) => lower / (lower + upperWeights[bin]));
  const upperShares = lowerShares.map((share) => 1 - share);
  const [firstBin, endBin] = [starts[0], starts[melBins]];

  /** Mutates: ratios, what filters want over what they hold. */
  const readRatios = (power: Float64Array, wanted: Float32Array): void => {
    let upper = 0;
    for (let filter = 0; filter < melBins; filter += 1) {
      let held = upper;
      upper = 0;
      for (let bin = starts[filter]; bin < starts[filter + 1]; bin += 1) {
        held += lowerWeights[bin] * power[bin];
        upper += upperWeights[bin] * power[bin];
      }
      ratios[filter] = wanted[filter] / (held + NOTHING);
    }
  };

  /** Mutates: power, each bin by the mean of its two filters' factors, weighted as they weigh it. */
  const multiply = (power: Float64Array, factors: Float64Array, { least, largest }: { readonly least: number; readonly largest: number }): void => {
    for (let filter = 0; filter < melBins; filter += 1) {
      const lower = factors[filter];
      const upper = factors[filter + 1];
      for (let bin = starts[filter]; bin < starts[filter + 1]; bin += 1) power[bin] *= Math.min(largest, Math.max(least, lowerShares[bin] * lower + upperShares[bin] * upper));
    }
  };

  const readSystem = (power: Float64Array, wanted: Float32Array): void => {
    const { diagonal, offDiagonal, right } = system;
    let upperDiagonal = 0;
    let upperHeld = 0;
    for (let filter = 0; filter < melBins; filter += 1) {
      let own = upperDiagonal;
      let held = upperHeld;
      let coupled = 0;
      upperDiagonal = 0;
      upperHeld = 0;
      for (let bin = starts[filter]; bin < starts[filter + 1]; bin += 1) {
        const lower = lowerWeights[bin] * power[bin];
        const upper = upperWeights[bin] * power[bin];
        held += lower;
        upperHeld += upper;
        own += lower * lowerShares[bin];
        coupled += lower * upperShares[bin];
        upperDiagonal += upper * upperShares[bin];
      }
      diagonal[filter] = own + RIDGE * own + NOTHING;
      offDiagonal[filter] = coupled;
      right[filter] = wanted[filter] - held;
    }
    diagonal[melBins] = 1;
    right[melBins] = 0;
  };

  const correct: MelCorrection['correct'] = (power, wanted) => {
    power.fill(0, 0, firstBin);
    power.fill(0, endBin);
    readRatios(power, wanted);
    multiply(power, ratios, FIRST_GAINS);
    readSystem(power, wanted);
    solveTridiagonal(system);
    for (let filter = 0; filter <= melBins; filter += 1) system.out[filter] += 1;
    multiply(power, system.out, SECOND_GAINS);
  };

  return {
    correct,
    spread(wanted, out) {
      out.fill(1);
      out.fill(0, 0, firstBin);
      out.fill(0, endBin);
      readRatios(out, wanted);
      multiply(out, ratios, ANY_GAINS);
      for (let step = 0; step < SPREAD_STEPS; step += 1) correct(out, wanted);
    },
  };
}

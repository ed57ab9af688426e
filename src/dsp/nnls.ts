// Non-negative least squares from mel to linear bins, exact and fast because the filters form a band. Knows no frames and no decibels.
import { MelstromError } from '../base/errors.js';
import type { MelFilterBank } from './mel.js';
import { solveTridiagonal } from './tridiagonal.js';

/** How well one solve ended. */
export interface NnlsReport {
  /** Largest breach of the optimality conditions, relative to the largest entry of Wᵀb. */
  readonly violation: number;
  readonly outerSteps: number;
  readonly newtonSteps: number;
}

export interface MelNnls {
  /**
   * Finds x ≥ 0 that minimises ‖Wx - b‖². Among the many such x it takes one next to the shortest, which spreads the
   * power of a mel cell over the bins under its filter. The result does not depend on what was solved before, within
   * the tolerance; the multipliers of the last call are only where the search starts.
   *
   * Shape: target [M] -> out [F]. Mutates: out.
   * @throws MelstromError of kind numeric when target is not finite or the conditions can't be met.
   */
  solve(target: Float64Array, out: Float64Array): NnlsReport;
  /** Forgets the last call, so that what follows is the same to the last bit whatever came before. */
  restart(): void;
}

/**
 * Weights of the distance to the last point, in units of the largest squared filter weight, taken in turn. Small ones settle
 * cells that only the foot of a filter reaches, where large ones creep; large ones clear the rounding that small ones leave.
 */
const PROXIMITIES = [1e-4, 1e-6, 1e-8];
/** The breach of the optimality conditions at which a solve ends, relative to the largest entry of Wᵀb. */
export const NNLS_TOLERANCE = 1e-11;
/** A breach up to this is accepted after the last step: with hundreds of narrow filters rounding can end above the tolerance. */
const ROUNDING_TOLERANCE = 1e-8;
const MAX_OUTER_STEPS = 100;
const MAX_NEWTON_STEPS = 200;

/**
 * Creates the solver for one filter bank.
 *
 * Proximal point iteration x⁺ = argmin ½‖Wx - b‖² + ½ε‖x - x₀‖², x ≥ 0, from x₀ = 0, until the conditions
 * x ≥ 0, g = Wᵀ(Wx - b) ≥ 0, xᵢgᵢ = 0 hold. Each step is solved through its dual in M unknowns: x = max(0, x₀ + Wᵀy) where
 * W·max(0, x₀ + Wᵀy) + εy = b. That map is piecewise linear and its matrix W_A·W_Aᵀ + εI is tridiagonal, because a bin lies
 * under at most two neighbouring filters, so a Newton step costs one pass over the bins.
 *
 * Source: Rockafellar, "Monotone operators and the proximal point algorithm" (1976); Qi and Sun, "A nonsmooth version of
 * Newton's method" (1993).
 */
export function createMelNnls(bank: MelFilterBank): MelNnls {
  const { melBins, binCount, filterOf } = bank;
  const highest = bank.weights.reduce((a, b) => Math.max(a, b), 0);
  const lower = bank.lowerWeights.map((weight) => weight / highest);
  const upper = bank.upperWeights.map((weight) => weight / highest);
  // One entry more than there are filters, so that the topmost filter's missing neighbour needs no test.
  const vector = (): Float64Array => new Float64Array(melBins + 1);
  const goal = vector();
  const start = vector();
  const state = { y: vector(), gradient: vector(), diagonal: vector(), offDiagonal: vector(), value: 0 };
  const trial = { y: vector(), gradient: vector(), diagonal: vector(), offDiagonal: vector(), value: 0 };
  const step = vector();
  const scratch = vector();
  const centre = new Float64Array(binCount);
  let proximity = PROXIMITIES[0];

  /** Value, gradient and curvature of the dual ½‖max(0, x₀ + Wᵀy)‖² + ½ε‖y‖² - bᵀy at point.y. */
  const evaluate = (point: typeof state): void => {
    const { y, gradient, diagonal, offDiagonal } = point;
    gradient.fill(0);
    diagonal.fill(0);
    offDiagonal.fill(0);
    let value = 0;
    for (let bin = 0; bin < binCount; bin += 1) {
      const filter = filterOf[bin];
      if (filter < 0) continue;
      const a = lower[bin];
      const b = upper[bin];
      const x = centre[bin] + a * y[filter] + b * y[filter + 1];
      if (x <= 0) continue;
      value += 0.5 * x * x;
      gradient[filter] += a * x;
      gradient[filter + 1] += b * x;
      diagonal[filter] += a * a;
      diagonal[filter + 1] += b * b;
      offDiagonal[filter] += a * b;
    }
    for (let filter = 0; filter < melBins; filter += 1) {
      value += 0.5 * proximity * y[filter] ** 2 - goal[filter] * y[filter];
      gradient[filter] += proximity * y[filter] - goal[filter];
      diagonal[filter] += proximity;
    }
    gradient[melBins] = 0;
    diagonal[melBins] = 1;
    point.value = value;
  };

  /** Newton with a halving line search; the dual is strongly convex, so it ends. Returns the number of steps. */
  const minimiseDual = (): number => {
    evaluate(state);
    let size = largest(state.gradient);
    let smallest = size;
    let stalled = 0;
    for (let count = 0; count < MAX_NEWTON_STEPS; count += 1) {
      if (size <= 1e-15) return count;
      solveTridiagonal({ diagonal: state.diagonal, offDiagonal: state.offDiagonal, right: state.gradient, out: step, scratch });
      let slope = 0;
      for (let filter = 0; filter < melBins; filter += 1) slope -= state.gradient[filter] * step[filter];
      let share = 1;
      let trialSize = 0;
      for (; share > 1e-12; share /= 2) {
        for (let filter = 0; filter < melBins; filter += 1) trial.y[filter] = state.y[filter] - share * step[filter];
        evaluate(trial);
        trialSize = largest(trial.gradient);
        if (trial.value <= state.value + 1e-4 * share * slope || trialSize <= 0.5 * size) break;
      }
      // Rounding is reached when the value can't fall measurably and the gradient no longer does.
      const isFlat = -slope <= 1e-15 * Math.abs(state.value);
      stalled = isFlat && trialSize > 0.5 * smallest ? stalled + 1 : 0;
      smallest = Math.min(smallest, trialSize);
      if (share <= 1e-12 || stalled === 4) return count;
      state.y.set(trial.y);
      state.gradient.set(trial.gradient);
      state.diagonal.set(trial.diagonal);
      state.offDiagonal.set(trial.offDiagonal);
      state.value = trial.value;
      size = trialSize;
    }
    return MAX_NEWTON_STEPS;
  };

  return {
    restart() {
      start.fill(0);
    },
    solve(target, out) {
      let loudest = 0;
      for (let filter = 0; filter < melBins; filter += 1) {
        if (!Number.isFinite(target[filter])) throw notSolved(`target ${filter} is ${target[filter]}`);
        loudest = Math.max(loudest, target[filter]);
      }
      out.fill(0);
      if (loudest === 0) return { violation: 0, outerSteps: 0, newtonSteps: 0 };
      for (let filter = 0; filter < melBins; filter += 1) goal[filter] = target[filter] / loudest;
      let pull = 0;
      for (let bin = 0; bin < binCount; bin += 1) {
        const filter = filterOf[bin];
        if (filter >= 0) pull = Math.max(pull, lower[bin] * goal[filter] + upper[bin] * goal[filter + 1]);
      }
      if (pull === 0) return { violation: 0, outerSteps: 0, newtonSteps: 0 };
      centre.fill(0);
      state.y.set(start);
      let newtonSteps = 0;
      for (let outerSteps = 1; outerSteps <= MAX_OUTER_STEPS; outerSteps += 1) {
        proximity = PROXIMITIES[(outerSteps - 1) % PROXIMITIES.length];
        newtonSteps += minimiseDual();
        if (outerSteps === 1) start.set(state.y);
        advance(centre, state.y);
        const violation = breach() / pull;
        if (violation <= (outerSteps < MAX_OUTER_STEPS ? NNLS_TOLERANCE : ROUNDING_TOLERANCE)) {
          const scale = loudest / highest;
          for (let bin = 0; bin < binCount; bin += 1) out[bin] = centre[bin] * scale;
          return { violation, outerSteps, newtonSteps };
        }
        state.y.fill(0);
      }
      throw notSolved(`optimality conditions breached by ${breach() / pull} after ${MAX_OUTER_STEPS} steps`);
    },
  };

  /** x₀ ← max(0, x₀ + Wᵀy). */
  function advance(x: Float64Array, y: Float64Array): void {
    for (let bin = 0; bin < binCount; bin += 1) {
      const filter = filterOf[bin];
      if (filter >= 0) x[bin] = Math.max(0, x[bin] + lower[bin] * y[filter] + upper[bin] * y[filter + 1]);
    }
  }

  /** The largest breach of the conditions at `centre`, from the primal gradient itself. */
  function breach(): number {
    scratch.fill(0);
    for (let bin = 0; bin < binCount; bin += 1) {
      const filter = filterOf[bin];
      if (filter < 0) continue;
      scratch[filter] += lower[bin] * centre[bin];
      scratch[filter + 1] += upper[bin] * centre[bin];
    }
    for (let filter = 0; filter < melBins; filter += 1) scratch[filter] -= goal[filter];
    let worst = 0;
    for (let bin = 0; bin < binCount; bin += 1) {
      const filter = filterOf[bin];
      if (filter < 0) continue;
      const gradient = lower[bin] * scratch[filter] + upper[bin] * scratch[filter + 1];
      worst = Math.max(worst, centre[bin] > 0 ? Math.abs(gradient) : -gradient);
    }
    return worst;
  }
}

function largest(values: Float64Array): number {
  let size = 0;
  for (let index = 0; index < values.length; index += 1) size = Math.max(size, Math.abs(values[index]));
  return size;
}

function notSolved(got: string): MelstromError {
  return new MelstromError({ kind: 'numeric', where: 'nnls', got, fix: 'The mel image holds values that no sound has; check for NaN.' });
}

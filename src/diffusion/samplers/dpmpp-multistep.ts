// DPM-Solver++ of any order, multistep: extrapolates the denoised sample from the latest steps.
import type * as tf from '@tensorflow/tfjs';
import { runSampler, type SamplerOptions, type StepState, type StepUpdate } from './sampler.js';

/** Which of the solvers. */
export interface DpmppOptions {
  /** Denoised samples that a step looks back on, itself among them. Default 2. */
  readonly order?: 1 | 2 | 3;
  /** How the second order weighs the slope: at the middle of the step, or by its integral. Default midpoint. */
  readonly solverType?: 'midpoint' | 'heun';
  /** Adds fresh noise at each step, as the stochastic differential equation has it. Default false. */
  readonly isStochastic?: boolean;
  /** The most a step's order may be, for a step counted from 0. Default no limit. A step to sigma 0 is always of first order. */
  readonly orderAt?: (step: number) => number;
}

/**
 * Samples by multistep DPM-Solver++ in the half log-signal-to-noise ratio, -log sigma. The first steps have the order that the
 * steps before them allow.
 *
 * Source: Lu et al., "DPM-Solver++" (2022), algorithm 2 and appendix B; its stochastic form, section 4.3. Both divided by the
 * signal amplitude.
 */
export function sampleDpmpp<C>({ order = 2, solverType = 'midpoint', isStochastic = false, orderAt, ...options }: SamplerOptions<C> & DpmppOptions): Promise<tf.Tensor4D> {
  return runSampler({ ...options, order }, (state) => {
    const possible = Math.min(order, state.previousSigmas.length + 1, orderAt?.(state.step) ?? order);
    return dpmppUpdate({ state, order: state.nextSigma === 0 ? 1 : possible, solverType, isStochastic });
  });
}

interface UpdateOptions {
  readonly state: StepState;
  readonly order: number;
  readonly solverType: 'midpoint' | 'heun';
  readonly isStochastic: boolean;
}

function dpmppUpdate({ state, order, solverType, isStochastic }: UpdateOptions): StepUpdate {
  const { sigma, nextSigma } = state;
  const ratio = nextSigma / sigma;
  const keep = isStochastic ? ratio * ratio : ratio;
  const addedNoise = isStochastic ? nextSigma * Math.sqrt((1 - ratio) * (1 + ratio)) : 0;
  const stepSize = Math.log(sigma / nextSigma);
  if (order === 1 || stepSize === 0) return { keep, addedNoise };
  // Weights of the denoised sample and its first two scaled differences, as integrals over a step of size z.
  const z = isStochastic ? 2 * stepSize : stepSize;
  const level = 1 - keep;
  const slope = 1 - level / z;
  const bend = (z - level) / (z * z) - 0.5;
  const differences = differencesOf(state, stepSize);
  if (order === 2) return { keep, addedNoise, denoised: weigh([level, solverType === 'midpoint' ? level / 2 : slope], differences.second) };
  return { keep, addedNoise, denoised: weigh([level, slope, -bend], differences.third) };
}

type Matrix = readonly (readonly number[])[];

/** Rows: the denoised sample and its differences over a step, as weights of the latest denoised samples. */
function differencesOf({ sigma, previousSigmas }: StepState, stepSize: number): { readonly second: Matrix; readonly third: Matrix } {
  const near = Math.log(previousSigmas[0] / sigma) / stepSize;
  const latest = [1, 0, 0];
  const slope = [1 / near, -1 / near, 0];
  const second = [latest, slope];
  if (previousSigmas.length < 2) return { second, third: second };
  const far = Math.log(previousSigmas[1] / previousSigmas[0]) / stepSize;
  const olderSlope = [0, 1 / far, -1 / far];
  const change = slope.map((weight, index) => (weight - olderSlope[index]) / (near + far));
  return { second, third: [latest, slope.map((weight, index) => weight + near * change[index]), change] };
}

function weigh(weights: readonly number[], rows: Matrix): number[] {
  return [0, 1, 2].map((column) => weights.reduce((sum, weight, row) => sum + weight * rows[row][column], 0));
}

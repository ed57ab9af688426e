// Pseudo-numerical methods: linear multistep over the network's own answers, as Adams and Bashforth have it.
import * as tf from '@tensorflow/tfjs';
import { LARGEST_SECOND_ORDER_SIGMA } from './heun.js';
import { takeSteps, weightedSum, type SamplerOptions, type StepResult } from './sampler.js';

/** Where one of the Runge-Kutta steps at the start is halfway: the sigma it goes to, and the one that the network is asked at. */
export interface Halfway {
  readonly target: number;
  readonly asked: number;
}

interface PndmOptions {
  /** What the network answers, and so what is extrapolated. Default the noise. */
  readonly answer?: 'noise' | 'velocity';
  /** Sigma that the first step is taken again from, with both answers. Default that of the step. */
  readonly restartSigma?: number;
  /** One per Runge-Kutta step at the start. Default none: the first step averages two answers. */
  readonly halfway?: readonly Halfway[];
  /** Steps from a sigma above this are of first order: there answers have nothing in common. Default 1000. */
  readonly largestSigma?: number;
  /** Whether the step to sigma 0 is the denoised sample itself, and not extrapolated. Default true. */
  readonly endsDenoised?: boolean;
}

/** Weights of the latest answers, by how many there are. */
const ADAMS_BASHFORTH: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];
const RUNGE_KUTTA = [1 / 6, 1 / 3, 1 / 3, 1 / 6];

/**
 * Samples by PNDM, up to fourth order where timesteps are even. The first step asks the network twice, a Runge-Kutta step four times,
 * every other once. Steps at the start end where the next step begins, whatever their target.
 *
 * Source: Liu et al., "Pseudo numerical methods for diffusion models on manifolds" (2022), equations 9 to 13, on
 * noisy = clean + sigma · noise, where its transfer is noisy + (next sigma - sigma) · noise.
 */
export function samplePndm<C>(options: SamplerOptions<C> & PndmOptions): Promise<tf.Tensor4D> {
  const { sigmas, halfway = [], restartSigma, largestSigma = LARGEST_SECOND_ORDER_SIGMA, endsDenoised = true } = options;
  const solver = solverOf(options);
  return takeSteps(options, (noisy, { step, sigma, nextSigma, isLast }, memory): StepResult => {
    const { denoised, answer } = solver.ask(noisy, sigma);
    if ((endsDenoised && nextSigma === 0) || sigma > largestSigma) {
      const ratio = nextSigma / sigma;
      return { next: weightedSum([[ratio, noisy], [1 - ratio, denoised]]), denoised, memory: [] };
    }
    if (step < halfway.length) {
      const next = rungeKutta({ solver, noisy, answer, sigma, end: sigmas[step + 1], halfway: halfway[step] });
      return { next, denoised, memory: [answer, ...memory] };
    }
    if (memory.length === 0 && !isLast) {
      const end = sigmas[step + 1];
      const there = readAs(solver.move({ noisy, answer, from: sigma, to: nextSigma }), nextSigma, end);
      const mean = weightedSum([[0.5, answer], [0.5, solver.ask(there, end).answer]]);
      const from = restartSigma ?? sigma;
      return { next: solver.move({ noisy: readAs(noisy, sigma, from), answer: mean, from, to: end }), denoised, memory: [answer] };
    }
    const answers = [answer, ...memory].slice(0, ADAMS_BASHFORTH.length);
    const weights = ADAMS_BASHFORTH[answers.length - 1];
    const extrapolated = weightedSum(answers.map((one, back) => [weights[back], one]));
    return { next: solver.move({ noisy, answer: extrapolated, from: sigma, to: nextSigma }), denoised, memory: answers.slice(0, ADAMS_BASHFORTH.length - 1) };
  });
}

interface Move {
  readonly noisy: tf.Tensor4D;
  readonly answer: tf.Tensor4D;
  readonly from: number;
  readonly to: number;
}

interface Solver {
  ask(noisy: tf.Tensor4D, sigma: number): { readonly denoised: tf.Tensor4D; readonly answer: tf.Tensor4D };
  /** The sample at another sigma, if the answer held all the way. */
  move(options: Move): tf.Tensor4D;
}

/** With s = signal, n = noise amplitude: noise = (noisy - denoised) / sigma, velocity = (s² · noisy - denoised) / n, noise = s · (velocity + n · noisy). */
function solverOf<C>({ denoise, condition, answer: kind = 'noise' }: SamplerOptions<C> & PndmOptions): Solver {
  const isNoise = kind === 'noise';
  return {
    ask(noisy, sigma) {
      const denoised = denoise(noisy, sigma, condition);
      const signal = signalAt(sigma);
      const answer = isNoise
        ? tf.div(tf.sub(noisy, denoised), sigma)
        : tf.div(tf.sub(tf.mul(noisy, signal * signal), denoised), sigma * signal);
      return { denoised, answer: answer as tf.Tensor4D };
    },
    move({ noisy, answer, from, to }) {
      if (isNoise) return weightedSum([[1, noisy], [to - from, answer]]);
      const signal = signalAt(from);
      return weightedSum([[1 + (to - from) * from * signal * signal, noisy], [(to - from) * signal, answer]]);
    },
  };
}

interface RungeKuttaOptions extends Omit<Move, 'from' | 'to'> {
  readonly solver: Solver;
  readonly sigma: number;
  readonly end: number;
  readonly halfway: Halfway;
}

function rungeKutta({ solver, noisy, answer: first, sigma: from, end, halfway: { target, asked } }: RungeKuttaOptions): tf.Tensor4D {
  const { answer: second } = solver.ask(readAs(solver.move({ noisy, answer: first, from, to: target }), target, asked), asked);
  const { answer: third } = solver.ask(solver.move({ noisy, answer: second, from, to: asked }), asked);
  const { answer: fourth } = solver.ask(solver.move({ noisy, answer: third, from, to: end }), end);
  const mean = weightedSum([first, second, third, fourth].map((one, index) => [RUNGE_KUTTA[index], one]));
  return solver.move({ noisy, answer: mean, from, to: end });
}

/** Takes the scaled sample of one sigma for that of another, where signal² + noise² = 1. */
function readAs(noisy: tf.Tensor4D, from: number, to: number): tf.Tensor4D {
  return from === to ? noisy : (tf.mul(noisy, signalAt(from) / signalAt(to)) as tf.Tensor4D);
}

function signalAt(sigma: number): number {
  return 1 / Math.hypot(1, sigma);
}

// What every sampler is given, and the loop they share: a step at a time, a breath for other work between.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../../base/checks.js';
import { MelstromError } from '../../base/errors.js';
import type { Random } from '../../base/random.js';
import type { Denoiser } from '../denoiser.js';

/** The noise levels that a sampler goes through. Sigmas alone are enough; the rest is for paths whose steps do not meet. */
export interface SigmaPath {
  /** Sigma at the start of each step, strictly falling, and behind them where the last step ends: 0, or on a path with a scale of its own above it. */
  readonly sigmas: ArrayLike<number>;
  /** Factor of the initial noise. Default the first sigma. */
  readonly initialScale?: number;
  /** Sigma that each step goes to. Default where the next step starts. */
  readonly targets?: ArrayLike<number>;
  /** Factor of the noisy sample after each step. Default 1. */
  readonly rescale?: ArrayLike<number>;
}

/** What a sampler is given. Nothing in it is changed but the position of `random`. */
export interface SamplerOptions<C> extends SigmaPath {
  readonly denoise: Denoiser<C>;
  /** Unit normal noise, [B, H, W, C]. */
  readonly initialNoise: tf.Tensor4D;
  readonly condition: C;
  /** One sequence per item, for samplers that add noise: an item's noise does not depend on what it is batched with. */
  readonly random: readonly Random[];
  /** Returns the noisy sample that a step starts from instead of the given one, of the same sigma. Memory: it disposes of neither; called within a tidy. */
  readonly correct?: (noisy: tf.Tensor4D, sigma: number) => tf.Tensor4D;
  /** Called after each step with the number of steps done, and the denoised sample of that step, which it must not keep. The next step waits for what it returns. */
  readonly onStep?: (done: number, denoised: tf.Tensor4D) => unknown;
  readonly signal?: AbortSignal;
  /** Takes the steps in another order than one after the other over the whole sample; `streamColumns` does. Default none. */
  readonly drive?: (take: NumberedStep) => Promise<tf.Tensor4D>;
}

/** Step number `step` of a path, from 0, on any columns of the sample. Memory: what it is given stays, the caller disposes the result. */
export type NumberedStep = (step: number, noisy: tf.Tensor4D, memory: readonly tf.Tensor4D[]) => StepResult;

/** Memory: the caller disposes the result. @throws the signal's reason when aborted between two steps. */
export type Sampler<C = unknown> = (options: SamplerOptions<C>) => Promise<tf.Tensor4D>;

/** What a step knows. */
export interface StepState {
  readonly step: number;
  readonly isLast: boolean;
  readonly sigma: number;
  /** Where the step goes to. */
  readonly nextSigma: number;
  /** Sigmas of the steps before, the latest first. */
  readonly previousSigmas: readonly number[];
}

/** What a step leaves: all fresh tensors but for those of `memory` that it was given. */
export interface StepResult {
  readonly next: tf.Tensor4D;
  readonly denoised: tf.Tensor4D;
  /** What the next step is given. */
  readonly memory: readonly tf.Tensor4D[];
}

export type TakeStep = (noisy: tf.Tensor4D, state: StepState, memory: readonly tf.Tensor4D[]) => StepResult;

/** Takes step after step from the scaled initial noise on. Memory: what a step neither returns nor remembers is disposed. */
export async function takeSteps<C>(options: SamplerOptions<C>, take: TakeStep): Promise<tf.Tensor4D> {
  const { sigmas, initialNoise, initialScale, rescale, correct = (given) => given, onStep, signal, drive } = options;
  requirePath(options);
  const takeStep: NumberedStep = (step, noisy, memory) => {
    const state = stateAt(options, step);
    return tidyStep(() => rescaled(take(correct(noisy, state.sigma), state, memory), rescale?.[step] ?? 1));
  };
  if (drive !== undefined) return drive(takeStep);
  const steps = sigmas.length - 1;
  let noisy = tf.mul(initialNoise, initialScale ?? sigmas[0]) as tf.Tensor4D;
  let kept: readonly tf.Tensor4D[] = [];
  let memory: readonly tf.Tensor4D[] = [];
  try {
    for (let step = 0; step < steps; step += 1) {
      signal?.throwIfAborted();
      const result = takeStep(step, noisy, memory);
      disposeExcept([noisy, ...kept], result.memory);
      ({ next: noisy, memory } = result);
      kept = [result.denoised, ...memory];
      await onStep?.(step + 1, result.denoised);
      disposeExcept(kept, memory);
      kept = memory;
      if (step + 1 < steps) await breathe();
    }
  } catch (thrown) {
    disposeExcept([noisy, ...kept], []);
    throw thrown;
  }
  disposeExcept(kept, []);
  return noisy;
}

function stateAt({ sigmas, targets }: SigmaPath, step: number): StepState {
  return {
    step,
    isLast: step === sigmas.length - 2,
    sigma: sigmas[step],
    nextSigma: targets?.[step] ?? sigmas[step + 1],
    previousSigmas: Array.from({ length: step }, (_, back) => sigmas[step - 1 - back]),
  };
}

/** tf.tidy, whose own type has no room for a step's result. */
function tidyStep(take: () => StepResult): StepResult {
  return tf.tidy(take as unknown as () => tf.TensorContainer) as unknown as StepResult;
}

function rescaled(result: StepResult, factor: number): StepResult {
  return factor === 1 ? result : { ...result, next: tf.mul(result.next, factor) as tf.Tensor4D };
}

function disposeExcept(tensors: readonly tf.Tensor4D[], wanted: readonly tf.Tensor4D[]): void {
  for (const tensor of tensors) if (!wanted.includes(tensor) && !tensor.isDisposed) tensor.dispose();
}

/** next noisy = noisy · keep + the latest denoised samples, weighed + limited denoised · limited + unit noise · addedNoise. */
export interface StepUpdate {
  readonly keep: number;
  /** Weights of the denoised samples, the latest first. Default all that `keep` leaves, on the latest. */
  readonly denoised?: readonly number[];
  /** Weight of the latest denoised sample within `clipRange`. Default 0. */
  readonly limited?: number;
  readonly addedNoise?: number;
}

interface RunOptions<C> extends SamplerOptions<C> {
  /** How many denoised samples an update may weigh. Default 1. */
  readonly order?: number;
  /** Holds what `limited` weighs to [-clipRange, clipRange]. */
  readonly clipRange?: number | null;
}

/**
 * Runs a sampler that is fully told by its update, one call of the denoiser per step. Every update is a weighted mean of noisy and
 * denoised, never noisy plus a slope times a difference of sigmas: at a sigma of 4096 that would cost three digits of float32.
 */
export function runSampler<C>(options: RunOptions<C>, updateOf: (state: StepState) => StepUpdate): Promise<tf.Tensor4D> {
  const { denoise, condition, random, order = 1, clipRange = null } = options;
  return takeSteps(options, (noisy, state, memory) => {
    const denoised = denoise(noisy, state.sigma, condition);
    const { keep, denoised: weights = [1 - keep], limited = 0, addedNoise = 0 } = updateOf(state);
    const history = [denoised, ...memory].slice(0, order);
    const next = weightedSum([
      [keep, noisy],
      ...weights.map((weight, back): Term => [weight, history[back]]),
      [limited, clipRange === null || limited === 0 ? denoised : clip(denoised, clipRange)],
      ...(addedNoise === 0 ? [] : [[addedNoise, drawNoise(random, noisy.shape)] as Term]),
    ]);
    return { next, denoised, memory: order === 1 ? [] : history.slice(0, order - 1) };
  });
}

type Term = readonly [weight: number, part: tf.Tensor4D];

/** Leaves out what weighs nothing, so that it can neither cost time nor spread what is not finite. Memory: the caller disposes. */
export function weightedSum(terms: readonly Term[]): tf.Tensor4D {
  return tf.tidy(() => {
    const parts = terms.filter(([weight]) => weight !== 0).map(([weight, part]) => tf.mul(part, weight) as tf.Tensor4D);
    return parts.reduce((sum, part) => tf.add(sum, part) as tf.Tensor4D);
  });
}

/** Holds every value to [-range, range]. Memory: the caller disposes. */
export function clip(x: tf.Tensor4D, range: number): tf.Tensor4D {
  return tf.clipByValue(x, -range, range);
}

/** A denoiser whose answer is held to [-clipRange, clipRange]; null leaves it as it is. */
export function clipped<C>(denoise: Denoiser<C>, clipRange: number | null | undefined): Denoiser<C> {
  if (clipRange === null || clipRange === undefined) return denoise;
  return (noisy, sigma, condition) => tf.tidy(() => clip(denoise(noisy, sigma, condition), clipRange));
}

/**
 * Unit normal noise drawn on the host, each item from its own sequence, advanced by one item's size.
 * Memory: the caller disposes.
 */
export function drawNoise(random: readonly Random[], shape: readonly [number, number, number, number]): tf.Tensor4D {
  requireShape('random', [random.length], [shape[0]]);
  const itemSize = shape[1] * shape[2] * shape[3];
  const values = new Float32Array(random.length * itemSize);
  random.forEach((sequence, item) => values.set(sequence.normals(itemSize), item * itemSize));
  return tf.tensor4d(values, shape as [number, number, number, number]);
}

/** Sigmas alone end at 0; a path with a first scale of its own may end above, where its last step then stands still at most. */
function requirePath({ sigmas, targets, rescale, initialScale }: SigmaPath): void {
  const list = Array.from(sigmas);
  const starts = list.slice(0, -1);
  const [end, last] = [list[starts.length], starts.at(-1) ?? 0];
  const isFalling = Number.isFinite(starts[0]) && starts.every((sigma, step) => step === 0 || sigma < starts[step - 1]);
  if (!isFalling || !(last > 0) || !(end === 0 || (initialScale !== undefined && end > 0 && end <= last))) {
    throw new MelstromError({ kind: 'usage', where: 'sigmas', got: `[${list.join(', ')}]`, expected: 'at least two finite numbers, strictly falling, the last of them 0' });
  }
  for (const [where, given] of [['targets', targets], ['rescale', rescale]] as const) {
    if (given !== undefined) requireShape(where, [given.length], [starts.length]);
  }
}

/** Lets timers, signals and drawing have their turn. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

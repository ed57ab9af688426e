// What every sampler is given, and the loop they share: one call of the denoiser per sigma, one update, a breath for other work.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../../base/checks.js';
import { MelstromError } from '../../base/errors.js';
import type { Random } from '../../base/random.js';
import type { Denoiser } from '../denoiser.js';

/** What a sampler is given. Nothing in it is changed but the position of `random`. */
export interface SamplerOptions<C> {
  readonly denoise: Denoiser<C>;
  /** Strictly falling, ending at 0; one more than there are steps. */
  readonly sigmas: ArrayLike<number>;
  /** Unit normal noise, [B, H, W, C]. */
  readonly initialNoise: tf.Tensor4D;
  readonly condition: C;
  /** One sequence per item, for samplers that add noise: an item's noise does not depend on what it is batched with. */
  readonly random: readonly Random[];
  /** Called after each step with the number of steps done, and the denoised sample of that step, which it must not keep. */
  readonly onStep?: (done: number, denoised: tf.Tensor4D) => void;
  readonly signal?: AbortSignal;
}

/** Memory: the caller disposes the result. @throws the signal's reason when aborted between two steps. */
export type Sampler<C = unknown> = (options: SamplerOptions<C>) => Promise<tf.Tensor4D>;

/** What a step knows. Sigmas are of this step, of the one before (undefined at first) and of the next. */
export interface StepState {
  readonly sigma: number;
  readonly nextSigma: number;
  readonly previousSigma: number | undefined;
}

/** next noisy = noisy · keep + (denoised + (denoised - previous denoised) · extrapolate) · (1 - keep) + unit noise · addedNoise. */
export interface StepUpdate {
  readonly keep: number;
  readonly extrapolate?: number;
  readonly addedNoise?: number;
}

/**
 * Runs a sampler that is fully told by its update. Every update is a weighted mean of noisy and denoised, never
 * noisy plus a slope times a difference of sigmas: at a sigma of 4096 that difference would cost three digits of float32.
 */
export async function runSampler<C>(options: SamplerOptions<C>, updateOf: (state: StepState) => StepUpdate): Promise<tf.Tensor4D> {
  const { denoise, sigmas, initialNoise, condition, random, onStep, signal } = options;
  requireFalling(sigmas);
  const steps = sigmas.length - 1;
  let noisy = tf.mul(initialNoise, sigmas[0]) as tf.Tensor4D;
  let previous: tf.Tensor4D | undefined;
  try {
    for (let step = 0; step < steps; step += 1) {
      signal?.throwIfAborted();
      const state = { sigma: sigmas[step], nextSigma: sigmas[step + 1], previousSigma: step === 0 ? undefined : sigmas[step - 1] };
      const denoised = denoise(noisy, state.sigma, condition);
      const next = advance({ noisy, denoised, previous, update: finalOr(updateOf, state), random });
      tf.dispose([noisy, previous]);
      noisy = next;
      previous = denoised;
      onStep?.(step + 1, denoised);
      if (step + 1 < steps) await breathe();
    }
  } catch (thrown) {
    tf.dispose([noisy, previous]);
    throw thrown;
  }
  tf.dispose(previous);
  return noisy;
}

/** The step to sigma 0 is the denoised sample itself, whatever the sampler. */
function finalOr(updateOf: (state: StepState) => StepUpdate, state: StepState): StepUpdate {
  return state.nextSigma === 0 ? { keep: 0 } : updateOf(state);
}

interface Advance {
  readonly noisy: tf.Tensor4D;
  readonly denoised: tf.Tensor4D;
  readonly previous: tf.Tensor4D | undefined;
  readonly update: StepUpdate;
  readonly random: readonly Random[];
}

function advance({ noisy, denoised, previous, update, random }: Advance): tf.Tensor4D {
  const { keep, extrapolate = 0, addedNoise = 0 } = update;
  return tf.tidy(() => {
    const target =
      extrapolate === 0 || previous === undefined
        ? denoised
        : (tf.sub(tf.mul(denoised, 1 + extrapolate), tf.mul(previous, extrapolate)) as tf.Tensor4D);
    const mean = keep === 0 ? tf.clone(target) : (tf.add(tf.mul(noisy, keep), tf.mul(target, 1 - keep)) as tf.Tensor4D);
    return addedNoise === 0 ? mean : (tf.add(mean, tf.mul(drawNoise(random, noisy.shape), addedNoise)) as tf.Tensor4D);
  });
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

function requireFalling(sigmas: ArrayLike<number>): void {
  const list = Array.from(sigmas);
  const isFalling = list.length >= 2 && list.at(-1) === 0 && list.every((sigma, index) => index === 0 || sigma < list[index - 1]);
  if (isFalling && Number.isFinite(list[0])) return;
  throw new MelstromError({ kind: 'usage', where: 'sigmas', got: `[${list.join(', ')}]`, expected: 'at least two finite numbers, strictly falling, the last of them 0' });
}

/** Lets timers, signals and drawing have their turn. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

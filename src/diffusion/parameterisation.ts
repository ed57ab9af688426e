// What the network is asked for, and how its answer becomes the clean sample. One matrix per prediction type, and its inverse.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { Denoiser } from './denoiser.js';
import type { Mix, NoiseSchedule } from './schedule.js';
import type { PredictionType } from './settings.js';

/** A network as diffusion sees it: (mixed input, timestep of each item, condition) → answer. Memory: the caller disposes. */
export type PredictionNetwork<C> = (input: tf.Tensor4D, timesteps: tf.Tensor1D, condition: C) => tf.Tensor4D;

/** Weights of clean and noise in the answer: answer = clean · `clean` + noise · `noise`. */
export interface TargetWeights {
  readonly clean: number;
  readonly noise: number;
}

/**
 * What the network should answer, in terms of clean and noise.
 *
 * Source: v = signal · noise - noise amplitude · clean, Salimans and Ho 2022, appendix D; flow = noise - clean, Liu et al. 2022.
 */
export function targetWeights(predictionType: PredictionType, { signal, noise }: Mix): TargetWeights {
  switch (predictionType) {
    case 'epsilon':
      return { clean: 0, noise: 1 };
    case 'sample':
      return { clean: 1, noise: 0 };
    case 'v_prediction':
      return { clean: -noise, noise: signal };
    case 'flow':
      return { clean: -1, noise: 1 };
  }
}

/** Weights of input and answer in the clean sample: clean = input · `input` + answer · `output`. */
export interface CleanWeights {
  readonly input: number;
  readonly output: number;
}

/**
 * How the clean sample follows from the mixed input and the answer: the target's definition and the mix, solved for clean.
 *
 * @throws MelstromError when input and answer hold the same information, so that nothing follows.
 */
export function cleanWeights(predictionType: PredictionType, mix: Mix): CleanWeights {
  const target = targetWeights(predictionType, mix);
  // input = signal · clean + noise · n and answer = target.clean · clean + target.noise · n, eliminating n.
  const determinant = mix.signal * target.noise - mix.noise * target.clean;
  if (determinant === 0) {
    throw new MelstromError({ kind: 'internal', where: predictionType, got: `signal ${mix.signal} and noise ${mix.noise}, from which clean cannot be told` });
  }
  return { input: target.noise / determinant, output: -mix.noise / determinant };
}

/** The answer that the network should have given. Memory: the caller disposes. */
export function toTarget(predictionType: PredictionType, parts: { clean: tf.Tensor4D; noise: tf.Tensor4D; mix: Mix }): tf.Tensor4D {
  const { clean, noise } = targetWeights(predictionType, parts.mix);
  return weigh([parts.clean, clean], [parts.noise, noise]);
}

/** The clean sample that an answer stands for. Memory: the caller disposes. */
export function fromOutput(predictionType: PredictionType, parts: { input: tf.Tensor4D; output: tf.Tensor4D; mix: Mix }): tf.Tensor4D {
  const { input, output } = cleanWeights(predictionType, parts.mix);
  return weigh([parts.input, input], [parts.output, output]);
}

/**
 * A network as a denoiser: scales noisy = clean + sigma · noise to the mix the network was trained on, asks it at the timestep
 * of that sigma, and returns the clean sample. Float32 stays accurate at the last sigma of 4096, since nothing large is subtracted.
 *
 * Memory: each call leaves its one result.
 * @param timestepAt the timestep that the network is told at a sigma; default the schedule's
 */
export function denoiserFrom<C>(network: PredictionNetwork<C>, schedule: NoiseSchedule, predictionType: PredictionType, timestepAt = schedule.timestepAt): Denoiser<C> {
  return (noisy, sigma, condition) =>
    tf.tidy(() => {
      const mix = schedule.mixOf(sigma);
      const input = tf.mul(noisy, mix.signal) as tf.Tensor4D;
      const timesteps = tf.mul(tf.ones([noisy.shape[0]]), timestepAt(sigma)) as tf.Tensor1D;
      return fromOutput(predictionType, { input, output: network(input, timesteps, condition), mix });
    });
}

/** a · weight + b · weight, leaving out a term whose weight is 0 so that it cannot spread what is not finite. */
function weigh([a, weightOfA]: readonly [tf.Tensor4D, number], [b, weightOfB]: readonly [tf.Tensor4D, number]): tf.Tensor4D {
  return tf.tidy(() => {
    if (weightOfA === 0) return tf.mul(b, weightOfB) as tf.Tensor4D;
    if (weightOfB === 0) return tf.mul(a, weightOfA) as tf.Tensor4D;
    return tf.add(tf.mul(a, weightOfA), tf.mul(b, weightOfB)) as tf.Tensor4D;
  });
}

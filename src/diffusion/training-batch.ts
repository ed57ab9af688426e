// What one training step shows the network and asks of it, when each item has its own timestep.
import * as tf from '@tensorflow/tfjs';
import { targetWeights, type TargetWeights } from './parameterisation.js';
import type { NoiseSchedule } from './schedule.js';
import type { PredictionType } from './settings.js';

/** A training timestep from a uniform draw in [0, 1). */
export function trainingTimestep(schedule: NoiseSchedule, uniform: number): number {
  return schedule.firstTimestep + Math.floor(uniform * schedule.settings.trainTimesteps);
}

interface TrainingBatchOptions {
  readonly schedule: NoiseSchedule;
  readonly predictionType: PredictionType;
  readonly clean: tf.Tensor4D;
  readonly noise: tf.Tensor4D;
  /** One training timestep per item. */
  readonly timesteps: ArrayLike<number>;
}

/**
 * Mixes clean and noise at each item's timestep, and forms the answer that the network should give.
 * Shape: [B, H, W, C] all four. Memory: the caller disposes both results.
 */
export function noisyTrainingBatch(options: TrainingBatchOptions): { input: tf.Tensor4D; target: tf.Tensor4D } {
  const { schedule, predictionType, clean, noise } = options;
  const mixes = Array.from(options.timesteps, (timestep) => schedule.mixAt(timestep));
  const targets = mixes.map((mix) => targetWeights(predictionType, mix));
  return tf.tidy(() => ({
    input: combine(clean, noise, mixes.map((mix) => ({ clean: mix.signal, noise: mix.noise }))),
    target: combine(clean, noise, targets),
  }));
}

/** Each item's own weighted sum of clean and noise. */
function combine(clean: tf.Tensor4D, noise: tf.Tensor4D, weights: readonly TargetWeights[]): tf.Tensor4D {
  return tf.add(tf.mul(clean, perItem(weights.map((weight) => weight.clean))), tf.mul(noise, perItem(weights.map((weight) => weight.noise))));
}

/** [B] numbers -> [B, 1, 1, 1], to weigh whole items. */
function perItem(values: readonly number[]): tf.Tensor4D {
  return tf.tensor4d(Float32Array.from(values), [values.length, 1, 1, 1]);
}

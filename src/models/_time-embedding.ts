// Timesteps and classes as vectors.
import * as tf from '@tensorflow/tfjs';
import { silu } from '../nn/operations.js';
import { normal } from '../nn/initialisers.js';
import { createLinear } from '../nn/layers.js';
import type { ParameterScope } from '../nn/parameters.js';

/** Shape: timesteps [B] -> [B, width of the projection]. */
export type TimeProjection = (timesteps: tf.Tensor1D) => tf.Tensor2D;

export interface PositionalOptions {
  readonly width: number;
  readonly isCosineFirst: boolean;
  readonly frequencyShift: number;
}

const LONGEST_PERIOD = 10_000;

/**
 * Sines and cosines of the timestep at frequencies that fall from 1 towards 1/10000. No parameters.
 *
 * Source: Vaswani et al. (2017), section 3.5; diffusers 0.42, get_timestep_embedding, whose float32 roundings are kept.
 */
export function createPositionalProjection({ width, isCosineFirst, frequencyShift }: PositionalOptions): TimeProjection {
  const half = Math.floor(width / 2);
  const frequencies = Float32Array.from({ length: half }, (_, index) =>
    Math.exp(Math.fround(Math.fround(Math.fround(-Math.log(LONGEST_PERIOD)) * index) / Math.fround(half - frequencyShift))),
  );
  return (timesteps) => {
    const angles = tf.mul(tf.expandDims(timesteps, 1), tf.tensor2d(frequencies, [1, half]));
    const [sines, cosines] = [tf.sin(angles), tf.cos(angles)];
    const pair = tf.concat(isCosineFirst ? [cosines, sines] : [sines, cosines], 1) as tf.Tensor2D;
    return width % 2 === 0 ? pair : tf.pad2d(pair, [[0, 0], [0, 1]]);
  };
}

export interface FourierOptions {
  /** Half the width of the result. */
  readonly width: number;
  /** Deviation of the random frequencies. */
  readonly deviation: number;
  /** Whether the logarithm of the timestep is taken; then timesteps must be above 0. */
  readonly isLogarithmic: boolean;
  readonly isCosineFirst: boolean;
}

/**
 * Sines and cosines of the timestep, or of its logarithm, at fixed random frequencies. Parameter, never trained: weight.
 *
 * Source: Song et al., "Score-based generative modeling through SDEs" (2021), appendix C; diffusers 0.42, GaussianFourierProjection.
 */
export function createFourierProjection(scope: ParameterScope, options: FourierOptions): TimeProjection {
  const { width, deviation, isLogarithmic, isCosineFirst } = options;
  const weight = scope.add('weight', { shape: [width], layout: 'plain', initialise: normal(deviation), isTrainable: false });
  return (timesteps) => {
    const times = tf.expandDims(isLogarithmic ? tf.log(timesteps) : timesteps, 1);
    const angles = tf.mul(tf.mul(tf.mul(times, tf.reshape(weight, [1, width])), 2), Math.PI);
    const [sines, cosines] = [tf.sin(angles), tf.cos(angles)];
    return tf.concat(isCosineFirst ? [cosines, sines] : [sines, cosines], 1) as tf.Tensor2D;
  };
}

/** Two linear layers with SiLU between. Shape: [B, inWidth] -> [B, width]. */
export function createTimeEmbedding(scope: ParameterScope, inWidth: number, width: number) {
  const first = createLinear(scope.at('linear_1'), { inChannels: inWidth, outChannels: width });
  const second = createLinear(scope.at('linear_2'), { inChannels: width, outChannels: width });
  return (projected: tf.Tensor2D): tf.Tensor2D => second(silu(first(projected)));
}

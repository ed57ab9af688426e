// How far one spectrogram image is from another: absolute error and error of its gradients at several resolutions. Knows no network.
import * as tf from '@tensorflow/tfjs';
import { alongFrequency, alongTime, weightedMean, weightsAlongTime } from './image-differences.js';
import { textureLoss } from './texture-loss.js';

export interface SpectrogramLossOptions {
  readonly l1Weight: number;
  readonly gradientWeight: number;
  /** Resolutions, each half the one before; stops early when an image gets smaller than 2 × 2. */
  readonly gradientScales: number;
  readonly textureWeight: number;
  /** Weight of each frame of each image, from frameWeights. */
  readonly weights: tf.Tensor4D;
}

export interface SpectrogramLoss {
  readonly l1: tf.Scalar;
  /** Mean over scales and both axes. */
  readonly gradient: tf.Scalar;
  /** Absent where its weight is 0. */
  readonly texture?: tf.Scalar;
  readonly total: tf.Scalar;
}

/**
 * Weighted mean absolute error, plus that of the finite differences along time and along frequency of both images, averaged
 * over 2 × 2 pixels again and again. Differences are linear, so they are taken of the error itself.
 *
 * Shape: images [B, M, N, C], weights [B, 1, N, 1]. Memory: for use inside tf.tidy or a gradient.
 */
export function spectrogramLoss(reconstruction: tf.Tensor4D, target: tf.Tensor4D, options: SpectrogramLossOptions): SpectrogramLoss {
  const { l1Weight, gradientWeight, gradientScales, textureWeight, weights } = options;
  let error = tf.sub(reconstruction, target) as tf.Tensor4D;
  let pooledWeights = weights;
  const l1 = weightedMean(tf.abs(error), weights);
  const terms: tf.Scalar[] = [];
  const scales = gradientWeight > 0 ? gradientScales : 0;
  for (let scale = 0; scale < scales; scale += 1) {
    if (scale > 0) {
      error = tf.avgPool(error, 2, 2, 'valid');
      pooledWeights = tf.avgPool(pooledWeights, [1, 2], [1, 2], 'valid');
    }
    if (error.shape[1] < 2 || error.shape[2] < 2) break;
    terms.push(frequencyTerm(error, pooledWeights), timeTerm(error, pooledWeights));
  }
  const gradient = terms.length === 0 ? tf.scalar(0) : (tf.div(tf.addN(terms), terms.length) as tf.Scalar);
  const total = tf.add(tf.mul(l1, l1Weight), tf.mul(gradient, gradientWeight)) as tf.Scalar;
  if (textureWeight === 0) return { l1, gradient, total };
  const texture = textureLoss(reconstruction, target, weights);
  return { l1, gradient, texture, total: tf.add(total, tf.mul(texture, textureWeight)) };
}

function frequencyTerm(error: tf.Tensor4D, weights: tf.Tensor4D): tf.Scalar {
  return weightedMean(tf.abs(alongFrequency(error)), weights);
}

function timeTerm(error: tf.Tensor4D, weights: tf.Tensor4D): tf.Scalar {
  return weightedMean(tf.abs(alongTime(error)), weightsAlongTime(weights));
}

/**
 * Weights of frames: 1 where there is sound, `paddingWeight` in the padding at the end.
 *
 * Shape: [B, 1, N, 1]. Memory: the caller disposes.
 * @param fills share of each image's frames that is not padding
 */
export function frameWeights(fills: ArrayLike<number>, frames: number, paddingWeight: number): tf.Tensor4D {
  const values = new Float32Array(fills.length * frames).fill(1);
  for (let item = 0; item < fills.length; item += 1) {
    const filled = Math.round(fills[item] * frames);
    values.fill(Math.max(paddingWeight, MINIMUM_WEIGHT), item * frames + filled, (item + 1) * frames);
  }
  return tf.tensor4d(values, [fills.length, 1, frames, 1]);
}

/** Keeps the sum of weights above 0 in a batch that is all padding. */
const MINIMUM_WEIGHT = 1e-6;

// How much fine texture a spectrogram image has, place by place, against another: the grain of noise, which no image can hit cell by cell. Knows no network.
import * as tf from '@tensorflow/tfjs';
import { alongFrequency, alongTime, weightedMean, weightsAlongTime } from './image-differences.js';

/** Places overlap by half. Unit: [mel bins, frames]. */
const PLACE: [number, number] = [4, 8];
const STRIDE: [number, number] = [2, 4];
/** Below this a difference between neighbours is no texture; keeps the root's slope finite. Unit: image values, squared. */
const LEAST_ENERGY = 1e-4;

/**
 * Weighted mean of |s(reconstruction) − s(target)|, where s is the root mean square of the differences between neighbouring cells, along
 * time and along frequency, within a place of 4 bins × 8 frames.
 *
 * An error cell by cell is least for an image that is smooth wherever its details can't be foretold; this one is least where as much goes
 * on as in the target, whatever it is.
 *
 * What does not fill a place at the upper and the late edge is not looked at: less than 2 bins and 4 frames.
 *
 * Shape: images [B, M, N, C], weights [B, 1, N, 1]. Memory: for use inside tf.tidy or a gradient.
 */
export function textureLoss(reconstruction: tf.Tensor4D, target: tf.Tensor4D, weights: tf.Tensor4D): tf.Scalar {
  const term = (differences: (image: tf.Tensor4D) => tf.Tensor4D, frameWeights: tf.Tensor4D): tf.Scalar => {
    const [got, wanted] = [reconstruction, target].map((image) => tf.sqrt(tf.add(meanOfPlaces(tf.square(differences(image))), LEAST_ENERGY)) as tf.Tensor4D);
    return weightedMean(tf.abs(tf.sub(got, wanted)), meanOfPlaces(frameWeights));
  };
  return tf.mul(tf.add(term(alongFrequency, weights), term(alongTime, weightsAlongTime(weights))), 0.5);
}

/** Whole places only: where they reach over the edge, tfjs's own engines have another slope than TensorFlow. Shape: [B, M, N, C] -> [B, places up, places on, C]. */
function meanOfPlaces(values: tf.Tensor4D): tf.Tensor4D {
  const [, bins, frames] = values.shape;
  return tf.avgPool(values, [Math.min(PLACE[0], bins), Math.min(PLACE[1], frames)], STRIDE, 'valid');
}

// How far magnitudes are from the true ones: what a vocoder that predicts them learns by. Knows no network.
import * as tf from '@tensorflow/tfjs';
import type { MelSettings } from '../config/mel.js';
import { dbToAmplitude } from '../dsp/decibels.js';
import { centredHannWindow, fullScaleFactor } from '../dsp/windows.js';

/**
 * Creates the mean absolute difference of the logarithms, of which the likeliest value of a cell is the median of those it may have. What lies
 * below the codec's floor counts as little more than the floor, as the mel image knows nothing of it.
 *
 * Shape: twice [B, N, F], of the unscaled transform. Unit: nepers, of 8.7 dB. Memory: for use inside tf.tidy or a gradient.
 */
export function createMagnitudeLoss({ floorDb, windowSamples, fftSize }: MelSettings): (made: tf.Tensor, real: tf.Tensor) => tf.Scalar {
  const floor = dbToAmplitude(floorDb) / fullScaleFactor(centredHannWindow(windowSamples, fftSize));
  const logarithm = (magnitude: tf.Tensor): tf.Tensor => tf.log(tf.add(magnitude, floor));
  return (made, real) => tf.mean(tf.abs(tf.sub(logarithm(made), logarithm(real))));
}

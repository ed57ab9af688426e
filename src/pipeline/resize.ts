// Between whole spectrograms and those that are averaged down: what a first UNet draws, and what an upscaler is shown.
import * as tf from '@tensorflow/tfjs';
import { averagePool2x, upsampleNearest2x } from '../nn/operations.js';

/** The mean of each square of `factor` by `factor` cells. Shape: [B, H, W, C] -> [B, H/factor, W/factor, C]. Memory: the caller disposes. */
export function reduceImages(images: tf.Tensor4D, factor: 2 | 4): tf.Tensor4D {
  return twice(images, averagePool2x, factor);
}

/** Each cell becomes a square of `factor` by `factor` alike. Shape: [B, H, W, C] -> [B, H·factor, W·factor, C]. Memory: the caller disposes. */
export function enlargeImages(images: tf.Tensor4D, factor: 2 | 4): tf.Tensor4D {
  return twice(images, upsampleNearest2x, factor);
}

/** A mask for smaller cells: 1 where any cell under one is. Shape: [B, H, W, 1] -> [B, H/factor, W/factor, 1]. Memory: the caller disposes. */
export function reduceMask(mask: tf.Tensor4D, factor: number): tf.Tensor4D {
  return factor === 1 ? tf.clone(mask) : tf.maxPool(mask, factor, factor, 'valid');
}

function twice(images: tf.Tensor4D, resize: (images: tf.Tensor4D) => tf.Tensor4D, factor: 2 | 4): tf.Tensor4D {
  const once = resize(images);
  if (factor === 2) return once;
  try {
    return resize(once);
  } finally {
    once.dispose();
  }
}

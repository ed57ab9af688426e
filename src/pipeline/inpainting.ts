// What a UNet for inpainting sees behind the noisy sample: where it is to draw, and what is kept elsewhere.
import * as tf from '@tensorflow/tfjs';
import { isForInpainting } from '../config/derive.js';
import type { KnownRegion } from '../diffusion/known-region.js';
import type { Pipeline } from './pipeline.js';

/** Whether the pipeline's UNet was trained to see what is kept. */
export function seesKept({ unet }: Pick<Pipeline, 'unet'>): boolean {
  return unet !== null && isForInpainting(unet.config);
}

/**
 * Mask, 1 where it is to draw, and the kept sample, 0 there.
 *
 * Shape: [B, H, W, C], and one that spreads over it with one channel -> [B, H, W, 1 + C]. Memory: the caller disposes.
 * Source: the order of the inputs of Stable Diffusion's inpainting UNets (diffusers, StableDiffusionInpaintPipeline).
 */
export function keptChannels({ clean, isKnown }: KnownRegion): tf.Tensor4D {
  return tf.tidy(() => {
    const [items, rows, columns] = clean.shape;
    const mask = tf.broadcastTo(tf.sub(1, isKnown), [items, rows, columns, 1]);
    return tf.concat([mask, tf.mul(clean, isKnown)], 3) as tf.Tensor4D;
  });
}

/** The same where nothing is kept. Shape: [B, H, W, C] of the sample -> [B, H, W, 1 + C]. Memory: the caller disposes. */
export function nothingKept([items, rows, columns, channels]: readonly number[]): tf.Tensor4D {
  return tf.tidy(() => tf.concat([tf.ones([items, rows, columns, 1]), tf.zeros([items, rows, columns, channels])], 3) as tf.Tensor4D);
}

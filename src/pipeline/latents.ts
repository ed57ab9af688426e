// Between mel images and what is diffused: the autoencoder with the measured scale, or the scale alone for pixels.
import * as tf from '@tensorflow/tfjs';
import { imageChannels } from '../config/mel-layout.js';
import { decodeOneChannel, encodeOneChannel, samplePosterior } from '../models/index.js';
import type { Pipeline } from './pipeline.js';

type Codec = Pick<Pipeline, 'mel' | 'vae' | 'vaeKind' | 'latentScale' | 'latentShift'>;

/**
 * Encodes images as what is diffused: (latent - shift) · scale.
 *
 * Shape: [B, M, N, 1], of stereo sound [B, M, N, 3] -> [B, H, W, C]. Memory: the caller disposes.
 * @param noise unit normal of the result's shape draws from the posterior; null takes its mean, as a plain autoencoder always does
 */
export function encodeLatents(pipeline: Codec, images: tf.Tensor4D, noise: tf.Tensor4D | null): tf.Tensor4D {
  return tf.tidy(() => tf.mul(tf.sub(encodeRaw(pipeline, images, noise), pipeline.latentShift), pipeline.latentScale) as tf.Tensor4D);
}

/** Decodes what is diffused to images, which may lie a little beyond [-1, 1]. Shape: [B, H, W, C] -> [B, M, N, 1 or 3]. Memory: the caller disposes. */
export function decodeLatents(pipeline: Codec, latents: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const raw = tf.add(tf.div(latents, pipeline.latentScale), pipeline.latentShift) as tf.Tensor4D;
    return pipeline.vae === null ? raw : decodeOneChannel(pipeline.vae, raw, imageChannels(pipeline.mel));
  });
}

function encodeRaw({ vae, vaeKind }: Codec, images: tf.Tensor4D, noise: tf.Tensor4D | null): tf.Tensor4D {
  if (vae === null) return images;
  const posterior = encodeOneChannel(vae, images);
  return noise === null || vaeKind === 'plain' ? posterior.mean : samplePosterior(posterior, noise);
}

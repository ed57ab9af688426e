// The round trip of one image through the autoencoder alone, without diffusion.
import * as tf from '@tensorflow/tfjs';
import { decodeLatents, encodeLatents } from '../pipeline/latents.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { MelImage } from '../spectrogram/mel-image.js';

/**
 * Encodes one image to the posterior's mean and decodes it, clipped to [-1, 1]. The frame count must be a multiple of
 * `frameMultiple`.
 *
 * Shape: [M, N] -> [M, N].
 */
export function reconstructImage(pipeline: Pipeline, image: MelImage): MelImage {
  const decoded = tf.tidy(() => {
    const batch = tf.tensor4d(image.data, [1, image.settings.melBins, image.frameCount, 1]);
    return tf.clipByValue(decodeLatents(pipeline, encodeLatents(pipeline, batch, null)), -1, 1);
  });
  const data = Float32Array.from(decoded.dataSync());
  decoded.dispose();
  return { ...image, data };
}

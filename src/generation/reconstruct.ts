// The round trip of one image through the autoencoder alone, without diffusion.
import * as tf from '@tensorflow/tfjs';
import { hostOrder, imagesToTensor } from '../pipeline/image-tensor.js';
import { decodeLatents, encodeLatents } from '../pipeline/latents.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { MelImage } from '../spectrogram/mel-image.js';

/**
 * Encodes one image to the posterior's mean and decodes it, clipped to [-1, 1]. The frame count must be a multiple of
 * `frameMultiple`.
 *
 * Shape: [M, N] -> [M, N], or of stereo sound [3·M, N] -> [3·M, N].
 */
export function reconstructImage(pipeline: Pipeline, image: MelImage): MelImage {
  const decoded = tf.tidy(() => {
    const batch = imagesToTensor(image.data, { ...image.settings, frames: image.frameCount });
    return tf.clipByValue(hostOrder(decodeLatents(pipeline, encodeLatents(pipeline, batch, null))), -1, 1);
  });
  const data = Float32Array.from(decoded.dataSync());
  decoded.dispose();
  return { ...image, data };
}

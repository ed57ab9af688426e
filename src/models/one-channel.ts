// Networks for images of several channels on images of one: repeated on the way in, averaged on the way out. Knows no weights.
import * as tf from '@tensorflow/tfjs';
import type { AutoencoderKL } from './autoencoder-kl.js';
import type { Posterior } from './posterior.js';

/**
 * Encodes images with an autoencoder of as many channels, or those of one channel with any: the one then stands in all of them.
 *
 * Shape: [B, M, N, 1 or C] -> as `encode`.
 */
export function encodeOneChannel(vae: AutoencoderKL, image: tf.Tensor4D): Posterior {
  return vae.encode(repeatChannel(image, vae.config.in_channels));
}

/** Decodes to so many channels: all of the decoder's, or one, their mean. Shape: as `decode` -> [B, M, N, imageChannels]. */
export function decodeOneChannel(vae: AutoencoderKL, latent: tf.Tensor4D, imageChannels = 1): tf.Tensor4D {
  const decoded = vae.decode(latent);
  return imageChannels === 1 ? averageChannels(decoded) : decoded;
}

/** Shape: [B, H, W, 1] -> [B, H, W, channels], all channels alike. An image of so many channels stays the tensor it is. */
export function repeatChannel(image: tf.Tensor4D, channels: number): tf.Tensor4D {
  return image.shape[3] === channels ? image : tf.tile(image, [1, 1, 1, channels]);
}

/** Shape: [B, H, W, channels] -> [B, H, W, 1], their mean. One channel stays the tensor it is. */
export function averageChannels(image: tf.Tensor4D): tf.Tensor4D {
  return image.shape[3] === 1 ? image : tf.mean(image, 3, true);
}

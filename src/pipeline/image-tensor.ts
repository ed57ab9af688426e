// Mel images on the host, channel after channel, as the tensors that networks see, channels last; and back. Knows no network.
import * as tf from '@tensorflow/tfjs';
import type { MelSettings } from '../config/mel.js';
import { imageChannels } from '../config/mel-layout.js';

export interface ImageShape extends Pick<MelSettings, 'melBins'> {
  /** Channels of sound. Default 1. */
  readonly channels?: MelSettings['channels'];
  /** Of each image. */
  readonly frames: number;
}

/** Shape: [B·C·M·N] -> [B, M, N, C], where C is 1, or of stereo sound 3. Memory: the caller disposes. */
export function imagesToTensor(images: Float32Array, { melBins, frames, channels }: ImageShape): tf.Tensor4D {
  const count = imageChannels({ channels });
  const batch = images.length / (count * melBins * frames);
  if (count === 1) return tf.tensor4d(images, [batch, melBins, frames, 1]);
  return tf.tidy(() => tf.transpose(tf.tensor4d(images, [batch, count, melBins, frames]), [0, 2, 3, 1]));
}

/** As images lie on the host. Shape: [B, M, N, C] -> [B, C, M, N] in the order of its values. Memory: the caller disposes; the images stay its own. */
export function hostOrder(images: tf.Tensor4D): tf.Tensor4D {
  return images.shape[3] === 1 ? tf.clone(images) : tf.transpose(images, [0, 3, 1, 2]);
}

/** One array per image. Shape: [B, M, N, C] -> B times [C·M·N]. Memory: the tensor stays the caller's. */
export async function tensorToImages(images: tf.Tensor4D): Promise<Float32Array[]> {
  const ordered = hostOrder(images);
  const values = (await ordered.data().finally(() => ordered.dispose())) as Float32Array;
  const [batch] = images.shape;
  const size = values.length / batch;
  return Array.from({ length: batch }, (_, item) => values.subarray(item * size, (item + 1) * size));
}

// Decodes latents of any length to images: window after window, the images of windows blended where they overlap.
import * as tf from '@tensorflow/tfjs';
import { imageRows } from '../config/mel-layout.js';
import { coverColumns, windowColumns, type Windows } from '../diffusion/windows.js';
import { tensorToImages } from '../pipeline/image-tensor.js';
import { decodeLatents } from '../pipeline/latents.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { columnWindows, frameWindows, type ClipLength } from './length.js';

interface ImageOptions {
  readonly length: ClipLength;
  /** Windows that are decoded at once at most. */
  readonly batchSize: number;
}

/**
 * Decodes a batch and cuts it to the wanted frames. Each window is decoded by itself, as wide as the decoder was trained on; in a loop
 * windows pass the end, so that the image's last frame goes on at its first.
 *
 * Shape: [B, H, W, C] -> B images. Memory: disposes of the latents; what the decoder needs does not grow with the length.
 */
export async function readImages(pipeline: Pipeline, latents: tf.Tensor4D, { length, batchSize }: ImageOptions): Promise<MelImage[]> {
  const { drawnFrames, frameCount } = length;
  const isWhole = pipeline.vae === null || (drawnFrames === pipeline.mel.frames && !length.isLoop);
  try {
    const images = isWhole ? await decodeWhole(pipeline, latents) : await decodeWindows(pipeline, latents, { length, batchSize });
    return images.map((data) => ({ settings: pipeline.mel, frameCount, data: cut(data, drawnFrames, frameCount) }));
  } finally {
    latents.dispose();
  }
}

async function decodeWhole(pipeline: Pipeline, latents: tf.Tensor4D): Promise<Float32Array[]> {
  const decoded = decodeLatents(pipeline, latents);
  try {
    return await tensorToImages(decoded);
  } finally {
    decoded.dispose();
  }
}

async function decodeWindows(pipeline: Pipeline, latents: tf.Tensor4D, { length, batchSize }: ImageOptions): Promise<Float32Array[]> {
  const inFrames = frameWindows(pipeline, length);
  const inColumns = columnWindows(pipeline, length);
  const images = Array.from({ length: latents.shape[0] }, () => new Float32Array(imageRows(pipeline.mel) * length.drawnFrames));
  const weights = windowWeights(inFrames);
  for (const [item, image] of images.entries()) {
    for (let from = 0; from < inFrames.starts.length; from += batchSize) {
      const starts = inColumns.starts.slice(from, from + batchSize);
      const pieces = await decodePieces(pipeline, latents, { item, inColumns, starts });
      pieces.forEach((piece, index) => addPiece(image, piece, { windows: inFrames, window: from + index, weights: weights[from + index] }));
    }
  }
  return images;
}

interface PieceOptions {
  readonly item: number;
  readonly inColumns: Windows;
  readonly starts: readonly number[];
}

async function decodePieces(pipeline: Pipeline, latents: tf.Tensor4D, { item, inColumns, starts }: PieceOptions): Promise<Float32Array[]> {
  const pieces = tf.tidy(() => {
    const own = tf.slice(latents, [item, 0, 0, 0], [1, -1, -1, -1]);
    return tf.concat(starts.map((start) => tf.gather(own, tf.tensor1d(windowColumns(inColumns, start), 'int32'), 2)), 0);
  });
  try {
    return await decodeWhole(pipeline, pieces);
  } finally {
    pieces.dispose();
  }
}

/** Weight of each window at each of its frames. */
function windowWeights(windows: Windows): Float32Array[] {
  const weights = windows.starts.map(() => new Float32Array(windows.width));
  for (const parts of coverColumns(windows)) for (const { window, offset, weight } of parts) weights[window][offset] = weight;
  return weights;
}

interface AddOptions {
  readonly windows: Windows;
  readonly window: number;
  readonly weights: Float32Array;
}

/** Mutates: image. */
function addPiece(image: Float32Array, piece: Float32Array, { windows, window, weights }: AddOptions): void {
  const { length, width, starts } = windows;
  const columns = windowColumns(windows, starts[window]);
  for (let row = 0; row < image.length / length; row += 1) {
    for (let offset = 0; offset < width; offset += 1) image[row * length + columns[offset]] += piece[row * width + offset] * weights[offset];
  }
}

/** The first frames of each row. */
function cut(data: Float32Array, from: number, to: number): Float32Array {
  const rows = data.length / from;
  const image = new Float32Array(rows * to);
  for (let row = 0; row < rows; row += 1) image.set(data.subarray(row * from, row * from + to), row * to);
  return image;
}

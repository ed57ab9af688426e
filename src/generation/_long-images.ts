// Decodes the latents of a long clip as they come, window after window: frames are handed on when no later window reaches them.
import * as tf from '@tensorflow/tfjs';
import { imageRows } from '../config/mel-layout.js';
import { coverColumn } from '../diffusion/windows.js';
import { hostOrder } from '../pipeline/image-tensor.js';
import { decodeLatents } from '../pipeline/latents.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { sliceFrames } from '../spectrogram/frames.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { columnWindows, frameWindows, framesPerColumn, type ClipLength } from './length.js';

interface LongImageOptions {
  readonly length: ClipLength;
  /** Windows that are decoded at once at most. */
  readonly batchSize: number;
}

/**
 * Yields the frames of the image that readImages would make of the whole, from left to right.
 *
 * Shape: [1, H, n, C] each -> [M, m], of stereo sound [3·M, m]. Memory: disposes of the latents; what is held does not grow with the length.
 */
export async function* streamImages(pipeline: Pipeline, latents: AsyncIterable<tf.Tensor4D>, options: LongImageOptions): AsyncGenerator<MelImage> {
  let left = options.length.frameCount;
  for await (const image of pipeline.vae === null ? decodeBlocks(pipeline, latents) : decodeWindows(pipeline, latents, options)) {
    const frameCount = Math.min(left, image.frameCount);
    left -= frameCount;
    if (frameCount > 0) yield sliceFrames({ settings: pipeline.mel, ...image }, 0, frameCount);
  }
}

interface Frames {
  readonly frameCount: number;
  /** Shape: [M, frameCount]. */
  readonly data: Float32Array;
}

async function* decodeBlocks(pipeline: Pipeline, latents: AsyncIterable<tf.Tensor4D>): AsyncGenerator<Frames> {
  for await (const block of latents) {
    const frameCount = block.shape[2];
    yield { frameCount, data: await decoded(pipeline, block) };
  }
}

async function* decodeWindows(pipeline: Pipeline, latents: AsyncIterable<tf.Tensor4D>, { length, batchSize }: LongImageOptions): AsyncGenerator<Frames> {
  const inColumns = columnWindows(pipeline, length);
  const mean = createRunningMean(pipeline, length);
  let held: tf.Tensor4D | null = null;
  let heldFrom = 0;
  let window = 0;
  try {
    for await (const block of latents) {
      held = joined(held, block);
      while (window < inColumns.starts.length && inColumns.starts[window] + inColumns.width <= heldFrom + held.shape[2]) {
        const ready = inColumns.starts.slice(window, window + batchSize).filter((start) => start + inColumns.width <= heldFrom + held!.shape[2]);
        const from: tf.Tensor4D = held;
        const pieces = tf.tidy(() => tf.concat(ready.map((start) => tf.slice(from, [0, 0, start - heldFrom, 0], [-1, -1, inColumns.width, -1])), 0) as tf.Tensor4D);
        const values = await decoded(pipeline, pieces);
        const size = values.length / ready.length;
        for (let index = 0; index < ready.length; index += 1) yield mean.add(window + index, values.subarray(index * size, (index + 1) * size));
        window += ready.length;
      }
      const keptFrom = inColumns.starts[window] ?? length.drawnFrames / framesPerColumn(pipeline);
      held = afterColumns(held, keptFrom - heldFrom);
      heldFrom = keptFrom;
    }
  } finally {
    held?.dispose();
  }
}

/** Memory: disposes of the latents. */
async function decoded(pipeline: Pipeline, latents: tf.Tensor4D): Promise<Float32Array> {
  const images = tf.tidy(() => hostOrder(decodeLatents(pipeline, latents)));
  latents.dispose();
  try {
    return (await images.data()) as Float32Array;
  } finally {
    images.dispose();
  }
}

/** Memory: disposes of both. */
function joined(held: tf.Tensor4D | null, block: tf.Tensor4D): tf.Tensor4D {
  if (held === null || held.shape[2] === 0) {
    held?.dispose();
    return block;
  }
  const both = tf.concat([held, block], 2);
  tf.dispose([held, block]);
  return both;
}

/** Memory: disposes of what it is given. */
function afterColumns(held: tf.Tensor4D, count: number): tf.Tensor4D {
  const rest = tf.slice(held, [0, 0, count, 0], [-1, -1, held.shape[2] - count, -1]);
  held.dispose();
  return rest;
}

interface RunningMean {
  /** Adds the image of the next window, and returns the frames before the window after it. Shape: [M, width] -> [M, n]. */
  add(window: number, piece: Float32Array): Frames;
}

/** The mean over windows, of which only the frames of one window are held. */
function createRunningMean(pipeline: Pipeline, length: ClipLength): RunningMean {
  const inFrames = frameWindows(pipeline, length);
  const { width, starts } = inFrames;
  const rows = imageRows(pipeline.mel);
  const sums = new Float32Array(rows * width); // from the start of the window that was added last
  return {
    add(window, piece) {
      const weights = Float32Array.from({ length: width }, (_, offset) => coverColumn(inFrames, starts[window] + offset).find((cover) => cover.window === window)?.weight ?? 0);
      for (let row = 0; row < rows; row += 1) {
        for (let offset = 0; offset < width; offset += 1) sums[row * width + offset] += piece[row * width + offset] * weights[offset];
      }
      const frameCount = Math.min(width, (starts[window + 1] ?? starts[window] + width) - starts[window]);
      const data = new Float32Array(rows * frameCount);
      for (let row = 0; row < rows; row += 1) {
        const own = sums.subarray(row * width, (row + 1) * width);
        data.set(own.subarray(0, frameCount), row * frameCount);
        own.copyWithin(0, frameCount);
        own.fill(0, width - frameCount);
      }
      return { frameCount, data };
    },
  };
}

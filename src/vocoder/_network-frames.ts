// A mel image as the neural vocoder's network reads it, and the network run over it in bounded memory. Knows no phases.
import * as tf from '@tensorflow/tfjs';
import type { Vocos } from '../models/index.js';
import { withConvPrecision } from '../nn/operations.js';
import type { MelImage } from '../spectrogram/mel-image.js';

/** Frames that go through the network at once: enough to keep the engine busy, few enough to keep memory flat however long the image is. */
const CHUNK_FRAMES = 1024;

/** Values of [-1, 1] frame after frame, those of silence at -1. Shape: [M, N] -> [N*M]. */
export function framesOf({ settings: { melBins }, frameCount, data }: MelImage, silent: number): Float32Array {
  const frames = new Float32Array(data.length);
  for (let row = 0; row < melBins; row += 1) {
    for (let frame = 0; frame < frameCount; frame += 1) {
      const value = data[row * frameCount + frame];
      frames[frame * melBins + row] = value <= silent ? -1 : Math.min(value, 1);
    }
  }
  return frames;
}

interface FramesOptions {
  /** Shape: [N*M]. */
  readonly frames: Float32Array;
  /** Whether the first frame follows the last. */
  readonly isLoop: boolean;
  /** Values that come of each frame. */
  readonly width: number;
}

/**
 * Runs the network over some frames at a time, each with the frames that it depends on. In float32 whatever the precision in force: bfloat16
 * would be heard as noise. Shape: [N*M] -> [N*width].
 *
 * @param run shape [1, n, M] -> [1, n, width]
 */
export function overFrames({ contextFrames, config: { input_channels: melBins } }: Vocos, { frames, isLoop, width }: FramesOptions, run: (mel: tf.Tensor3D) => tf.Tensor3D): Float32Array {
  const frameCount = frames.length / melBins;
  const whole = new Float32Array(frameCount * width);
  for (let first = 0; first < frameCount; first += CHUNK_FRAMES) {
    const last = Math.min(frameCount, first + CHUNK_FRAMES);
    const from = isLoop ? first - contextFrames : Math.max(0, first - contextFrames);
    const to = isLoop ? last + contextFrames : Math.min(frameCount, last + contextFrames);
    const made = withConvPrecision('float32', () => tf.tidy(() => run(tf.tensor3d(aroundLoop(frames, melBins, { from, to }), [1, to - from, melBins]))));
    whole.set(made.dataSync<'float32'>().subarray((first - from) * width, (last - from) * width), first * width);
    made.dispose();
  }
  return whole;
}

/** Frames `from` to before `to`, those beyond an end from the other one. Shape: [N*width] -> [(to - from)*width]. */
function aroundLoop(frames: Float32Array, width: number, { from, to }: { readonly from: number; readonly to: number }): Float32Array {
  const count = frames.length / width;
  if (from >= 0 && to <= count) return frames.subarray(from * width, to * width);
  const around = new Float32Array((to - from) * width);
  for (let frame = from; frame < to; frame += 1) {
    const at = ((frame % count) + count) % count;
    around.set(frames.subarray(at * width, (at + 1) * width), (frame - from) * width);
  }
  return around;
}

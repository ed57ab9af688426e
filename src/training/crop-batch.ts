// Cuts a batch of slices down to windows, so that training spends its time on sound and not on the padding behind it. Knows no network.
import type { Random } from '../base/random.js';
import type { SliceBatch } from './corpus-source.js';

export interface CropOptions {
  readonly melBins: number;
  readonly frames: number;
  /** Frames of the window; at most `frames`. */
  readonly cropFrames: number;
  /** One draw per slice. */
  readonly random: Random;
}

/** Share of the window by which draws reach past either end and are held to it: onsets and ends are seen more often than the middle. */
const END_WEIGHT = 0.25;

/**
 * Cuts each slice to a window whose place is drawn over its sound. A slice whose sound is shorter than the window keeps its start.
 *
 * Shape: images [B, M, frames] -> [B, M, cropFrames]. The batch itself stays as it is.
 */
export function cropBatch(batch: SliceBatch, { melBins, frames, cropFrames, random }: CropOptions): SliceBatch {
  const count = batch.labels.length;
  const images = new Float32Array(count * melBins * cropFrames);
  const fills = new Float32Array(count);
  for (let item = 0; item < count; item += 1) {
    const filledFrames = Math.round(batch.fills[item] * frames);
    const start = drawStart(Math.min(filledFrames, frames), cropFrames, random);
    for (let row = 0; row < melBins; row += 1) {
      const from = (item * melBins + row) * frames + start;
      images.set(batch.images.subarray(from, from + cropFrames), (item * melBins + row) * cropFrames);
    }
    fills[item] = Math.min(1, (filledFrames - start) / cropFrames);
  }
  return { ...batch, images, fills };
}

/** The first frame of a window over a sound, its start where the window is longer. One draw. */
export function drawStart(soundFrames: number, windowFrames: number, random: Random): number {
  const reach = Math.round(END_WEIGHT * windowFrames);
  const lastStart = Math.max(0, soundFrames - windowFrames);
  return Math.min(Math.max(random.integer(lastStart + 2 * reach + 1) - reach, 0), lastStart);
}

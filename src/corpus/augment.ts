// Changes a slice as it is drawn: its level and its place in time. Knows no files.
import type { Random } from '../base/random.js';
import type { MelSettings } from '../config/mel.js';
import { imageRows } from '../config/mel-layout.js';
import type { AugmentConfig } from '../config/training.js';
import { silentFrame } from '../spectrogram/mel-image.js';
import { SILENCE } from './slicer.js';

export interface AugmentShape {
  readonly melBins: number;
  /** Channels of sound. Default 1. */
  readonly channels?: MelSettings['channels'];
  readonly frames: number;
  /** Decibels from floor to ceiling. */
  readonly rangeDb: number;
}

/** Image values this near to the floor are silence and stay silence. */
const SILENT_BELOW = SILENCE + 1e-5;

/**
 * Moves level and time by draws from `random`, always two draws, so that turning one off leaves the other as it was.
 * Silence stays silence under a gain; what rises past the ceiling is clipped to it. Frames moved in are silent. Of a stereo image mid and side
 * move alike, so that its panning stays what it is.
 *
 * Mutates: image, [M, N], or [3·M, N].
 * @returns frames of sound after the move, at least 1
 */
export function augmentSlice(image: Float32Array, fillFrames: number, { augment, shape, random }: { augment: AugmentConfig; shape: AugmentShape; random: Random }): number {
  const gainDb = (2 * random.uniform() - 1) * augment.gainDb;
  const wanted = random.integer(2 * augment.shiftFrames + 1) - augment.shiftFrames;
  const levels = Math.min(imageRows(shape), 2 * shape.melBins) * shape.frames; // all channels but panning
  if (gainDb !== 0) addGain(image.subarray(0, levels), (2 * gainDb) / shape.rangeDb);
  const shift = Math.min(Math.max(wanted, 1 - fillFrames), shape.frames - 1);
  if (shift === 0) return fillFrames;
  shiftFrames(image, shape, shift);
  return Math.min(shape.frames, fillFrames + shift);
}

function addGain(image: Float32Array, step: number): void {
  for (let index = 0; index < image.length; index += 1) {
    if (image[index] > SILENT_BELOW) image[index] = Math.min(Math.max(image[index] + step, -1), 1);
  }
}

/** Positive moves later. */
function shiftFrames(image: Float32Array, shape: AugmentShape, shift: number): void {
  const { frames } = shape;
  for (const [row, silent] of silentFrame(shape).entries()) {
    const line = image.subarray(row * frames, (row + 1) * frames);
    if (shift > 0) {
      line.copyWithin(shift, 0, frames - shift);
      line.fill(silent, 0, shift);
    } else {
      line.copyWithin(0, -shift);
      line.fill(silent, frames + shift);
    }
  }
}

// The level that clips would have without guidance, which makes them louder the further it pushes.
import type * as tf from '@tensorflow/tfjs';
import { isGuided } from '../pipeline/denoiser.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { gainToLevel, imageLevelDb } from '../spectrogram/image-level.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import type { Batch } from './_render.js';
import type { DrawSettings } from './request.js';

/** How the level of clips is found: by drawing them without guidance, in a few steps from the same noise. */
export interface UnguidedLevel {
  readonly steps: number;
  /** What draws them, and what it is told. */
  readonly pipeline: Pipeline;
  readonly settings: DrawSettings;
  /** The gain that makes a guided image as loud as the unguided one; none where one of them is all but silent. Unit: dB. */
  gainDb(guided: MelImage, unguided: MelImage): number;
}

/** An unguided level, and the drawing that finds it. */
export interface LevelDrawing extends Pick<UnguidedLevel, 'steps' | 'gainDb'> {
  /** Shape: as the guided drawing. Memory: the caller disposes. */
  draw(batch: Batch): Promise<tf.Tensor4D>;
}

/** An image this near to the floor, in dB, is a sound that failed: its level is none to match. */
const SILENT_DB = 12;

/**
 * null where nothing is guided, or no steps are asked for. Drawn by DPM-Solver++, whatever the sampler of the clips: on a drum model eight of its steps
 * gave the level of twelve within 0.6 dB in the mean. Of a model that draws a small image first, that one tells the level.
 */
export function createUnguidedLevel(pipeline: Pipeline, settings: DrawSettings): UnguidedLevel | null {
  const { guidance, levelSteps = 0, steps: all } = settings;
  const steps = Math.min(levelSteps, all);
  if (steps === 0 || guidance <= 1 || !isGuided(pipeline)) return null;
  const square = pipeline.upscaler?.factor ?? 1;
  const { floorDb } = pipeline.mel;
  return {
    steps,
    pipeline: pipeline.upscaler === null ? pipeline : { ...pipeline, upscaler: { ...pipeline.upscaler, unet: null } },
    settings: { ...settings, steps, upscalerSteps: null, guidance: 1, sampler: 'dpmpp2m', spacing: 'trailing', eta: 0 },
    gainDb(guided, unguided) {
      const [level, own] = [imageLevelDb(unguided, square), imageLevelDb(guided, square)];
      return Math.min(level, own) < floorDb + SILENT_DB ? 0 : gainToLevel(guided, level, square);
    },
  };
}

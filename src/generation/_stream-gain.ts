// How much louder guidance makes a long clip, found before it is drawn: by an excerpt of its own, since the whole is never there at once.
import * as tf from '@tensorflow/tfjs';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { withGain } from '../spectrogram/image-level.js';
import { createDrawing } from './_drawing.js';
import { readImages } from './_images.js';
import { drawBatchNoise } from './_noise.js';
import { clipFinite, DEFAULT_BATCH_SIZE } from './_render.js';
import { createUnguidedLevel } from './_unguided-level.js';
import { clipLength, networkShapes } from './length.js';
import type { DrawSettings, GenerateRequest } from './request.js';

/** Slices of the model that are enough to tell the level. */
const EXCERPT_SLICES = 8;

export interface StreamGain {
  readonly steps: number;
  /** Unit: dB, by position in the request. Memory: leaves no tensor. @throws the signal's reason when aborted */
  gainOf(index: number): Promise<number>;
}

/** null where there is nothing to find. The excerpt has the clip's seed, label and prompt; it is drawn as the clip is, and without guidance in fewer steps. */
export function createStreamGain(pipeline: Pipeline, request: GenerateRequest): StreamGain | null {
  const level = createUnguidedLevel(pipeline, request);
  if (level === null) return null;
  const { overlap, seeds, batchSize = DEFAULT_BATCH_SIZE } = request;
  const length = clipLength(pipeline, { frameCount: EXCERPT_SLICES * pipeline.mel.frames, overlap });
  const drawBy = async (index: number, settings: DrawSettings): Promise<MelImage> => {
    const noise = drawBatchNoise([seeds[index]], networkShapes(pipeline, length));
    try {
      const latents = await createDrawing(level.pipeline, { ...request, ...settings }, length).draw({ items: [index], noise, onStep: () => undefined });
      const [image] = await readImages(pipeline, latents, { length, batchSize });
      clipFinite(image, seeds[index]);
      return image;
    } finally {
      tf.dispose(noise.map(({ initial }) => initial));
    }
  };
  return {
    steps: level.steps,
    async gainOf(index) {
      const unguided = await drawBy(index, level.settings);
      return level.gainDb(await drawBy(index, request), unguided);
    },
  };
}

/** Images as they come, each with the gain. */
export async function* withGains(images: AsyncGenerator<MelImage>, gainDb: number): AsyncGenerator<MelImage> {
  for await (const image of images) yield withGain(image, gainDb);
}

// The second half of progressive generation: whole images drawn by the upscaler, given small ones.
import * as tf from '@tensorflow/tfjs';
import type { Random } from '../base/random.js';
import type { NoiseInterval } from '../diffusion/guidance.js';
import { blend } from '../diffusion/masked-denoiser.js';
import type { SamplingPlan } from '../diffusion/sampling-plan.js';
import { withWindows, type Windows } from '../diffusion/windows.js';
import { createGuidedDenoiser, type PipelineCondition } from '../pipeline/denoiser.js';
import { nullClassOf, type Pipeline, type Upscaler } from '../pipeline/pipeline.js';
import { enlargeImages, reduceImages } from '../pipeline/resize.js';
import { selectCondition } from '../pipeline/window-condition.js';
import { holdGiven, type Given } from './_heeding.js';
import type { NetworkNoise } from './_noise.js';

interface UpscaleOptions {
  /** The plan of a number of steps. */
  readonly plan: (steps: number) => SamplingPlan<PipelineCondition>;
  readonly steps: number;
  readonly guidance: number;
  readonly guidanceRescale: number;
  readonly guidanceInterval?: NoiseInterval;
  /** In frames of the whole image. */
  readonly windows: Windows;
  readonly batchSize: number;
}

interface Batch {
  /** Left out where the upscaler is not trained. */
  readonly noise: NetworkNoise | undefined;
  /** null for none. */
  readonly labels: readonly (number | null)[];
  /** Of the whole image. Default nothing. */
  readonly given?: Given;
  /** Of resampling what goes with it: one sequence per item. */
  readonly known: readonly Random[];
  readonly onStep: (step: number, denoised: tf.Tensor4D) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** What is done with the small images of a batch. */
export interface Upscale {
  readonly factor: 2 | 4;
  /** 0 where the upscaler is not trained: the images are enlarged as they are. */
  readonly steps: number;
  /** Shape: [B, H, W, C] -> [B, H·factor, W·factor, C]. Memory: disposes of the small images; the caller of the result. */
  run(small: tf.Tensor4D, batch: Batch): Promise<tf.Tensor4D>;
  /** As showEnlarged. */
  show(small: tf.Tensor4D, look: (whole: tf.Tensor4D) => void | Promise<void>): Promise<void>;
  /** What is given of the whole image, as the UNet is given it. Memory: the caller disposes. */
  reduce(given: Given): Given;
}

/** Shows a small batch as it is at the size of the whole. Memory: the small one stays, the whole one lasts as long as what `look` returns. */
export async function showEnlarged(small: tf.Tensor4D, factor: Upscaler['factor'], look: (whole: tf.Tensor4D) => unknown): Promise<void> {
  const whole = enlargeImages(small, factor);
  try {
    await look(whole);
  } finally {
    whole.dispose();
  }
}

/** null where the pipeline's UNet draws whole images. */
export function createUpscale({ upscaler, labels: names, diffusion }: Pipeline, { plan, steps, guidance, guidanceRescale, guidanceInterval, windows, batchSize }: UpscaleOptions): Upscale | null {
  if (upscaler === null) return null;
  const { factor, unet } = upscaler;
  const enlarge = (small: tf.Tensor4D): tf.Tensor4D => {
    const enlarged = enlargeImages(small, factor);
    small.dispose();
    return enlarged;
  };
  const show: Upscale['show'] = (small, look) => showEnlarged(small, factor, look);
  const reduce: Upscale['reduce'] = (given) => ({ ...given, ...reduceGiven(given, factor) });
  if (unet === null) return { factor, steps: 0, show, reduce, run: async (small, { given }) => putGiven(enlarge(small), given) };
  const asked = { unet, labels: names, diffusion };
  const { path, sample } = plan(steps);
  const denoise = withWindows(createGuidedDenoiser(asked, { guidance, guidanceRescale, guidanceInterval, timestepAt: path.timestepAt }), { windows, select: selectCondition(windows), batchSize });
  const nullClass = nullClassOf(asked);
  return {
    factor,
    steps,
    show,
    reduce,
    async run(small, { noise, labels, given, known, onStep, signal }) {
      const { initial, added } = noise!;
      const enlarged = enlarge(small);
      const condition: PipelineCondition = { classLabels: nullClass === null ? null : Int32Array.from(labels, (label) => label ?? nullClass), beside: enlarged };
      try {
        const held = given && holdGiven(given, { denoise, condition, initial, random: known });
        return await sample({ ...path, denoise, initialNoise: initial, condition, random: added, onStep, signal, ...held });
      } finally {
        enlarged.dispose();
      }
    },
  };
}

/** A small cell is given when all cells under it are. Memory: the caller disposes. */
function reduceGiven({ clean, isKnown }: Given, factor: Upscaler['factor']): Pick<Given, 'clean' | 'isKnown'> {
  return tf.tidy(() => {
    const [items, rows, columns] = clean.shape;
    const whole = tf.broadcastTo(isKnown, [items, rows, columns, 1]) as tf.Tensor4D;
    return { clean: reduceImages(clean, factor), isKnown: tf.sub(1, tf.maxPool(tf.sub<tf.Tensor4D>(1, whole), factor, factor, 'valid')) };
  });
}

/** What is given in the place of what was drawn. Memory: disposes of the drawn images. */
function putGiven(drawn: tf.Tensor4D, given: Given | undefined): tf.Tensor4D {
  if (given === undefined) return drawn;
  const put = tf.tidy(() => blend({ mask: tf.sub(1, given.isKnown), drawn, clean: given.clean }));
  drawn.dispose();
  return put;
}

// The second half of progressive generation: whole images drawn by the upscaler, given small ones.
import type * as tf from '@tensorflow/tfjs';
import { createRandom } from '../base/random.js';
import type { NoiseInterval } from '../diffusion/guidance.js';
import type { SamplingPlan } from '../diffusion/sampling-plan.js';
import { drawNoise } from '../diffusion/samplers/sampler.js';
import { withWindows, type Windows } from '../diffusion/windows.js';
import { createGuidedDenoiser, type PipelineCondition } from '../pipeline/denoiser.js';
import { nullClassOf, type Pipeline } from '../pipeline/pipeline.js';
import { enlargeImages } from '../pipeline/resize.js';
import { selectCondition } from '../pipeline/window-condition.js';

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
  readonly seeds: readonly number[];
  /** null for none. */
  readonly labels: readonly (number | null)[];
  readonly onStep: (step: number, denoised: tf.Tensor4D) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** What is done with the small images of a batch. */
export interface Upscale {
  readonly factor: 2 | 4;
  /** 0 where the upscaler is not trained: the images are enlarged as they are. */
  readonly steps: number;
  /** Shape: [B, H, W, C] -> [B, H·factor, W·factor, C]. An item's noise comes from its seed alone. Memory: disposes of the small images; the caller of the result. */
  run(small: tf.Tensor4D, batch: Batch): Promise<tf.Tensor4D>;
  /** Shows a small batch as it is at the size of the whole. Memory: the small one stays, the whole one lasts as long as what `look` returns. */
  show(small: tf.Tensor4D, look: (whole: tf.Tensor4D) => void | Promise<void>): Promise<void>;
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
  const show: Upscale['show'] = async (small, look) => {
    const whole = enlargeImages(small, factor);
    try {
      await look(whole);
    } finally {
      whole.dispose();
    }
  };
  if (unet === null) return { factor, steps: 0, show, run: async (small) => enlarge(small) };
  const asked = { unet, labels: names, diffusion };
  const { path, sample } = plan(steps);
  const denoise = withWindows(createGuidedDenoiser(asked, { guidance, guidanceRescale, guidanceInterval, timestepAt: path.timestepAt }), { windows, select: selectCondition(windows), batchSize });
  const nullClass = nullClassOf(asked);
  return {
    factor,
    steps,
    show,
    async run(small, { seeds, labels, onStep, signal }) {
      const enlarged = enlarge(small);
      const initialNoise = drawNoise(seeds.map((seed) => createRandom(seed, 'noise', 'upscaler')), enlarged.shape);
      const classLabels = nullClass === null ? null : Int32Array.from(labels, (label) => label ?? nullClass);
      const random = seeds.map((seed) => createRandom(seed, 'noise', 'upscaler', 'steps'));
      try {
        return await sample({ ...path, denoise, initialNoise, condition: { classLabels, beside: enlarged }, random, onStep, signal });
      } finally {
        enlarged.dispose();
        initialNoise.dispose();
      }
    },
  };
}

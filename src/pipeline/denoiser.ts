// The UNet of a pipeline as a denoiser, with its labels as the condition.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { Denoiser } from '../diffusion/denoiser.js';
import { withGuidance } from '../diffusion/guidance.js';
import { denoiserFrom } from '../diffusion/parameterisation.js';
import { createNoiseSchedule } from '../diffusion/schedule.js';
import { averageChannels, repeatChannel, type Unet2d, type Unet2dInputs } from '../models/index.js';
import { nullClassOf, type Pipeline } from './pipeline.js';

/** One class per item, where the null class stands for no label; null: no item has a label. */
export interface LabelCondition {
  readonly classLabels: Int32Array | null;
}

/**
 * Wraps the UNet: scales its input, tells it timestep and class, and turns its answer into the clean sample.
 *
 * @throws MelstromError when the pipeline has no UNet
 */
export function createPipelineDenoiser(pipeline: Pick<Pipeline, 'unet' | 'labels' | 'diffusion'>): Denoiser<LabelCondition> {
  const { unet, diffusion } = pipeline;
  if (unet === null) {
    throw new MelstromError({ kind: 'checkpoint', where: 'pipeline', got: 'no UNet', expected: 'a trained UNet', fix: 'Train the unet stage first, or draw from the autoencoder alone.' });
  }
  const nullClass = nullClassOf(pipeline);
  return denoiserFrom(
    (sample, timestep, { classLabels }: LabelCondition) => {
      if (nullClass === null) return forwardSample(unet, { sample, timestep });
      const classes = classLabels ?? new Int32Array(sample.shape[0]).fill(nullClass);
      return forwardSample(unet, { sample, timestep, classLabels: tf.tensor1d(classes, 'int32') });
    },
    createNoiseSchedule(diffusion),
    diffusion.predictionType,
  );
}

/** The UNet's answer to a sample of one channel or as many as it has: one for several sees one channel in all of them, and answers with their mean. */
export function forwardSample(unet: Unet2d, { sample, ...rest }: Unet2dInputs): tf.Tensor4D {
  const isRepeated = sample.shape[3] === 1 && unet.config.in_channels !== 1;
  if (!isRepeated) return unet.forward({ sample, ...rest });
  return averageChannels(unet.forward({ sample: repeatChannel(sample, unet.config.in_channels!), ...rest }));
}

interface Guidance {
  /** 1: the denoiser as it is. */
  readonly guidance: number;
  /** Share of the gained level and contrast that is taken back. */
  readonly guidanceRescale?: number;
}

/** The pipeline's denoiser under classifier-free guidance, both branches in one batch. Without classes guidance has no effect. */
export function createGuidedDenoiser(pipeline: Pick<Pipeline, 'unet' | 'labels' | 'diffusion'>, { guidance, guidanceRescale = 0 }: Guidance): Denoiser<LabelCondition> {
  const denoise = createPipelineDenoiser(pipeline);
  const nullClass = nullClassOf(pipeline);
  if (nullClass === null) return denoise;
  return withGuidance(denoise, {
    scale: guidance,
    rescale: guidanceRescale,
    unconditional: ({ classLabels }) => ({ classLabels: classLabels && new Int32Array(classLabels.length).fill(nullClass) }),
    join: (first, second) => ({
      classLabels: first.classLabels && second.classLabels && Int32Array.of(...first.classLabels, ...second.classLabels),
    }),
  });
}

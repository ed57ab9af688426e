// The UNet of a pipeline as a denoiser, with labels and the states of prompts as the condition.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { Denoiser } from '../diffusion/denoiser.js';
import { withGuidance, type NoiseInterval } from '../diffusion/guidance.js';
import { denoiserFrom } from '../diffusion/parameterisation.js';
import { createNoiseSchedule } from '../diffusion/schedule.js';
import { isForInpainting } from '../config/derive.js';
import { averageChannels, repeatChannel, type Unet2dInputs } from '../models/index.js';
import { repeatedForward, type Repeated } from '../nn/index.js';
import { isTextUnet, type AnyUnet } from './any-unet.js';
import { nothingKept } from './inpainting.js';
import { nullClassOf, type Pipeline } from './pipeline.js';

/** What a batch is drawn after. Memory: the states are the caller's. */
export interface PipelineCondition {
  /** One class per item, where the null class stands for no label; null: no item has a label. */
  readonly classLabels: Int32Array | null;
  /** What the text encoder makes of the prompts. Shape: [B, T, C]. Required exactly when the UNet attends to text. */
  readonly textStates?: tf.Tensor3D;
  /** The states that guidance leads away from, of the same shape: those of the negative or the empty prompt. */
  readonly negativeStates?: tf.Tensor3D;
  /**
   * What the UNet sees in channels behind those of the noisy sample. For an upscaler the small image, enlarged; for a UNet for inpainting keptChannels, by default
   * of nothing. Shape: [B, H, W, c]. Memory: the caller's.
   */
  readonly beside?: tf.Tensor4D;
  /** The column of the sample at which `beside` begins, for windows of a sample of which it is a part. Default 0. */
  readonly besideFrom?: number;
}

/**
 * Wraps the UNet: scales its input, tells it timestep, class and text, and turns its answer into the clean sample.
 *
 * @param timestepAt what the UNet is told at a sigma; default the timestep of the noise schedule
 * @throws MelstromError when the pipeline has no UNet
 */
export function createPipelineDenoiser(pipeline: Asked, timestepAt?: (sigma: number) => number): Denoiser<PipelineCondition> {
  const { unet, diffusion } = pipeline;
  if (unet === null) {
    throw new MelstromError({ kind: 'checkpoint', where: 'pipeline', got: 'no UNet', expected: 'a trained UNet', fix: 'Train the unet stage first, or draw from the autoencoder alone.' });
  }
  const nullClass = nullClassOf(pipeline);
  return denoiserFrom(
    (noisy, timestep, { classLabels, textStates, beside }: PipelineCondition) => {
      const sample = joinBeside(noisy, beside ?? (isForInpainting(unet.config) ? nothingKept(noisy.shape) : undefined));
      const classes = nullClass === null ? undefined : tf.tensor1d(classLabels ?? new Int32Array(sample.shape[0]).fill(nullClass), 'int32');
      return noted(unet)({ sample, timestep, ...(classes && { classLabels: classes }), ...(textStates && { textStates }) });
    },
    createNoiseSchedule(diffusion),
    diffusion.predictionType,
    timestepAt,
  );
}

const answers = new WeakMap<AnyUnet, Repeated<tf.Tensor4D>>();

/** The network's answer, asked many times at the same few sizes. */
function noted(unet: AnyUnet): Repeated<tf.Tensor4D> {
  const known = answers.get(unet);
  if (known !== undefined) return known;
  const answer = repeatedForward(unet.parameters, ({ sample, timestep, classLabels, textStates }) =>
    forwardUnet(unet, { sample: sample as tf.Tensor4D, timestep: timestep as tf.Tensor1D, classLabels: classLabels as tf.Tensor1D | undefined }, textStates as tf.Tensor3D | undefined),
  );
  answers.set(unet, answer);
  return answer;
}

/** The sample, and behind it what a UNet sees beside it. Shape: [B, H, W, C] and [B, H, W, c] -> [B, H, W, C + c]; without it, the sample as it is. */
export function joinBeside(sample: tf.Tensor4D, beside: tf.Tensor4D | undefined): tf.Tensor4D {
  return beside === undefined ? sample : tf.concat([sample, beside], 3);
}

/**
 * Asks either kind of UNet about a sample of as many channels as it has, or of one: a UNet for several then sees it in all of them, and
 * answers with their mean.
 *
 * @throws MelstromError when one that attends to no text is given some
 */
export function forwardUnet(unet: AnyUnet, { sample, ...rest }: Unet2dInputs, textStates?: tf.Tensor3D): tf.Tensor4D {
  const isRepeated = sample.shape[3] === 1 && unet.config.in_channels !== 1;
  const inputs = { sample: isRepeated ? repeatChannel(sample, unet.config.in_channels!) : sample, ...rest };
  const answer = askUnet(unet, inputs, textStates);
  return isRepeated ? averageChannels(answer) : answer;
}

function askUnet(unet: AnyUnet, inputs: Unet2dInputs, textStates: tf.Tensor3D | undefined): tf.Tensor4D {
  if (isTextUnet(unet)) return unet.forward({ ...inputs, encoderHiddenStates: textStates ?? null });
  if (textStates === undefined) return unet.forward(inputs);
  throw new MelstromError({ kind: 'usage', where: 'pipeline: condition', got: 'text', expected: 'none, since the UNet attends to no text' });
}

interface Guidance {
  /** 1: the denoiser as it is. */
  readonly guidance: number;
  /** Share of the gained level and contrast that is taken back. */
  readonly guidanceRescale?: number;
  /** Noise levels at which it is guided. Default all. */
  readonly guidanceInterval?: NoiseInterval;
  /** As in createPipelineDenoiser. */
  readonly timestepAt?: (sigma: number) => number;
}

/** A UNet with what it is asked in: the pipeline's own, or its upscaler in the pipeline's noise. */
type Asked = Pick<Pipeline, 'unet' | 'labels' | 'diffusion'>;

/** The pipeline's denoiser under classifier-free guidance, both branches in one batch. Without classes and text guidance has no effect. */
export function createGuidedDenoiser(pipeline: Asked, { guidance, guidanceRescale = 0, guidanceInterval, timestepAt }: Guidance): Denoiser<PipelineCondition> {
  const denoise = createPipelineDenoiser(pipeline, timestepAt);
  const nullClass = nullClassOf(pipeline);
  if (!isGuided(pipeline)) return denoise;
  return withGuidance(denoise, {
    scale: guidance,
    rescale: guidanceRescale,
    interval: guidanceInterval,
    unconditional: ({ classLabels, negativeStates, beside }) => ({
      classLabels: classLabels && nullClass !== null ? new Int32Array(classLabels.length).fill(nullClass) : null,
      textStates: negativeStates,
      beside,
    }),
    join: (first, second) => ({
      classLabels: first.classLabels && second.classLabels && Int32Array.of(...first.classLabels, ...second.classLabels),
      textStates: first.textStates && second.textStates && tf.concat([first.textStates, second.textStates], 0),
      beside: first.beside && second.beside && tf.concat([first.beside, second.beside], 0),
    }),
  });
}

/** Whether the UNet has a condition that guidance can go by: classes or text. */
export function isGuided(pipeline: Pick<Pipeline, 'unet' | 'labels'>): boolean {
  return nullClassOf(pipeline) !== null || (pipeline.unet !== null && isTextUnet(pipeline.unet));
}

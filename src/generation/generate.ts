// New clips from noise: sampler, decoder, vocoder. The one function behind `generate` and the previews in training.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import { planSampler, planScheduler, type SamplingPlan } from '../diffusion/sampling-plan.js';
import { createNoiseSchedule } from '../diffusion/schedule.js';
import { withWindows } from '../diffusion/windows.js';
import { createGuidedDenoiser, isGuided, type PipelineCondition } from '../pipeline/denoiser.js';
import { nullClassOf, type Pipeline } from '../pipeline/pipeline.js';
import { schedulerClassOf } from '../pipeline/scheduler-config.js';
import { encodePrompts } from '../pipeline/text.js';
import { selectCondition } from '../pipeline/window-condition.js';
import { DEFAULT_BATCH_SIZE, renderClips, type GeneratedClip } from './_render.js';
import { createUpscale } from './_upscale.js';
import { clipLength, columnWindows, frameWindows } from './length.js';
import { checkClipRequest, checkGenerateRequest, type ClipRequest, type GenerateRequest } from './request.js';

export type { GeneratedClip } from './_render.js';
export type { ClipRequest, GenerateRequest, GenerationProgress } from './request.js';
export type { BatchPlace, ClipRecord, Sidecar } from './sidecar.js';

/**
 * Draws one clip per seed, in order, batch by batch. A clip depends on its seed, label, prompt and settings, not on what it is drawn
 * with: a batch of two gives what two batches of one give, but for float32 rounding in the network.
 *
 * The clip keeps the full length of its image; silence at its end stays.
 * Memory: no tensor is left after each clip is taken, nor when the iteration is ended early.
 *
 * @throws MelstromError of kind 'usage' at once when the request does not fit the pipeline; the signal's reason when aborted
 */
export function generateClips(pipeline: Pipeline, request: GenerateRequest): AsyncGenerator<GeneratedClip> {
  checkGenerateRequest(pipeline, request);
  const { labels, steps, sampler = 'scheduler', spacing = 'trailing', guidance, guidanceRescale = 0, eta = 0 } = request;
  const isOwn = sampler === 'scheduler';
  const schedule = createNoiseSchedule(pipeline.diffusion);
  const plan = (stepCount: number): SamplingPlan<PipelineCondition> => {
    const planned = { schedule, steps: stepCount, eta };
    return isOwn ? planScheduler(planned, pipeline.scheduler) : planSampler(planned, sampler, spacing);
  };
  const { path, sample, hasEta } = plan(steps);
  const length = clipLength(pipeline, request);
  const windows = columnWindows(pipeline, length);
  const joint = { windows, select: selectCondition(windows), batchSize: request.batchSize ?? DEFAULT_BATCH_SIZE };
  const denoise = withWindows(createGuidedDenoiser(pipeline, { guidance, guidanceRescale, timestepAt: path.timestepAt }), joint);
  const nullClass = nullClassOf(pipeline);
  const upscale = createUpscale(pipeline, { plan, steps: request.upscalerSteps ?? steps, guidance, guidanceRescale, windows: frameWindows(pipeline, length), batchSize: joint.batchSize });
  const { text } = pipeline;
  const words = text === null ? null : { prompts: request.prompts ?? labels.map(() => ''), negativePrompt: request.negativePrompt ?? '' };
  const conditionOf = (items: readonly number[]): PipelineCondition => ({
    classLabels: nullClass === null ? null : Int32Array.from(items, (item) => labels[item] ?? nullClass),
    ...(text === null || words === null ? {} : {
      textStates: encodePrompts(text, items.map((item) => words.prompts[item])),
      negativeStates: encodePrompts(text, items.map(() => words.negativePrompt)),
    }),
  });
  return renderClips({
    pipeline,
    request,
    labels,
    words,
    length,
    how: {
      operation: 'generate',
      sampler: isOwn ? schedulerClassOf(pipeline.scheduler) : sampler,
      spacing: isOwn ? null : spacing,
      steps, upscaler: upscale && { factor: upscale.factor, steps: upscale.steps }, guidance: isGuided(pipeline) ? guidance : null, guidanceRescale, eta: hasEta ? eta : null,
    },
    draw: async ({ items, initialNoise, random, onStep }) => {
      const condition = conditionOf(items);
      const drawn = await sample({ ...path, denoise, initialNoise, condition, random, onStep, signal: request.signal }).finally(() =>
        tf.dispose([condition.textStates, condition.negativeStates]),
      );
      if (upscale === null) return drawn;
      const { signal, seeds } = request;
      return upscale.run(drawn, { seeds: items.map((item) => seeds[item]), labels: items.map((item) => labels[item]), onStep: (step) => onStep(steps + step), signal });
    },
  });
}

/**
 * Draws clips from the autoencoder alone: unit normal latents over the measured scale, decoded. Shows what its latent space holds
 * before there is a UNet; without structure across the latent it is seldom a sound of the corpus.
 *
 * Memory: as generateClips. @throws MelstromError of kind 'usage' at once when the pipeline has no autoencoder
 */
export function generateFromVaePrior(pipeline: Pipeline, request: ClipRequest): AsyncGenerator<GeneratedClip> {
  checkClipRequest(request);
  const length = clipLength(pipeline, request);
  if (pipeline.vae === null) {
    throw new MelstromError({ kind: 'usage', where: 'VAE prior', got: 'a pipeline that diffuses on pixels', expected: 'one with an autoencoder', fix: 'Draw with its UNet instead.' });
  }
  return renderClips({
    pipeline,
    request,
    labels: request.seeds.map(() => null),
    words: null,
    length,
    how: { operation: 'vae-prior', sampler: 'vae-prior', spacing: null, steps: 1, upscaler: null, guidance: null, guidanceRescale: 0, eta: null },
    draw: async ({ initialNoise, onStep }) => {
      onStep(1);
      return tf.clone(initialNoise);
    },
  });
}

// New clips from noise: sampler, decoder, vocoder. The one function behind `generate` and the previews in training.
import * as tf from '@tensorflow/tfjs';
import { samplerByName } from '../diffusion/samplers/by-name.js';
import { createNoiseSchedule } from '../diffusion/schedule.js';
import { createGuidedDenoiser, isGuided, type PipelineCondition } from '../pipeline/denoiser.js';
import { nullClassOf, type Pipeline } from '../pipeline/pipeline.js';
import { encodePrompts } from '../pipeline/text.js';
import { renderClips, type GeneratedClip } from './_render.js';
import { checkClipRequest, checkGenerateRequest, type ClipRequest, type GenerateRequest } from './request.js';

export type { GeneratedClip } from './_render.js';
export type { ClipRequest, GenerateRequest, GenerationProgress } from './request.js';
export type { Sidecar } from './sidecar.js';

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
  const { labels, steps, guidance, guidanceRescale = 0, eta = 0 } = request;
  const denoise = createGuidedDenoiser(pipeline, { guidance, guidanceRescale });
  const sigmas = createNoiseSchedule(pipeline.diffusion).sigmas(steps);
  const sample = samplerByName<PipelineCondition>(request.sampler, { eta });
  const nullClass = nullClassOf(pipeline);
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
    how: { sampler: request.sampler, steps, guidance: isGuided(pipeline) ? guidance : null, guidanceRescale, eta: request.sampler === 'ddim' ? eta : null },
    draw: ({ items, initialNoise, random, onStep }) => {
      const condition = conditionOf(items);
      return sample({ denoise, sigmas, initialNoise, condition, random, onStep, signal: request.signal }).finally(() =>
        tf.dispose([condition.textStates, condition.negativeStates]),
      );
    },
  });
}

/**
 * Draws clips from the autoencoder alone: unit normal latents over the measured scale, decoded. Shows what its latent space holds
 * before there is a UNet; without structure across the latent it is seldom a sound of the corpus.
 *
 * Memory: as generateClips.
 */
export function generateFromVaePrior(pipeline: Pipeline, request: ClipRequest): AsyncGenerator<GeneratedClip> {
  checkClipRequest(request);
  return renderClips({
    pipeline,
    request,
    labels: request.seeds.map(() => null),
    words: null,
    how: { sampler: 'vae-prior', steps: 1, guidance: null, guidanceRescale: 0, eta: null },
    draw: async ({ initialNoise, onStep }) => {
      onStep(1);
      return tf.clone(initialNoise);
    },
  });
}

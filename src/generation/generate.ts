// New clips from noise: sampler, decoder, vocoder. The one function behind `generate` and the previews in training.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import { ALL_NOISE } from '../diffusion/guidance.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { createDrawing } from './_drawing.js';
import { createUnguidedLevel } from './_unguided-level.js';
import { renderClips, type GeneratedClip } from './_render.js';
import { clipLength } from './length.js';
import { collectStreams, isStreamed } from './stream.js';
import { checkClipRequest, checkGenerateRequest, type ClipRequest, type GenerateRequest } from './request.js';

export type { GeneratedClip } from './_render.js';
export type { ClipRequest, DrawSettings, GenerateRequest, GenerationProgress, Preview } from './request.js';
export type { BatchPlace, ClipRecord, Sidecar } from './sidecar.js';

/**
 * Draws one clip per seed, in order, batch by batch. A clip depends on its seed, label, prompt and settings, not on what it is drawn
 * with: a batch of two gives what two batches of one give, but for float32 rounding in the network.
 *
 * The clip keeps the full length of its image; silence at its end stays.
 * Memory: no tensor is left after each clip is taken, nor when the iteration is ended early. What the networks need does not grow with a
 * clip's length; the clip itself and its image do, which streamClips hands on piece by piece.
 *
 * @throws MelstromError of kind 'usage' at once when the request does not fit the pipeline; the signal's reason when aborted
 */
export function generateClips(pipeline: Pipeline, request: GenerateRequest): AsyncGenerator<GeneratedClip> {
  checkGenerateRequest(pipeline, request);
  if (isStreamed(pipeline, request)) return collectStreams(pipeline, request);
  const length = clipLength(pipeline, request);
  const { how, words, draw } = createDrawing(pipeline, request, length);
  const level = createUnguidedLevel(pipeline, request);
  return renderClips({ pipeline, request, labels: request.labels, words, length, how: { operation: 'generate', ...how, levelSteps: level?.steps ?? 0 }, draw, level: level && { ...level, draw: createDrawing(level.pipeline, { ...request, ...level.settings }, length).draw } });
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
    how: { operation: 'vae-prior', sampler: 'vae-prior', spacing: null, steps: 1, upscaler: null, guidance: null, guidanceRescale: 0, guidanceInterval: ALL_NOISE, levelSteps: 0, eta: null },
    draw: async ({ noise: [{ initial }], onStep }) => {
      await onStep(1);
      return tf.clone(initial);
    },
  });
}

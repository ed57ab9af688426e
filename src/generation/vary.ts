// New versions of given sounds: their latents with noise on them, drawn from there.
import { requireNumber } from '../base/checks.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { checkOperation, createRedraw, requireOnePerClip, soleLabel, withSettings, wordsOfMixes, type OperationClip, type OperationRequest } from './_redraw.js';
import { renderClips } from './_render.js';
import { createSoundEncoder, recordSound, requireSlice, type InputSound } from './_sounds.js';
import { describeMix } from './mix.js';

/** What is asked of varySounds. */
export interface VaryRequest extends OperationRequest {
  /** One per clip, of the model's channels at its rate and no longer than its slice; shorter ones are filled with silence. */
  readonly sounds: readonly InputSound[];
  /** 0: the round trip through the autoencoder alone; 1: a new clip that knows nothing of the sound; between, ever further from it. */
  readonly strength: number;
}

/**
 * Draws a new version of each sound, in order, batch by batch. A clip depends on its sound, seed, mix and settings, not on what it is
 * drawn with. At strength 1 it is what generateClips draws for that seed, as loud as guidance makes it. It has the length of the model's slice.
 *
 * Memory: no tensor is left after each clip is taken, nor when the iteration is ended early.
 * @throws MelstromError at once when the request does not fit the pipeline; the signal's reason when aborted, within one step
 */
export function varySounds(pipeline: Pipeline, request: VaryRequest): AsyncGenerator<OperationClip> {
  const { sounds, seeds, signal, mixes = seeds.map(() => ({})) } = request;
  const strength = requireNumber('strength', request.strength, { min: 0, max: 1, fix: '0 keeps the sound, 1 ignores it.' });
  checkOperation(pipeline, request);
  requireOnePerClip('sounds', sounds, seeds);
  const samples = sounds.map((sound, index) => requireSlice(pipeline, sound, `sounds[${index}]`));
  const encoder = createSoundEncoder(pipeline);
  const { how, run } = createRedraw(pipeline, request, strength);
  const clips = renderClips({
    pipeline,
    request,
    labels: mixes.map(soleLabel),
    words: wordsOfMixes(pipeline, mixes),
    how,
    draw: async ({ items, noise, onStep }) => {
      const clean = encoder.latents(items.map((item) => encoder.image(samples[item])));
      try {
        return await run({ clean, noise, mixes: items.map((item) => mixes[item]), onStep, signal });
      } finally {
        clean.dispose();
      }
    },
  });
  return withSettings(clips, async (index) => ({
    operation: 'vary' as const,
    operationSettings: { strength, input: await recordSound(samples[index], sounds[index]), mix: describeMix(pipeline, mixes[index]) },
  }));
}

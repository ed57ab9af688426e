// New clips after several labels or prompts at weights, away from others.
import type { Pipeline } from '../pipeline/pipeline.js';
import { checkOperation, createRedraw, soleLabel, withSettings, wordsOfMixes, type OperationClip, type OperationRequest } from './_redraw.js';
import { renderClips } from './_render.js';
import { describeMix, type SoundMix } from './mix.js';

/** What is asked of combineClips. */
export interface CombineRequest extends OperationRequest {
  /** What each clip is to be, one per clip. */
  readonly mixes: readonly SoundMix[];
}

/**
 * Draws one clip per seed after its mix: at every step the network answers for each part, and what is drawn follows the mean of the
 * answers by weight, led away from that of the negative parts. A mix of one label is what generateClips draws.
 *
 * Memory: no tensor is left after each clip is taken, nor when the iteration is ended early.
 * @throws MelstromError at once when the request does not fit the pipeline; the signal's reason when aborted, within one step
 */
export function combineClips(pipeline: Pipeline, request: CombineRequest): AsyncGenerator<OperationClip> {
  const { mixes, signal } = request;
  checkOperation(pipeline, request);
  const { how, run } = createRedraw(pipeline, request);
  const clips = renderClips({
    pipeline,
    request,
    labels: mixes.map(soleLabel),
    words: wordsOfMixes(pipeline, mixes),
    how,
    draw: ({ items, noise, onStep }) => run({ clean: null, noise, mixes: items.map((item) => mixes[item]), onStep, signal }),
  });
  return withSettings(clips, async (index) => ({ operation: 'combine' as const, operationSettings: { mix: describeMix(pipeline, mixes[index]) } }));
}

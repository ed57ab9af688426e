// New clips after several labels or prompts at weights, away from others.
import type * as tf from '@tensorflow/tfjs';
import type { Pipeline } from '../pipeline/pipeline.js';
import { checkOperation, createRedraw, soleLabel, withSettings, wordsOfMixes, type OperationClip, type OperationRequest, type Redraw } from './_redraw.js';
import { renderClips, type Batch } from './_render.js';
import { createUnguidedLevel } from './_unguided-level.js';
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
  const redraw = createRedraw(pipeline, request);
  const level = createUnguidedLevel(pipeline, request);
  const drawBy = ({ run }: Redraw) => ({ items, noise, onStep }: Batch): Promise<tf.Tensor4D> => run({ clean: null, noise, mixes: items.map((item) => mixes[item]), onStep, signal });
  const clips = renderClips({
    pipeline,
    request,
    labels: mixes.map(soleLabel),
    words: wordsOfMixes(pipeline, mixes),
    how: { ...redraw.how, levelSteps: level?.steps ?? 0 },
    draw: drawBy(redraw),
    level: level && { ...level, draw: drawBy(createRedraw(level.pipeline, level.settings)) },
  });
  return withSettings(clips, async (index) => ({ operation: 'combine' as const, operationSettings: { mix: describeMix(pipeline, mixes[index]) } }));
}

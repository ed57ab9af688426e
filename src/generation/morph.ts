// From one sound to another in even steps: between the noise of two seeds or of two sounds, and between what each is to be.
import * as tf from '@tensorflow/tfjs';
import { requireInteger } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { createMorphPath } from './_morph-path.js';
import { checkOperation, createRedraw, soleLabel, withSettings, wordsOfMixes, type OperationClip, type OperationRequest, type Redraw } from './_redraw.js';
import { renderClips } from './_render.js';
import { createUnguidedLevel, type UnguidedLevel } from './_unguided-level.js';
import { createSoundEncoder, recordSound, requireSlice, type InputSound, type SoundSamples } from './_sounds.js';
import { resultShape } from './length.js';
import { blendMixes, describeMix, type SoundMix } from './mix.js';
import type { EndRecord } from './operation.js';

/** Where a morph begins or ends. */
export interface MorphEnd {
  /** Its noise; the clip of that seed is the end. Default that of the request. Not with a sound. */
  readonly seed?: number;
  /** The sound whose round trip through the autoencoder is the end; its noise is found by inversion. */
  readonly sound?: InputSound;
  /** Default nothing in particular. */
  readonly mix?: SoundMix;
}

/** What is asked of morphSounds. */
export interface MorphRequest extends Omit<OperationRequest, 'seeds' | 'mixes'> {
  readonly from: MorphEnd;
  readonly to: MorphEnd;
  /** Clips from one end to the other, both among them. At least 2. */
  readonly count: number;
  /** Noise of ends that name none, and phases of the vocoder between sounds. Default 0. */
  readonly seed?: number;
  /** How often the clips between are drawn again, nearer to even steps each time. 0 takes positions that are even, whatever is heard. Default 3. */
  readonly rounds?: number;
  /** Corrections per step of the inversion, for sounds. More: their noise leads back to them nearer. Default 3. */
  readonly corrections?: number;
}

/**
 * Draws a morph, from the one end to the other. The noise goes along the sphere, the weights of the two mixes evenly, and positions
 * are moved until each clip is as far from the next, by the mean change of a cell in decibels. What inversion misses of a sound is
 * added back, less the further from its end: so the ends are the round trips of their sounds, whatever the steps.
 *
 * Memory: no tensor is left after each clip is taken, nor when the iteration is ended early.
 * @throws MelstromError at once when the request does not fit the pipeline, or when sounds are to be morphed by a sampler that adds
 * fresh noise; the signal's reason when aborted, within one step
 */
export function morphSounds(pipeline: Pipeline, request: MorphRequest): AsyncGenerator<OperationClip> {
  const { count, seed = 0, rounds = 3, corrections = 3 } = request;
  requireInteger('count', count, { min: 2, fix: 'The two ends are among them.' });
  requireInteger('rounds', rounds, { min: 0, max: 20 });
  requireInteger('corrections', corrections, { min: 0, max: 100 });
  const ends = ([['from', request.from], ['to', request.to]] as const).map(([where, end]) => resolveEnd(pipeline, { where, end, seed }));
  const seeds = Array.from({ length: count }, (_, index) => (index === count - 1 ? ends[1].seed : ends[0].seed));
  checkOperation(pipeline, { ...request, seeds });
  checkOperation(pipeline, { ...request, seeds: [0, 0], mixes: ends.map(({ mix }) => mix) });
  const redraw = createRedraw(pipeline, request);
  if (redraw.addsNoise && ends.some(({ samples }) => samples !== null)) {
    throw new MelstromError({ kind: 'usage', where: 'sampler', got: `${redraw.how.sampler}, which adds fresh noise`, expected: 'one without, such as ddim or dpmpp2m', fix: 'Only then a noise leads back to a sound.' });
  }
  const isBetweenSounds = ends.some(({ samples }) => samples !== null); // which have their level
  const level = isBetweenSounds ? null : createUnguidedLevel(pipeline, request);
  return drawMorph(pipeline, request, { ends, seeds, redraw, level, rounds, corrections });
}

/** An end with nothing left open. */
export interface ResolvedEnd {
  /** Of its noise, or of the vocoder's phases where it is a sound. */
  readonly seed: number;
  readonly samples: SoundSamples | null;
  readonly file: string | undefined;
  readonly downmix: InputSound['downmix'];
  readonly mix: SoundMix;
}

function resolveEnd(pipeline: Pipeline, { where, end, seed }: { where: string; end: MorphEnd; seed: number }): ResolvedEnd {
  if (end.sound !== undefined && end.seed !== undefined) throw new MelstromError({ kind: 'usage', where, got: 'a sound and a seed', expected: 'one of them' });
  const samples = end.sound === undefined ? null : requireSlice(pipeline, end.sound, `${where}.sound`);
  return { seed: requireInteger(`${where}.seed`, end.seed ?? seed, { min: 0 }), samples, file: end.sound?.file, downmix: end.sound?.downmix, mix: end.mix ?? {} };
}

interface MorphParts {
  readonly ends: readonly ResolvedEnd[];
  readonly seeds: readonly number[];
  readonly redraw: Redraw;
  readonly level: UnguidedLevel | null;
  readonly rounds: number;
  readonly corrections: number;
}

async function* drawMorph(pipeline: Pipeline, request: MorphRequest, { ends, seeds, redraw, level, rounds, corrections }: MorphParts): AsyncGenerator<OperationClip> {
  const { count, batchSize = 16, signal, onStep, onPreview, previewEvery } = request;
  const [from, to] = ends;
  const soundCount = ends.filter(({ samples }) => samples !== null).length;
  const stepsEach = redraw.steps + (level?.steps ?? 0);
  const batches = (clips: number): number => Math.ceil(clips / batchSize) * stepsEach;
  const totalSteps = soundCount * redraw.steps + stepsEach + batches(count - 2) + rounds * batches(count - 2);
  let doneSteps = 0;
  const report = (doneClips: number): void => onStep?.({ doneSteps, totalSteps, doneClips, totalClips: count });
  const path = await createMorphPath(pipeline, {
    ends, redraw, level: level && { ...level, redraw: createRedraw(level.pipeline, level.settings) }, corrections, batchSize, signal, previewEvery,
    ...(onPreview && { onPreview: (preview) => onPreview({ ...preview, seed: seeds[preview.index], firstFrame: 0 }) }),
    encoder: createSoundEncoder(pipeline),
    onStep: () => {
      doneSteps += 1;
      report(0);
    },
  });
  const points = await path.evenPoints(count, rounds);
  doneSteps = totalSteps;
  const mixes = points.map(({ position }) => blendMixes(from.mix, to.mix, position));
  const clips = renderClips({
    pipeline,
    request: { ...request, seeds, onStep: undefined, onPreview: undefined },
    labels: mixes.map(soleLabel),
    words: wordsOfMixes(pipeline, mixes),
    how: { ...redraw.how, levelSteps: level?.steps ?? 0 },
    draw: async ({ items }) => stackOf(pipeline, items.map((item) => points[item].latents)),
    level: level && { ...level, steps: 0, draw: async ({ items }) => stackOf(pipeline, items.map((item) => points[item].unguided!)) },
  });
  const records = await Promise.all(ends.map((end) => recordEnd(pipeline, end)));
  const told = withSettings(clips, async (index) => ({
    operation: 'morph' as const,
    operationSettings: { from: records[0], to: records[1], seed: request.seed ?? 0, index, count, rounds, corrections, position: points[index].position, changeDb: points[index].changeDb },
  }));
  for await (const clip of told) {
    report(clip.index + 1);
    yield clip;
  }
}

/** Memory: the caller disposes. */
function stackOf(pipeline: Pipeline, items: readonly Float32Array[]): tf.Tensor4D {
  const shape = resultShape(pipeline);
  return tf.tidy(() => tf.stack(items.map((values) => tf.tensor3d(values, [...shape]))) as tf.Tensor4D);
}

async function recordEnd(pipeline: Pipeline, { seed, samples, file, downmix, mix }: ResolvedEnd): Promise<EndRecord> {
  const input = samples === null ? null : await recordSound(samples, { file, downmix });
  return { seed: input === null ? seed : null, input, mix: describeMix(pipeline, mix) };
}

// Every operation as a sequence of events: progress, previews and clips in order; stopped within one step, with nothing half done.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  combineClips, extendClips, fillSounds, generateClips, generateFromVaePrior, morphSounds, varySounds, watchClips, type GeneratedClip, type GenerationEvent, type GenerationProgress, type Preview,
} from '../../src/generation/index.js';
import { writeClip, writeGenerated } from '../../src/generation/write.node.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { joinFrames } from '../../src/spectrogram/frames.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import type { Vocoder } from '../../src/vocoder/vocoder.js';
import { SMALL_MEL, smallPipeline } from '../pipeline/small-pipeline.js';
import { progressivePipeline } from '../pipeline/small-upscaler.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { collect, ROUNDING, sound, vocoder } from './_operations.js';

useEngine();

let pipeline: Pipeline;
const root = mkdtempSync(join(tmpdir(), 'melstrom é watch-'));
beforeAll(() => {
  pipeline = smallPipeline();
});
afterAll(() => {
  pipeline.dispose();
  rmSync(root, { recursive: true, force: true });
});

interface Watching {
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: GenerationProgress) => void;
  readonly onPreview?: (preview: Preview) => void;
  readonly previewEvery?: number;
}

type Made = (watching?: Watching) => AsyncGenerator<GenerationEvent>;

const seeds = [4, 5, 6];
const sampling = { seeds, steps: 5, guidance: 2, sampler: 'dpmpp2m', batchSize: 2, vocoder } as const;
const sounds = seeds.map((seed) => sound(seed));

/** Each operation that draws three clips in two batches of five steps. */
const OPERATIONS: readonly (readonly [string, Made])[] = [
  ['generate', (more) => watchClips(pipeline, { operation: generateClips, request: { ...sampling, ...more, labels: [0, 1, null] }, previewEvery: more?.previewEvery })],
  ['generate of a long clip', (more) => watchClips(pipeline, { operation: generateClips, request: { ...sampling, ...more, batchSize: 12, labels: [0, 1, null], seconds: 0.4 }, previewEvery: more?.previewEvery })],
  ['extend', (more) => watchClips(pipeline, { operation: extendClips, request: { ...sampling, ...more, batchSize: 4, labels: [0, 1, null], sound: sound(9, 2000), seconds: 0.1, resamples: 1 }, previewEvery: more?.previewEvery })],
  ['vary', (more) => watchClips(pipeline, { operation: varySounds, request: { ...sampling, ...more, sounds, strength: 1 }, previewEvery: more?.previewEvery })],
  ['fill', (more) => watchClips(pipeline, { operation: fillSounds, request: { ...sampling, ...more, sounds, region: { fromSeconds: 0.04, toSeconds: 0.08 } }, previewEvery: more?.previewEvery })],
  ['combine', (more) => watchClips(pipeline, { operation: combineClips, request: { ...sampling, ...more, mixes: seeds.map(() => ({ parts: [{ label: 0 }, { label: 1 }] })) }, previewEvery: more?.previewEvery })],
];

async function all(events: AsyncIterable<GenerationEvent>): Promise<GenerationEvent[]> {
  const seen: GenerationEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

/** An event in a few letters. */
const brief = (event: GenerationEvent): string => {
  if (event.kind === 'progress') return `step ${event.progress.doneSteps}/${event.progress.totalSteps}`;
  return event.kind === 'clip' ? `clip ${event.clip.index}` : `preview ${event.preview.index} at ${event.preview.doneSteps}/${event.preview.totalSteps}`;
};

async function* clipsOf(events: AsyncIterable<GenerationEvent>): AsyncGenerator<GeneratedClip> {
  for await (const event of events) if (event.kind === 'clip') yield event.clip;
}

describe.each(OPERATIONS)('%s, watched', (name, make) => {
  it('tells of every step, of previews as often as asked, and of each clip, in order', async () => {
    expect((await all(make({ previewEvery: 2 }))).map(brief)).toEqual([
      'step 1/10', 'step 2/10', 'preview 0 at 2/5', 'preview 1 at 2/5', 'step 3/10', 'step 4/10', 'preview 0 at 4/5', 'preview 1 at 4/5', 'step 5/10', 'clip 0', 'clip 1',
      'step 6/10', 'step 7/10', 'preview 2 at 2/5', 'step 8/10', 'step 9/10', 'preview 2 at 4/5', 'step 10/10', 'clip 2',
    ]);
  });

  it('makes the same clips as unwatched, and previews that come nearer to them', async () => {
    const plain = await all(make());
    expect(plain.some(({ kind }) => kind === 'preview')).toBe(false);
    const told: string[] = [];
    const events = await all(make({ previewEvery: 1, onStep: ({ doneSteps }) => told.push(`step ${doneSteps}`), onPreview: ({ index }) => told.push(`preview ${index}`) }));
    const clips = events.flatMap((event) => (event.kind === 'clip' ? [event.clip] : []));
    expect(clips).toEqual(plain.flatMap((event) => (event.kind === 'clip' ? [event.clip] : [])));
    expect(told.slice(0, 4)).toEqual(['step 1', 'preview 0', 'preview 1', 'step 2']);
    const previews = events.flatMap((event) => (event.kind === 'preview' && event.preview.index === 2 ? [event.preview] : []));
    expect(previews.map(({ doneSteps, seed }) => [doneSteps, seed])).toEqual([[1, 6], [2, 6], [3, 6], [4, 6]]);
    for (const { image } of previews) {
      expect([image.frameCount, image.data.length]).toEqual([clips[2].image.frameCount, clips[2].image.data.length]);
      expect(image.data.every((value) => value >= -1 && value <= 1)).toBe(true);
    }
    const distances = previews.map(({ image }) => image.data.reduce((sum, value, cell) => sum + Math.abs(value - clips[2].image.data[cell]), 0));
    expect(distances.at(-1)).toBeLessThan(distances[0]);
    expect(vocoder.invert(previews[0].image).channels[0].every(Number.isFinite)).toBe(true);
  });

  it('stops within one step when aborted or left, keeps whole clips on the disk alone, and leaves no tensor', async () => {
    await all(make());
    const before = tf.memory().numTensors;
    for (const [step, kept] of [[1, 0], [4, 0], [7, 2]] as const) {
      const abort = new AbortController();
      let steps = 0;
      const events = make({
        signal: abort.signal, previewEvery: 1,
        onStep: () => {
          steps += 1;
          if (steps === step) abort.abort(new Error('enough'));
        },
      });
      const folder = mkdtempSync(join(root, `${name}-${step}-`));
      await expect((async () => {
        for await (const _ of writeGenerated(folder, ['a', 'b', 'c'], clipsOf(events), { png: true }));
      })()).rejects.toThrow('enough');
      expect(steps).toBe(step);
      expect(readdirSync(folder).sort()).toEqual(['a', 'b'].slice(0, kept).flatMap((clip) => ['json', 'png', 'wav'].map((ending) => `${clip}.${ending}`)));
      expect(tf.memory().numTensors).toBe(before);
    }
    for (const leaveAt of ['step 2/10', 'preview 1 at 3/5', 'clip 0', 'step 9/10']) {
      let steps = 0;
      let atLeaving = 0;
      for await (const event of make({ previewEvery: 1, onStep: () => (steps += 1) })) {
        if (brief(event) !== leaveAt) continue;
        atLeaving = steps;
        break;
      }
      expect(atLeaving, leaveAt).toBeGreaterThan(0);
      expect(steps - atLeaving).toBeLessThanOrEqual(1);
      expect(tf.memory().numTensors).toBe(before);
    }
  });
});

describe('watchClips', () => {
  it('refuses at once what does not fit, and what was aborted before', async () => {
    const request = { ...sampling, labels: [0, 1, null] };
    expect(() => watchClips(pipeline, { operation: generateClips, request, previewEvery: 0 })).toThrow('previewEvery: got 0');
    expect(() => watchClips(pipeline, { operation: generateClips, request: { ...request, steps: 0 } })).toThrow('steps: got 0');
    await expect(all(watchClips(pipeline, { operation: generateClips, request: { ...request, signal: AbortSignal.abort(new Error('before')) } }))).rejects.toThrow('before');
  });

  it('passes on what an operation throws, and what a callback does', async () => {
    const broken = smallPipeline();
    broken.unet!.parameters.get('conv_out.bias').variable.assign(tf.tensor1d([Number.NaN, 0, 0]));
    const request = { ...sampling, labels: [0, 1, null] };
    await expect(all(watchClips(broken, { operation: generateClips, request }))).rejects.toThrow('seed 4');
    broken.dispose();
    const before = tf.memory().numTensors;
    const onPreview = async (): Promise<void> => Promise.reject(new Error('the screen is gone'));
    await expect(all(watchClips(pipeline, { operation: generateClips, request: { ...request, onPreview }, previewEvery: 1 }))).rejects.toThrow('the screen is gone');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('begins no clip before the one before has been taken', async () => {
    let steps = 0;
    for await (const event of OPERATIONS[0][1]({ onStep: () => (steps += 1) })) {
      if (event.kind !== 'clip') continue;
      const atClip = steps;
      await new Promise((resolve) => {
        setTimeout(resolve, 30);
      });
      expect(steps).toBe(atClip);
    }
    expect(steps).toBe(10);
  });

  it('shows previews of a model that draws a small image first at the size of the whole, and none of its prior', async () => {
    const progressive = progressivePipeline();
    const drawn = await all(watchClips(progressive, { operation: generateClips, request: { ...sampling, seeds: [4], labels: [0], steps: 2, upscalerSteps: 2 }, previewEvery: 1 }));
    expect(drawn.map(brief)).toEqual(['step 1/4', 'preview 0 at 1/4', 'step 2/4', 'preview 0 at 2/4', 'step 3/4', 'preview 0 at 3/4', 'step 4/4', 'clip 0']);
    for (const event of drawn) if (event.kind === 'preview') expect(event.preview.image.data.length).toBe(SMALL_MEL.melBins * SMALL_MEL.frames);
    progressive.dispose();
    const prior = await all(watchClips(pipeline, { operation: generateFromVaePrior, request: { seeds: [1], vocoder }, previewEvery: 1 }));
    expect(prior.map(brief)).toEqual(['step 1/1', 'clip 0']);
  });

  it('shows previews of a morph: of the ends, then of what lies between, round after round, nearer and nearer to the clips', async () => {
    const request = { ...sampling, seeds: undefined, from: { seed: 1 }, to: { sound: sounds[0] }, count: 3, rounds: 0 };
    const morph = await all(watchClips(pipeline, { operation: morphSounds, request, previewEvery: 2 }));
    const clips = morph.flatMap((event) => (event.kind === 'clip' ? [event.clip] : []));
    const previews = morph.flatMap((event) => (event.kind === 'preview' ? [event.preview] : []));
    expect(clips.length).toBe(3);
    expect(previews.map(({ index, seed, doneSteps, totalSteps, firstFrame }) => [index, seed, doneSteps, totalSteps, firstFrame])).toEqual([[0, 1, 2, 5, 0], [2, 0, 2, 5, 0], [0, 1, 4, 5, 0], [2, 0, 4, 5, 0], [1, 1, 2, 5, 0], [1, 1, 4, 5, 0]]);
    const distance = ({ index, image }: Preview): number => image.data.reduce((sum, value, cell) => sum + Math.abs(value - clips[index].image.data[cell]), 0);
    expect(distance(previews[2])).toBeLessThan(distance(previews[0]));
    expect(distance(previews[5])).toBeLessThan(distance(previews[4]));
    expect(distance(previews[1])).toBeLessThan(1e-3); // a sound is its own round trip from the start
    const rounds = await all(watchClips(pipeline, { operation: morphSounds, request: { ...request, count: 4, rounds: 1 }, previewEvery: 5 }));
    expect(rounds.filter(({ kind }) => kind === 'preview').map(brief)).toEqual(['preview 1 at 5/10', 'preview 2 at 5/10']);
  });

  it('leaves no tensor of a morph that is watched to its end, left, or whose watcher fails', async () => {
    const request = { ...sampling, seeds: undefined, from: { seed: 1 }, to: { seed: 2 }, count: 3, rounds: 0 };
    await all(watchClips(pipeline, { operation: morphSounds, request, previewEvery: 1 }));
    const before = tf.memory().numTensors;
    await all(watchClips(pipeline, { operation: morphSounds, request, previewEvery: 1 }));
    for (const kind of ['progress', 'preview']) for await (const event of watchClips(pipeline, { operation: morphSounds, request, previewEvery: 1 })) if (event.kind === kind) break;
    const onPreview = async (): Promise<void> => Promise.reject(new Error('the screen is gone'));
    await expect(all(watchClips(pipeline, { operation: morphSounds, request: { ...request, onPreview }, previewEvery: 1 }))).rejects.toThrow('the screen is gone');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('shows a streamed clip stretch by stretch, each before it is made sound of', async () => {
    const quick = createGriffinLimVocoder(SMALL_MEL, { iterations: 1 });
    const inverted: number[] = [];
    const own: Vocoder = { ...quick, invert: (image, asked) => (inverted.push(image.frameCount), quick.invert(image, asked)) };
    const seen: [number, number][] = [];
    const request = { ...sampling, steps: 2, seeds: [4], labels: [0], seconds: 9.1, vocoder: own, onPreview: ({ firstFrame }: Preview) => void seen.push([firstFrame, inverted.length]) };
    const events = await all(watchClips(pipeline, { operation: generateClips, request, previewEvery: 1 }));
    const previews = events.flatMap((event) => (event.kind === 'preview' ? [event.preview] : []));
    const [clip] = events.flatMap((event) => (event.kind === 'clip' ? [event.clip] : []));
    expect(seen.map(([, count]) => count)).toEqual([0, 1]);
    expect(previews.map(({ firstFrame }) => firstFrame)).toEqual([0, previews[0].image.frameCount]);
    expect(joinFrames(previews.map(({ image }) => image)).data).toEqual(clip.image.data);
    expect(previews.map(({ doneSteps, totalSteps }) => doneSteps <= totalSteps && totalSteps === 2)).toEqual([true, true]);
    const extended = await all(watchClips(pipeline, { operation: extendClips, request: { ...sampling, steps: 1, seeds: [4], labels: [0], sound: sound(9, 2000), seconds: 4.3, resamples: 0, vocoder: quick }, previewEvery: 1 }));
    expect(extended.some(({ kind }) => kind === 'preview')).toBe(true);
  });

  it('gives clips of an operation with its own settings in their sidecars', async () => {
    const request = { ...sampling, sounds, strength: 0.5 };
    const plain = await collect(varySounds(pipeline, request));
    for await (const event of watchClips(pipeline, { operation: varySounds, request })) {
      if (event.kind !== 'clip') continue;
      expectClose(event.clip.image.data, plain[event.clip.index].image.data, ROUNDING);
      expect(event.clip.sidecar.operationSettings).toEqual(plain[event.clip.index].sidecar.operationSettings);
      await writeClip(root, `vary ${event.clip.index}`, event.clip);
    }
    expect(readdirSync(root).filter((file) => file.startsWith('vary ')).length).toBeGreaterThanOrEqual(3 * 2);
  });
});

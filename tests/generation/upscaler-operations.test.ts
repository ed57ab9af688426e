// Operations on sounds and between several things with a model that draws a small image first.
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  combineClips, extendClips, fillSounds, generateClips, morphSounds, repeatOperation, varySounds, type GeneratedClip, type OperationClip,
} from '../../src/generation/index.js';
import type { Unet2dInputs } from '../../src/models/index.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { createImageCodec } from '../../src/spectrogram/image-codec.js';
import { SMALL_MEL } from '../pipeline/small-pipeline.js';
import { progressivePipeline, smallUpscaler } from '../pipeline/small-upscaler.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { collect, ROUNDING, sound, vocoder } from './_operations.js';

useEngine();

let pipeline: Pipeline;
beforeAll(() => {
  pipeline = progressivePipeline();
});
afterAll(() => pipeline.dispose());

const sampling = { sampler: 'ddim', steps: 3, guidance: 2, vocoder, batchSize: 16 } as const;
const one = { ...sampling, seeds: [4], mixes: [{ parts: [{ label: 1 }] }], sounds: [sound(1)] };
const REGION = { fromSeconds: 0.03, toSeconds: 0.08 };

const first = async <T extends GeneratedClip>(clips: AsyncIterable<T>): Promise<T> => (await collect(clips))[0];

/** The image of a sound, filled with silence to the slice. */
function imageOf(number: number): Float32Array {
  const padded = new Float32Array((SMALL_MEL.frames - 1) * SMALL_MEL.hopSamples);
  padded.set(sound(number).channels[0]);
  return createImageCodec(SMALL_MEL).analyse([padded]).data;
}

/** What the upscaler is to see of an image, scaled as the pipeline says: means of squares of two by two cells, each in the place of its four. Shape: [8, 16]. */
function blurred(image: Float32Array): Float32Array {
  return image.map((_, cell) => {
    const [row, frame] = [Math.floor(cell / 16) & ~1, cell % 16 & ~1];
    const mean = (image[row * 16 + frame] + image[row * 16 + frame + 1] + image[(row + 1) * 16 + frame] + image[(row + 1) * 16 + frame + 1]) / 4;
    return (mean - pipeline.latentShift) * pipeline.latentScale;
  });
}

/** A pipeline of fresh networks, and what its upscaler is shown beside the noisy image at each call. Memory: the caller disposes. */
function watchedPipeline(): { readonly watched: Pipeline; readonly shown: Float32Array[] } {
  const shown: Float32Array[] = [];
  const unet = smallUpscaler();
  const forward = unet.forward.bind(unet);
  unet.forward = (inputs: Unet2dInputs) => {
    shown.push(tf.tidy(() => tf.slice(inputs.sample, [0, 0, 0, 1], [1, -1, -1, 1]).dataSync()) as Float32Array);
    return forward(inputs);
  };
  return { watched: progressivePipeline({ upscaler: { factor: 2, unet } }), shown };
}

describe('combine', () => {
  it('of one label is what generate draws, and takes steps of the upscaler of its own', async () => {
    const drawn = await first(combineClips(pipeline, one));
    const generated = await first(generateClips(pipeline, { ...sampling, seeds: [4], labels: [1] }));
    expectClose(drawn.image.data, generated.image.data, ROUNDING);
    expect(drawn.sidecar).toMatchObject({ operation: 'combine', steps: 3, upscaler: { factor: 2, steps: 3 } });
    const quicker = await first(combineClips(pipeline, { ...one, upscalerSteps: 1 }));
    expect(quicker.sidecar.upscaler).toEqual({ factor: 2, steps: 1 });
    expect(quicker.image.data).not.toEqual(drawn.image.data);
  });
});

describe('vary', () => {
  it('at strength 0 is the image of the sound, at 1 what generate draws, and between starts both images from the sound', async () => {
    const at = async (strength: number): Promise<Float32Array> => (await first(varySounds(pipeline, { ...one, strength }))).image.data;
    expectClose(await at(0), imageOf(1), { absolute: 1e-6 });
    const generated = await first(generateClips(pipeline, { ...sampling, seeds: [4], labels: [1] }));
    expectClose(await at(1), generated.image.data, ROUNDING);
    const { watched, shown } = watchedPipeline();
    const near = await first(varySounds(watched, { ...one, strength: 0.001 }));
    expectClose(near.image.data, imageOf(1), { absolute: 0.1, reason: 'a little noise, and what an untrained network makes of it' });
    expect(shown.length).toBe(1); // conditional and unconditional in one batch, in the last step alone
    expectClose(shown[0], blurred(imageOf(1)), { absolute: 0.1, reason: 'as above' });
    watched.dispose();
  });
});

describe('fill', () => {
  it('keeps what is outside the region in both images and in the sound', async () => {
    const { watched, shown } = watchedPipeline();
    const { image, clip, sidecar } = await first(fillSounds(watched, { ...one, region: REGION, detail: 0, holdSeconds: 0 }));
    const [own, drawn] = [sound(1).channels[0], clip.channels[0]];
    expect([drawn.subarray(0, 240), drawn.subarray(640)]).toEqual([own.subarray(0, 240), own.subarray(640)]);
    expect(drawn.subarray(300, 560)).not.toEqual(own.subarray(300, 560));
    expect(sidecar).toMatchObject({ operation: 'fill', upscaler: { factor: 2, steps: 3 } });
    const [seen, whole] = [blurred(imageOf(1)), imageOf(1)];
    for (let row = 0; row < 8; row += 1) {
      for (const frame of [0, 14, 15]) expect(image.data[row * 16 + frame]).toBe(whole[row * 16 + frame]);
      for (const frame of [14, 15]) for (const values of shown) expect(values[row * 16 + frame]).toBeCloseTo(seen[row * 16 + frame], 5);
    }
    expect(shown.length).toBeGreaterThan(0);
    const other = await first(fillSounds(watched, { ...one, seeds: [5], region: REGION }));
    expect(other.clip.channels[0].subarray(300, 560)).not.toEqual(drawn.subarray(300, 560));
    watched.dispose();
  });
});

describe('extend', () => {
  const request = { ...sampling, seeds: [4], labels: [1], sound: sound(2, 2000) };

  it.each([[false, 0.05], [false, 0.3], [true, 0.05], [true, 0.3]])('keeps the sound, and shows it to both networks (before: %s, by %d s)', async (isBefore, seconds) => {
    const { watched, shown } = watchedPipeline();
    const { clip, sidecar } = await first(extendClips(watched, { ...request, isBefore, seconds, heedRounds: 0 }));
    const calls = shown.length;
    const other = await first(extendClips(watched, { ...request, seeds: [9], isBefore, seconds, heedRounds: 0 }));
    const [added, own, margin] = [Math.round(8000 * seconds), request.sound.channels[0], sidecar.extension!.marginSeconds * 8000];
    expect(clip.channels[0].length).toBe(2000 + added);
    const kept = isBefore ? clip.channels[0].subarray(added + margin) : clip.channels[0].subarray(0, 2000 - margin);
    expect(kept).toEqual(isBefore ? own.subarray(margin) : own.subarray(0, 2000 - margin));
    const isNew = ({ channels: [samples] }: GeneratedClip['clip']): Float32Array => (isBefore ? samples.subarray(0, added) : samples.subarray(2000));
    expect(isNew(other.clip)).not.toEqual(isNew(clip));
    if (seconds === 0.05) { // one window alone: what it has of the sound is shown alike whatever the seed, and the rest is not
      const columns = (frame: number): number[][] => [shown[0], shown[calls]].map((values) => Array.from({ length: 8 }, (_, row) => values[row * 16 + frame]));
      const [[here, there], [one, two]] = [columns(isBefore ? 15 : 0), columns(isBefore ? 0 : 15)];
      expect(here).toEqual(there);
      expect(one).not.toEqual(two);
    }
    const heeded = await first(extendClips(watched, { ...request, isBefore, seconds, resamples: 1 }));
    expect(isNew(heeded.clip)).not.toEqual(isNew(clip));
    watched.dispose();
  });
});

describe('a long extension', () => {
  it.each([false, true])('is drawn as it is read, as the whole is (before: %s)', async (isBefore) => {
    const silence = { name: 'silence', invert: (_: unknown, { sampleCount = 0 }: { sampleCount?: number } = {}) => ({ sampleRateHz: 8000, channels: [new Float32Array(sampleCount)] }) };
    const asked = { ...sampling, steps: 2, seeds: [4], labels: [1], sound: sound(2, 2000), seconds: 4.5, isBefore, heedRounds: 1, resamples: 1 };
    const whole = await first(extendClips(pipeline, { ...asked, vocoder: silence }));
    const before = tf.memory().numTensors;
    const streamed = await first(extendClips(pipeline, { ...asked, vocoder: { ...silence, isContinuing: true } }));
    expect(tf.memory().numTensors).toBe(before);
    expect(streamed.sidecar).toMatchObject({ upscaler: { factor: 2, steps: 2 } });
    expectClose(streamed.image.data, whole.image.data, { absolute: 1e-3, reason: 'the networks round otherwise in another batch' });
  });
});

describe('morph', () => {
  it('ends in the clips of its seeds, and in the images of its sounds', async () => {
    const [from, , to] = await collect(morphSounds(pipeline, { ...sampling, from: { seed: 4, mix: { parts: [{ label: 1 }] } }, to: { seed: 5, mix: { parts: [{ label: 0 }] } }, count: 3, rounds: 0 }));
    const drawn = await collect(generateClips(pipeline, { ...sampling, seeds: [4, 5], labels: [1, 0] }));
    [from, to].forEach(({ image }, end) => expectClose(image.data, drawn[end].image.data, ROUNDING));
    const steps: number[] = [];
    const between = await collect(morphSounds(pipeline, { ...sampling, upscalerSteps: 2, from: { sound: sound(1) }, to: { sound: sound(2) }, count: 4, rounds: 1, onStep: ({ doneSteps, totalSteps }) => steps.push(doneSteps / totalSteps) }));
    [between[0], between[3]].forEach(({ image }, end) => expectClose(image.data, imageOf(end + 1), { absolute: 1e-6 }));
    expect(between[1].image.data).not.toEqual(between[2].image.data);
    expect([steps[0], steps.at(-1)]).toEqual([expect.any(Number), 1]);
    expect(Math.max(...steps)).toBe(1);
  });
});

describe('every operation', () => {
  const operations: readonly (readonly [string, (model: Pipeline, changes: object) => AsyncIterable<OperationClip>])[] = [
    ['vary', (model, changes) => varySounds(model, { ...one, strength: 0.6, ...changes })],
    ['fill', (model, changes) => fillSounds(model, { ...one, region: REGION, ...changes })],
    ['combine', (model, changes) => combineClips(model, { ...one, ...changes })],
    ['morph', (model, changes) => morphSounds(model, { ...sampling, from: { sound: sound(1) }, to: { seed: 3 }, count: 3, rounds: 0, ...changes })],
  ];

  it.each(operations)('%s comes out again from its record, leaves no tensors, and stops while upscaling', async (_, operate) => {
    const clip = await first(operate(pipeline, { upscalerSteps: 2 }));
    const record = JSON.parse(JSON.stringify(clip.sidecar)) as OperationClip['sidecar'];
    const readSound = async () => sound(1);
    const before = tf.memory().numTensors;
    expect(await first(repeatOperation(pipeline, { record, request: { ...sampling, upscalerSteps: 2, seeds: [clip.seed] }, readSound }))).toEqual(clip);
    const abort = new AbortController();
    const steps: number[] = [];
    await expect(collect(operate(pipeline, { signal: abort.signal, onStep: ({ doneSteps }: { doneSteps: number }) => (steps.push(doneSteps), doneSteps >= 5 && abort.abort()) }))).rejects.toThrow(/abort/i);
    expect(steps.length).toBeLessThan(8);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each(operations)('%s works while the upscaler is not trained, four times enlarged', async (name, operate) => {
    const rough = progressivePipeline({ upscaler: { factor: 4, unet: null } });
    const { image, sidecar } = await first(operate(rough, {}));
    expect(sidecar.upscaler).toEqual({ factor: 4, steps: 0 });
    if (name === 'fill') for (let row = 0; row < 8; row += 1) expect(image.data[row * 16]).toBe(imageOf(1)[row * 16]);
    if (name === 'combine') expect(image.data[0]).toBe(image.data[3]);
    rough.dispose();
  });
});

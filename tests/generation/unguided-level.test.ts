// New clips are as loud as they would be without guidance, where that is asked for.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { combineClips, generateClips, morphSounds, type GeneratedClip, type GenerateRequest } from '../../src/generation/index.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { imageLevelDb } from '../../src/spectrogram/image-level.js';
import type { Vocoder } from '../../src/vocoder/vocoder.js';
import { SMALL_STEREO_MEL, smallPipeline } from '../pipeline/small-pipeline.js';
import { progressivePipeline } from '../pipeline/small-upscaler.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { collect, ROUNDING, sound, vocoder } from './_operations.js';

useEngine();

const request = { labels: [0, 1, 0], seeds: [5, 6, 7], sampler: 'ddim', steps: 6, guidance: 4, levelSteps: 3, vocoder } satisfies GenerateRequest;

/** Of the right length: for what is seen in images alone. */
const silence: Vocoder = { name: 'silence', invert: ({ settings }, { sampleCount = 0 } = {}) => ({ sampleRateHz: 8000, channels: Array.from({ length: settings.channels }, () => new Float32Array(sampleCount)) }) };

let pipeline: Pipeline;
beforeAll(() => {
  pipeline = smallPipeline();
});
afterAll(() => pipeline.dispose());

const draw = (changes: Partial<GenerateRequest> = {}, from = pipeline): Promise<GeneratedClip[]> => collect(generateClips(from, { ...request, ...changes }));
const levels = (clips: readonly GeneratedClip[], square = 1): number[] => clips.map(({ image }) => imageLevelDb(image, square));

describe('levelSteps', () => {
  it.each([2, 4, 8])('gives clips of guidance %d the level of the same clips without, and changes nothing else', async (guidance) => {
    const unguided = await draw({ guidance: 1, levelSteps: 0, sampler: 'dpmpp2m', steps: 3 });
    const [held, free] = [await draw({ guidance }), await draw({ guidance, levelSteps: 0 })];
    levels(held).forEach((level, index) => expect(level).toBeCloseTo(levels(unguided)[index], 1));
    held.forEach(({ image, sidecar }, index) => {
      const moves = Array.from(image.data).flatMap((value, cell) => (Math.abs(value) < 1 ? [value - free[index].image.data[cell]] : []));
      expect(Math.max(...moves) - Math.min(...moves)).toBeLessThan(1e-5);
      expect([sidecar.levelSteps, free[index].sidecar.levelSteps]).toEqual([3, 0]);
    });
    expect(levels(held)).not.toEqual(levels(free));
  });

  it('counts its steps, gives each clip what it gets alone, and takes no more steps than the clip', async () => {
    const seen: number[][] = [];
    const together = await draw({ batchSize: 2, onStep: ({ doneSteps, totalSteps, doneClips }) => seen.push([doneSteps, totalSteps, doneClips]) });
    expect(seen.map(([done]) => done)).toEqual(Array.from({ length: 18 }, (_, index) => index + 1));
    expect(seen[5]).toEqual([6, 18, 0]);
    expect(seen[8]).toEqual([9, 18, 2]);
    const apart = await draw({ batchSize: 1 });
    together.forEach(({ image }, index) => expectClose(apart[index].image.data, image.data, ROUNDING));
    expect((await draw({ steps: 2 }))[0].sidecar.levelSteps).toBe(2);
  });

  it('is nothing without guidance, and without labels', async () => {
    const unlabelled = smallPipeline({ labels: [], unetNetwork: { num_class_embeds: null } });
    const clips = [
      (await draw({ guidance: 1 }))[0], (await draw({ guidance: 0.5 }))[0], (await draw({ labels: [null], seeds: [5] }, unlabelled))[0],
    ];
    expect(clips.map(({ sidecar }) => sidecar.levelSteps)).toEqual([0, 0, 0]);
    unlabelled.dispose();
    expect(() => generateClips(pipeline, { ...request, levelSteps: -1 })).toThrow('levelSteps: got -1');
  });

  it('holds for a loop, and by an excerpt for a clip that is streamed: one gain for all of it, which brings it nearer to the level without guidance', async () => {
    const [loop] = await draw({ isLoop: true, seconds: 0.25, seeds: [5], labels: [0] });
    const [plain] = await draw({ isLoop: true, seconds: 0.25, seeds: [5], labels: [0], guidance: 1, sampler: 'dpmpp2m', steps: 3 });
    expect(levels([loop])[0]).toBeCloseTo(levels([plain])[0], 1);
    const streamed = { guidance: 12, seeds: [5], labels: [0], seconds: 4.5, steps: 4, vocoder: { ...silence, isContinuing: true } };
    const [[held], [free], [unguided]] = [await draw(streamed), await draw({ ...streamed, levelSteps: 0 }), await draw({ ...streamed, guidance: 1, sampler: 'dpmpp2m', steps: 3 })];
    expect([held, free, unguided].map(({ sidecar }) => sidecar.levelSteps)).toEqual([3, 0, 0]);
    const moves = Array.from(held.image.data).flatMap((value, cell) => (Math.abs(value) < 1 && Math.abs(free.image.data[cell]) < 1 ? [value - free.image.data[cell]] : []));
    expect(Math.max(...moves) - Math.min(...moves)).toBeLessThan(1e-5);
    const [at, without, wanted] = levels([held, free, unguided]);
    expect(Math.abs(without - wanted)).toBeGreaterThan(0.5);
    expect(Math.abs(at - wanted)).toBeLessThan(0.6 * Math.abs(without - wanted)); // untrained networks draw much that meets the ceiling
  });

  it('holds for stereo sound, and for a model that draws a small image first, by that image', async () => {
    const stereo = smallPipeline({ mel: SMALL_STEREO_MEL });
    const [held, unguided] = [await draw({ vocoder: silence }, stereo), await draw({ vocoder: silence, guidance: 1, levelSteps: 0, sampler: 'dpmpp2m', steps: 3 }, stereo)];
    levels(held).forEach((level, index) => expect(level).toBeCloseTo(levels(unguided)[index], 1));
    stereo.dispose();
    const [progressive, small] = [progressivePipeline(), progressivePipeline({ upscaler: { factor: 2, unet: null } })];
    const [whole, told] = [await draw({}, progressive), await draw({ guidance: 1, levelSteps: 0, sampler: 'dpmpp2m', steps: 3 }, small)];
    levels(whole, 2).forEach((level, index) => expect(Math.abs(level - levels(told, 2)[index])).toBeLessThan(0.5)); // untrained networks draw much that meets the ceiling
    for (const model of [progressive, small]) model.dispose();
  });

  it('holds for mixes, and for morphs between labels, which end in the clips that generate draws', async () => {
    const generated = await draw();
    const mixes = request.labels.map((label) => ({ parts: [{ label }] }));
    const combined = await collect(combineClips(pipeline, { ...request, mixes }));
    combined.forEach(({ image, sidecar }, index) => {
      expectClose(image.data, generated[index].image.data, ROUNDING);
      expect(sidecar.levelSteps).toBe(3);
    });
    const seen: number[] = [];
    const { seeds: _seeds, labels: _labels, ...sampling } = request;
    const onStep = ({ doneSteps, totalSteps }: { doneSteps: number; totalSteps: number }): number => seen.push(doneSteps / totalSteps);
    const morph = await collect(morphSounds(pipeline, { ...sampling, from: { seed: 5, mix: mixes[0] }, to: { seed: 6, mix: mixes[1] }, count: 4, rounds: 1, onStep }));
    [morph[0], morph[3]].forEach(({ image }, end) => expectClose(image.data, generated[end].image.data, ROUNDING));
    expect(morph[1].sidecar.levelSteps).toBe(3);
    expect([Math.max(...seen), seen.at(-1)]).toEqual([1, 1]);
    const [fromSound] = await collect(morphSounds(pipeline, { ...sampling, from: { sound: sound(1) }, to: { seed: 6 }, count: 2, rounds: 0 }));
    expect(fromSound.sidecar.levelSteps).toBe(0);
  });
});

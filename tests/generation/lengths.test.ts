// Clips of any length and loops: exact lengths, no seam, no decay, whatever the batch, in bounded memory.
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAMPLER_NAMES } from '../../src/diffusion/index.js';
import { clipLength, columnWindows, frameWindows, generateClips, generateFromVaePrior, tempoSeconds, type GeneratedClip, type GenerateRequest } from '../../src/generation/index.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { smallPipeline, SMALL_MEL } from '../pipeline/small-pipeline.js';
import { progressivePipeline } from '../pipeline/small-upscaler.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { fluxAt, imageFlux } from '../support/flux.js';

useEngine();

const vocoder = createGriffinLimVocoder(SMALL_MEL, { iterations: 1 });
const request: GenerateRequest = { labels: [0], seeds: [5], sampler: 'dpmpp2m', steps: 3, guidance: 2, vocoder };

let pipeline: Pipeline;
beforeAll(() => {
  pipeline = smallPipeline();
});
afterAll(() => pipeline.dispose());

async function draw(changes: Partial<GenerateRequest>, from = pipeline): Promise<GeneratedClip[]> {
  const all: GeneratedClip[] = [];
  for await (const clip of generateClips(from, { ...request, ...changes })) all.push(clip);
  return all;
}

describe('clipLength', () => {
  it('takes frames, seconds or bars, to the sample', () => {
    expect(clipLength(pipeline, {})).toMatchObject({ sampleCount: 960, frameCount: 16, drawnFrames: 16, overlap: null });
    expect(clipLength(pipeline, { seconds: 0.05 })).toMatchObject({ sampleCount: 400, frameCount: 7, drawnFrames: 16, overlap: null });
    expect(clipLength(pipeline, { seconds: 1.00007, overlap: 0.25 })).toMatchObject({ sampleCount: 8001, frameCount: 126, drawnFrames: 126, overlap: 0.25 });
    expect(clipLength(pipeline, { isLoop: true, tempo: { bpm: 130, bars: 1, beatsPerBar: 3 } })).toMatchObject({ sampleCount: Math.round((8000 * 180) / 130), isLoop: true });
    expect(clipLength(pipeline, { isLoop: true })).toMatchObject({ sampleCount: 1024, frameCount: 16, drawnFrames: 16, overlap: 0.5 });
    expect(tempoSeconds({ bpm: 120, bars: 2 })).toBe(4);
  });

  it.each([
    [{ seconds: 1, frameCount: 4 }, 'frameCount and seconds: got both'],
    [{ tempo: { bpm: 120, bars: 1 } }, 'tempo: got one, expected none, since the clip is no loop'],
    [{ isLoop: true, seconds: 0.1 }, 'loop: got 0.10 s, expected at least 0.13 s, the length that the model draws at once'],
    [{ seconds: 0 }, 'seconds: got 0'],
    [{ seconds: Infinity }, 'seconds: got Infinity'],
    [{ overlap: 0.95 }, 'overlap: got 0.95'],
    [{ isLoop: true, tempo: { bpm: 0, bars: 1 } }, 'tempo: bpm: got 0'],
    [{ isLoop: true, tempo: { bpm: 120, bars: 0 } }, 'tempo: bars: got 0'],
    [{ isLoop: true, tempo: { bpm: 120, bars: 1, beatsPerBar: 0 } }, 'tempo: beatsPerBar: got 0'],
    [{ frameCount: 0 }, 'frameCount: got 0'],
  ] as const)('refuses %j at once', (length, message) => {
    expect(() => generateClips(pipeline, { ...request, ...length })).toThrow(message);
    expect(() => generateFromVaePrior(pipeline, { ...request, ...length })).toThrow(message);
  });
});

describe('an item\'s result', () => {
  const seeds = [1, 2, 3, 4, 5, 6, 7]; // a batch of 7, or of 2, 2, 2 and 1
  const labels = [0, 1, null, 0, 1, null, 0];

  it.each(SAMPLER_NAMES.flatMap((sampler) => [1, 3].map((steps) => [sampler, steps] as const)))('does not depend on its batch with %s in %d steps: batches of 1, 2 and 7', async (sampler, steps) => {
    const all = { seeds, labels, sampler, steps, eta: sampler === 'ddim' ? 0.6 : 0 };
    const [seven, two, one] = [await draw({ ...all, batchSize: 7 }), await draw({ ...all, batchSize: 2 }), await draw({ ...all, batchSize: 1 })];
    seven.forEach(({ image, seed }, index) => {
      expect([two[index].seed, one[index].seed]).toEqual([seed, seed]);
      for (const other of [two, one]) expectClose(other[index].image.data, image.data, { absolute: 1e-4, reason: 'the network rounds otherwise in another batch' });
    });
  });

  it('does not depend on it either where windows of several clips share one', async () => {
    const long = { seeds: seeds.slice(0, 3), labels: labels.slice(0, 3), frameCount: 40 };
    const [many, few, one] = [await draw({ ...long, batchSize: 12 }), await draw({ ...long, batchSize: 3 }), await draw({ ...long, batchSize: 1 })];
    expect(many.map(({ sidecar }) => sidecar.batch)).toEqual([0, 1, 2].map((index) => ({ limit: 12, size: 3, index })));
    many.forEach(({ image }, index) => {
      for (const other of [few, one]) expectClose(other[index].image.data, image.data, { absolute: 1e-4, reason: 'as above' });
    });
  });

  it('is left out when it is to be skipped, and the others come as they would', async () => {
    const all = await draw({ seeds, labels, batchSize: 3 });
    const asked: number[] = [];
    const some = await draw({ seeds, labels, batchSize: 3, skip: (index, { seed }) => (asked.push(seed), index < 4 || index === 5) });
    expect(asked).toEqual(seeds);
    expect(some.map(({ index }) => index)).toEqual([4, 6]);
    for (const clip of some) expect(clip).toEqual(all[clip.index]);
  });
});

describe('a long clip', () => {
  const seconds = 1.6001;

  it('has its length to the sample, no seam at the borders of windows, and no decay', async () => {
    const clips = await draw({ seeds: [1, 2], labels: [0, 1], seconds });
    const length = clipLength(pipeline, { seconds });
    const { starts, width } = frameWindows(pipeline, length);
    const borders = starts.flatMap((start) => [start, start + width]).filter((frame) => frame > 4 && frame < length.frameCount - 4);
    for (const { clip, image } of clips) {
      expect(clip.channels[0].length).toBe(Math.round(seconds * 8000));
      const { near, elsewhere } = fluxAt(imageFlux(image), borders, 1);
      // Measured: 1.13 and 1.00 over 25 windows.
      expect(near / elsewhere).toBeGreaterThan(0.8);
      expect(near / elsewhere).toBeLessThan(1.25);
      const tenth = Math.floor(image.frameCount / 10);
      const level = (from: number): number => Array.from({ length: 8 * tenth }, (_, cell) => image.data[Math.floor(cell / tenth) * image.frameCount + from + (cell % tenth)]).reduce((sum, value) => sum + value / (8 * tenth), 0);
      expect(Math.abs(level(image.frameCount - tenth) - level(0))).toBeLessThan(0.1);
    }
    expect(clips[0].sidecar).toMatchObject({ operation: 'generate', overlap: 0.5, isLoop: false, tempo: null, durationSeconds: 12_801 / 8000 });
  });

  it('follows overlap, label and guidance, and is whole slices side by side with an overlap of 0', async () => {
    const [plain] = await draw({ frameCount: 48 });
    for (const changes of [{ overlap: 0.7 }, { overlap: 0 }, { labels: [1] }, { guidance: 5 }]) expect((await draw({ frameCount: 48, ...changes }))[0].image.data).not.toEqual(plain.image.data);
    expect(columnWindows(pipeline, clipLength(pipeline, { frameCount: 48, overlap: 0 })).starts).toEqual([0, 8, 16]);
  });

  it('asks the network for no more windows at once than it is told, and leaves no tensor, also when it is stopped', async () => {
    const sizes: number[] = [];
    const unet = pipeline.unet!;
    const spied = { ...pipeline, unet: { ...unet, forward: (inputs: { sample: tf.Tensor4D }) => (sizes.push(inputs.sample.shape[0]), (unet.forward as (given: unknown) => tf.Tensor4D)(inputs)) } } as unknown as Pipeline;
    await draw({ frameCount: 48, batchSize: 3 }, spied);
    const before = tf.memory().numTensors;
    await draw({ frameCount: 48, batchSize: 3 }, spied);
    expect(Math.max(...sizes)).toBe(6); // three windows, with and without the label
    expect(tf.memory().numTensors).toBe(before);
    const abort = new AbortController();
    let steps = 0;
    await expect(draw({ frameCount: 48, signal: abort.signal, onStep: () => ((steps += 1), abort.abort(new Error('enough'))) })).rejects.toThrow('enough');
    expect([steps, tf.memory().numTensors]).toEqual([1, before]);
  });

  it('can be drawn by every kind of model', async () => {
    const pixel = smallPipeline({ representation: 'pixel' });
    const progressive = progressivePipeline();
    for (const other of [pixel, progressive]) {
      const [clip] = await draw({ seconds: 0.4, labels: [1] }, other);
      expect(clip.clip.channels[0].length).toBe(3200);
      const [loop] = await draw({ isLoop: true, seconds: 0.3 }, other);
      expect(loop.clip.channels[0].length).toBe(2400);
      other.dispose();
    }
    const prior: GeneratedClip[] = [];
    for await (const clip of generateFromVaePrior(pipeline, { seeds: [1], vocoder, seconds: 0.4 })) prior.push(clip);
    expect(prior[0].clip.channels[0].length).toBe(3200);
  });
});

describe('a loop', () => {
  it('has an end like any other place, and the exact number of samples', async () => {
    const ratios: number[] = []; // measured: 0.96 and 0.91 for the first two
    for (const seed of [1, 2, 3]) {
      const [{ image, clip, sidecar }] = await draw({ seeds: [seed], isLoop: true, tempo: { bpm: 240, bars: 1 } });
      expect(clip.channels[0].length).toBe(8000);
      expect(sidecar).toMatchObject({ isLoop: true, tempo: { bpm: 240, bars: 1, beatsPerBar: 4 }, frameCount: 126 });
      const twice = Float32Array.from({ length: 2 * image.data.length }, (_, cell) => image.data[Math.floor(cell / 252) * 126 + (cell % 126)]);
      const { near, elsewhere } = fluxAt(imageFlux({ ...image, frameCount: 252, data: twice }), [126], 1);
      ratios.push(near / elsewhere);
    }
    const mean = ratios.reduce((sum, ratio) => sum + ratio / ratios.length, 0);
    expect(mean).toBeGreaterThan(0.75);
    expect(mean).toBeLessThan(1.25);
  });
});

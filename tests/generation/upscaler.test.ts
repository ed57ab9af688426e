import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateClips, type GeneratedClip, type GenerateRequest } from '../../src/generation/index.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { SMALL_MEL, smallPipeline } from '../pipeline/small-pipeline.js';
import { progressivePipeline } from '../pipeline/small-upscaler.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

const request: GenerateRequest = { labels: [0, 1, null], seeds: [5, 6, 7], sampler: 'dpmpp2m', steps: 3, guidance: 2, vocoder: createGriffinLimVocoder(SMALL_MEL, { iterations: 2 }) };

let pipeline: Pipeline;
beforeAll(() => {
  pipeline = progressivePipeline();
});
afterAll(() => pipeline.dispose());

async function collect(clips: AsyncIterable<GeneratedClip>): Promise<GeneratedClip[]> {
  const all: GeneratedClip[] = [];
  for await (const clip of clips) all.push(clip);
  return all;
}

const draw = (changes: Partial<GenerateRequest> = {}, from = pipeline): Promise<GeneratedClip[]> => collect(generateClips(from, { ...request, ...changes }));

describe('progressive generation', () => {
  it.each(['dpmpp2m', 'ddim', 'pndm'] as const)('draws whole finite clips with %s, the same whatever the batches', async (sampler) => {
    const eta = sampler === 'ddim' ? 0.7 : 0;
    const together = await draw({ sampler, eta });
    const apart = await draw({ sampler, eta, batchSize: 1 });
    const reversed = await draw({ sampler, eta, batchSize: 2, labels: [null, 1, 0], seeds: [7, 6, 5] });
    together.forEach(({ image, clip }, index) => {
      expect(image.data.length).toBe(8 * 16);
      expect(image.data.every((value) => value >= -1 && value <= 1)).toBe(true);
      expect(clip.channels[0].length).toBe(15 * 64);
      const tolerance = { absolute: 1e-4, reason: 'the networks round otherwise in another batch' };
      expectClose(apart[index].image.data, image.data, tolerance);
      expectClose(reversed[2 - index].image.data, image.data, tolerance);
    });
    expect(together[0].image.data).not.toEqual(together[1].image.data);
  });

  it('gives the same bytes for the same request', async () => {
    expect(await draw()).toEqual(await draw());
  });

  it('takes label, guidance, scheduler and its own steps', async () => {
    const [plain] = await draw();
    for (const changes of [{ labels: [1, 1, null] }, { guidance: 6 }, { upscalerSteps: 2 }, { sampler: 'ddim' as const }]) {
      expect((await draw(changes))[0].image.data).not.toEqual(plain.image.data);
    }
    // From noise alone the scheduler of a pipeline trained here is the sampler dpmpp2m.
    expectClose((await draw({ sampler: 'scheduler' }))[0].image.data, plain.image.data, { absolute: 1e-4 });
    expect((await draw({ upscalerSteps: 3 }))[0].image.data).toEqual(plain.image.data);
    expect((await draw({ upscalerSteps: null }))[0].image.data).toEqual(plain.image.data);
  });

  it('reports one progress over both images, and records both', async () => {
    const seen: [number, number][] = [];
    const clips = await draw({ upscalerSteps: 2, batchSize: 2, onStep: ({ doneSteps, doneClips }) => seen.push([doneSteps, doneClips]) });
    expect(seen).toEqual([[1, 0], [2, 0], [3, 0], [4, 0], [5, 2], [6, 2], [7, 2], [8, 2], [9, 2], [10, 3]]);
    expect(clips[0].sidecar).toMatchObject({ steps: 3, upscaler: { factor: 2, steps: 2 } });
  });

  it('draws other lengths, cut to the frames that were asked for', async () => {
    const [clip] = await draw({ frameCount: 29 });
    expect([clip.image.frameCount, clip.image.data.length]).toEqual([29, 8 * 29]);
  });

  it('enlarges the small image as it is while the upscaler is not trained', async () => {
    const [factor2, factor4] = [progressivePipeline({ upscaler: { factor: 2, unet: null } }), progressivePipeline({ upscaler: { factor: 4, unet: null } })];
    for (const [other, factor] of [[factor2, 2], [factor4, 4]] as const) {
      const [{ image, sidecar }] = await draw({}, other);
      expect(sidecar.upscaler).toEqual({ factor, steps: 0 });
      for (let row = 0; row < 8; row += 1) for (let frame = 0; frame < 16; frame += 1) {
        expect(image.data[row * 16 + frame]).toBe(image.data[(row - (row % factor)) * 16 + frame - (frame % factor)]);
      }
      other.dispose();
    }
  });

  it('leaves no tensors: at the end, and when aborted while upscaling', async () => {
    await draw();
    const before = tf.memory().numTensors;
    await draw();
    expect(tf.memory().numTensors).toBe(before);
    const abort = new AbortController();
    await expect(draw({ signal: abort.signal, onStep: ({ doneSteps }) => doneSteps === 4 && abort.abort() })).rejects.toThrow(/abort/i);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses steps of an upscaler where there is none, and more than there are timesteps', () => {
    const plain = smallPipeline({ representation: 'pixel' });
    expect(() => generateClips(plain, { ...request, upscalerSteps: 2 })).toThrow('upscalerSteps: got 2, expected none, since the model has no upscaler');
    expect(() => generateClips(pipeline, { ...request, upscalerSteps: 1001 })).toThrow('upscalerSteps');
    plain.dispose();
  });
});

import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAMPLER_NAMES } from '../../src/diffusion/index.js';
import { generateClips, generateFromVaePrior, type GeneratedClip, type GenerateRequest, type GenerationProgress } from '../../src/generation/index.js';
import { modelHash, settingsHash, type Pipeline } from '../../src/pipeline/index.js';
import { codecHash } from '../../src/spectrogram/codec-identity.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { reportInversion } from '../../src/vocoder/inversion-report.js';
import { smallPipeline, SMALL_MEL } from '../pipeline/small-pipeline.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

const vocoder = createGriffinLimVocoder(SMALL_MEL, { iterations: 2 });
const request: GenerateRequest = { labels: [0, 1, null], seeds: [5, 6, 7], sampler: 'dpmpp2m', steps: 4, guidance: 2, vocoder };

let pipeline: Pipeline;
beforeAll(() => {
  pipeline = smallPipeline();
});
afterAll(() => pipeline.dispose());

async function collect(clips: AsyncIterable<GeneratedClip>): Promise<GeneratedClip[]> {
  const all: GeneratedClip[] = [];
  for await (const clip of clips) all.push(clip);
  return all;
}

/** The image of one clip with label 0 and seed 5, under changed settings. */
async function imageOf(changes: Partial<GenerateRequest>): Promise<Float32Array> {
  return (await collect(generateClips(pipeline, { ...request, labels: [0], seeds: [5], ...changes })))[0].image.data;
}

describe('generateClips', () => {
  it.each(SAMPLER_NAMES)('draws finite clips with %s, the same whatever the batches', async (sampler) => {
    const eta = sampler === 'ddim' ? 0.7 : 0;
    const together = await collect(generateClips(pipeline, { ...request, sampler, eta }));
    const apart = await collect(generateClips(pipeline, { ...request, sampler, eta, batchSize: 1 }));
    const reversed = await collect(generateClips(pipeline, { ...request, sampler, eta, batchSize: 2, labels: [null, 1, 0], seeds: [7, 6, 5] }));
    expect(together.map(({ index, seed, label }) => [index, seed, label])).toEqual([[0, 5, 0], [1, 6, 1], [2, 7, null]]);
    together.forEach(({ image, clip }, index) => {
      expect(image.data.length).toBe(8 * 16);
      expect(image.data.every((value) => value >= -1 && value <= 1)).toBe(true);
      expect(clip.channels[0].length).toBe(15 * 64);
      const tolerance = { absolute: 1e-4, reason: 'the network rounds otherwise in another batch' };
      expectClose(apart[index].image.data, image.data, tolerance);
      expectClose(reversed[2 - index].image.data, image.data, tolerance);
    });
    expect(together[0].image.data).not.toEqual(together[1].image.data);
  });

  it('gives the same bytes for the same request', async () => {
    const [first, second] = [await collect(generateClips(pipeline, request)), await collect(generateClips(pipeline, request))];
    expect(second).toEqual(first);
  });

  it('follows the label and the guidance', async () => {
    const plain = await imageOf({});
    expect(await imageOf({ labels: [1] })).not.toEqual(plain);
    expect(await imageOf({ guidance: 6 })).not.toEqual(plain);
    expect(await imageOf({ guidanceRescale: 1 })).not.toEqual(plain);
    expect(await imageOf({ guidance: 0 })).toEqual(await imageOf({ guidance: 0, labels: [1] }));
  });

  it('samples by the pipeline\'s own scheduler when no sampler is named, and by a spacing when one is', async () => {
    const named = await imageOf({});
    const { sampler: _, ...unnamed } = request;
    const [own] = await collect(generateClips(pipeline, { ...unnamed, labels: [0], seeds: [5] }));
    expect(own.sidecar).toMatchObject({ sampler: 'DPMSolverMultistepScheduler', spacing: null });
    // From noise alone the scheduler of a pipeline trained here is the sampler dpmpp2m.
    expectClose(own.image.data, named, { absolute: 1e-4 });
    for (const spacing of ['leading', 'karras', 'exponential'] as const) expect(await imageOf({ spacing })).not.toEqual(named);
    expect(await imageOf({ spacing: 'trailing' })).toEqual(named);
  });

  it('follows another scheduler of the pipeline, with its eta', async () => {
    const other = smallPipeline({ scheduler: { kind: 'ddim', spacing: 'linspace', stepsOffset: 0, clipRange: 0.5, endsAtZero: true } });
    const draw = async (eta: number): Promise<GeneratedClip> => (await collect(generateClips(other, { ...request, sampler: 'scheduler', labels: [0], seeds: [5], eta })))[0];
    const [still, stirred] = [await draw(0), await draw(1)];
    expect(still.sidecar).toMatchObject({ sampler: 'DDIMScheduler', eta: 0 });
    expect(stirred.sidecar.eta).toBe(1);
    expect(stirred.image.data).not.toEqual(still.image.data);
    other.dispose();
  });

  it('says how each clip was made', async () => {
    const [first, , last] = await collect(generateClips(pipeline, { ...request, engine: 'an engine' }));
    expect(first.sidecar).toEqual({
      operation: 'generate', label: 'kick', prompt: null, negativePrompt: null, seed: 5, sampler: 'dpmpp2m', spacing: 'trailing', steps: 4, upscaler: null, guidance: 2, guidanceRescale: 0, guidanceInterval: [0, 1], levelSteps: 0, eta: null, precision: 'float32', vocoder: 'griffin-lim-2', inversion: reportInversion(first.image, first.clip),
      frameCount: 16, sampleRateHz: 8000, durationSeconds: (15 * 64) / 8000, isLoop: false, tempo: null, overlap: null, batch: { limit: 16, size: 3, index: 0 },
      hashes: { model: await modelHash(pipeline), codec: codecHash(SMALL_MEL), settings: await settingsHash(pipeline) },
      engine: { name: 'an engine', tensorflowJs: tf.version_core }, version: '0.1.0',
    });
    expect(last.sidecar.label).toBeNull();
    const [ddim] = await collect(generateClips(pipeline, { ...request, sampler: 'ddim', eta: 0.5 }));
    expect(ddim.sidecar.eta).toBe(0.5);
  });

  it('draws other lengths, cut to the frames that were asked for', async () => {
    const [clip] = await collect(generateClips(pipeline, { ...request, labels: [0], seeds: [5], frameCount: 29 }));
    expect(clip.image.frameCount).toBe(29);
    expect(clip.image.data.length).toBe(8 * 29);
    expect(clip.clip.channels[0].length).toBe(28 * 64);
  });

  it('cuts rows where the frames are, not across them', async () => {
    const [long] = await collect(generateClips(pipeline, { ...request, labels: [0], seeds: [5], frameCount: 32 }));
    const [short] = await collect(generateClips(pipeline, { ...request, labels: [0], seeds: [5], frameCount: 31 }));
    for (let row = 0; row < 8; row += 1) expect(short.image.data.slice(row * 31, row * 31 + 31)).toEqual(long.image.data.slice(row * 32, row * 32 + 31));
  });

  it('works on pixels, without classes, and for flow', async () => {
    for (const options of [
      { representation: 'pixel' as const },
      { labels: [], unetNetwork: { num_class_embeds: null } },
      { diffusion: { predictionType: 'flow' as const } },
      { diffusion: { predictionType: 'sample' as const } },
      { diffusion: { predictionType: 'epsilon' as const, zeroTerminalSnr: false } },
    ]) {
      const other = smallPipeline(options);
      const [clip] = await collect(generateClips(other, { ...request, labels: [other.labels.length === 0 ? null : 1], seeds: [5] }));
      expect(clip.image.data.every(Number.isFinite)).toBe(true);
      expect(clip.sidecar.guidance).toBe(other.labels.length === 0 ? null : 2);
      other.dispose();
    }
  });

  it('reports progress to the end', async () => {
    const seen: GenerationProgress[] = [];
    await collect(generateClips(pipeline, { ...request, batchSize: 2, onStep: (progress) => seen.push(progress) }));
    expect(seen.map(({ doneSteps }) => doneSteps)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(seen.at(-1)).toEqual({ doneSteps: 8, totalSteps: 8, doneClips: 3, totalClips: 3 });
  });

  it('leaves no tensors: at the end, when ended early, when aborted', async () => {
    await collect(generateClips(pipeline, request));
    const before = tf.memory().numTensors;
    await collect(generateClips(pipeline, request));
    expect(tf.memory().numTensors).toBe(before);
    for await (const clip of generateClips(pipeline, { ...request, batchSize: 1 })) if (clip.index === 1) break;
    expect(tf.memory().numTensors).toBe(before);
    const abort = new AbortController();
    const aborted = collect(generateClips(pipeline, { ...request, signal: abort.signal, onStep: ({ doneSteps }) => doneSteps === 2 && abort.abort() }));
    await expect(aborted).rejects.toThrow(/abort/i);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('stops at numbers that are not finite, with the seed', async () => {
    const broken = smallPipeline();
    broken.unet!.parameters.get('conv_out.bias').variable.assign(tf.tensor1d([Number.NaN, 0, 0]));
    await expect(collect(generateClips(broken, request))).rejects.toThrow('seed 5');
    broken.dispose();
  });

  it.each<[string, Partial<GenerateRequest>]>([
    ['labels and seeds', { labels: [0] }],
    ['labels[1]', { labels: [0, 2, 1] }],
    ['seeds[0]', { seeds: [-1, 2, 3] }],
    ['steps', { steps: 0 }],
    ['steps', { steps: 1001 }],
    ['guidance', { guidance: Number.NaN }],
    ['guidanceRescale', { guidanceRescale: 2 }],
    ['eta', { eta: 2 }],
    ['batchSize', { batchSize: 0 }],
    ['frameCount', { frameCount: 0 }],
  ])('refuses a wrong %s at once', (where, changes) => {
    expect(() => generateClips(pipeline, { ...request, ...changes })).toThrow(where);
  });

  it('refuses a pipeline without UNet, and labels without classes', () => {
    const vaeOnly = smallPipeline({ hasUnet: false });
    const unlabelled = smallPipeline({ labels: [], unetNetwork: { num_class_embeds: null } });
    expect(() => generateClips(vaeOnly, request)).toThrow('no UNet');
    expect(() => generateClips(unlabelled, request)).toThrow('no labels');
    vaeOnly.dispose();
    unlabelled.dispose();
  });
});

describe('generateFromVaePrior', () => {
  it('decodes unit normal latents over the scale, and leaves no tensors', async () => {
    const pixel = smallPipeline({ representation: 'pixel' });
    expect(() => generateFromVaePrior(pixel, { seeds: [1], vocoder })).toThrow(/VAE prior: got a pipeline that diffuses on pixels/);
    pixel.dispose();
    const vaeOnly = smallPipeline({ hasUnet: false });
    const clips = await collect(generateFromVaePrior(vaeOnly, { seeds: [1, 2, 3], vocoder, batchSize: 2 }));
    const before = tf.memory().numTensors;
    const again = await collect(generateFromVaePrior(vaeOnly, { seeds: [3], vocoder }));
    expect(tf.memory().numTensors).toBe(before);
    expectClose(again[0].image.data, clips[2].image.data, { absolute: 1e-5 });
    expect(clips[0].image.data).not.toEqual(clips[1].image.data);
    expect(clips[0].sidecar).toMatchObject({ sampler: 'vae-prior', label: null, guidance: null });
    vaeOnly.dispose();
  });
});

// What holds for every operation and length under every sampler and scheduler, one step included: an item's result does not depend on its batch.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  combineClips, extendClips, fillSounds, generateClips, generateFromVaePrior, morphSounds, varySounds, type GeneratedClip, type GenerateRequest,
} from '../../src/generation/index.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import type { Vocoder } from '../../src/vocoder/vocoder.js';
import { FLOW, leastSteps, SCHEDULERS } from '../diffusion/schedulers.js';
import { smallPipeline } from '../pipeline/small-pipeline.js';
import { progressivePipeline } from '../pipeline/small-upscaler.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { SAMPLERS, sound } from './_operations.js';

useEngine();

let pipeline: Pipeline;
beforeAll(() => {
  pipeline = smallPipeline();
});
afterAll(() => pipeline.dispose());

/** Silence of the right length: what counts here is the images. */
const vocoder: Vocoder = { name: 'silence', invert: (image, { sampleCount = 64 } = {}) => ({ sampleRateHz: image.settings.sampleRateHz, channels: [new Float32Array(sampleCount)] }) };
const SEVEN = [0, 1, 2, 3, 4, 5, 6];
const LABELS = [0, 1, null];
const kept = sound(9, 2000);
const TOLERANCE = { absolute: 5e-4, reason: 'the network rounds otherwise in another batch, and resampling goes through it more often' };

interface Asked extends Pick<GenerateRequest, 'sampler' | 'eta' | 'steps' | 'batchSize'> {
  /** Which of seven clips. */
  readonly items: readonly number[];
}

type Make = (pipeline: Pipeline, asked: Asked) => AsyncIterable<GeneratedClip>;

const seedsOf = (items: readonly number[]): number[] => items.map((item) => 70 + item);
const labelsOf = ({ labels }: Pipeline, items: readonly number[]): (number | null)[] => items.map((item) => (labels.length === 0 ? null : LABELS[item % 3]));
const generate = (more: Partial<GenerateRequest>): Make => (model, { items, ...asked }) =>
  generateClips(model, { guidance: 2, vocoder, ...asked, ...more, seeds: seedsOf(items), labels: labelsOf(model, items) });
const mixesOf = (items: readonly number[]) => items.map((item) => (LABELS[item % 3] === null ? {} : { parts: [{ label: LABELS[item % 3] }] }));

/** Windows per clip: one; six; four in a circle; six. A batch of 7, 2 or 1 clips has as many times more. */
const MAKERS: readonly (readonly [string, Make, number])[] = [
  ['generate', generate({}), 1],
  ['generate at the level without guidance', generate({ levelSteps: 2 }), 1],
  ['generate of a long clip', generate({ seconds: 0.4 }), 6],
  ['generate of clips in a row', generate({ frameCount: 40, overlap: 0 }), 3],
  ['generate of a loop', generate({ isLoop: true, seconds: 0.25 }), 4],
  ['extend', (model, { items, ...asked }) => extendClips(model, { guidance: 2, vocoder, ...asked, seeds: seedsOf(items), labels: labelsOf(model, items), sound: kept, seconds: 0.15, heedRounds: 1, resamples: 1 }), 3],
  ['extend before', (model, { items, ...asked }) => extendClips(model, { guidance: 2, vocoder, ...asked, seeds: seedsOf(items), labels: labelsOf(model, items), sound: kept, seconds: 0.05, isBefore: true, heedRounds: 1, resamples: 1 }), 1],
];

const OTHERS: readonly (readonly [string, Make, number])[] = [
  ['vary', (model, { items, ...asked }) => varySounds(model, { guidance: 2, vocoder, ...asked, seeds: seedsOf(items), sounds: items.map((item) => sound(item)), strength: 0.6, mixes: mixesOf(items) }), 1],
  ['fill', (model, { items, ...asked }) => fillSounds(model, { guidance: 2, vocoder, ...asked, seeds: seedsOf(items), sounds: items.map((item) => sound(item)), region: { fromSeconds: 0.03, toSeconds: 0.08 }, mixes: mixesOf(items) }), 1],
  ['combine', (model, { items, ...asked }) => combineClips(model, { guidance: 2, vocoder, ...asked, seeds: seedsOf(items), mixes: mixesOf(items) }), 1],
];

async function collect(clips: AsyncIterable<GeneratedClip>): Promise<GeneratedClip[]> {
  const all: GeneratedClip[] = [];
  for await (const clip of clips) all.push(clip);
  return all;
}

/** Draws seven clips at once, two, and one, and compares. */
async function requireSame(model: Pipeline, make: Make, windows: number, asked: Omit<Asked, 'items'>): Promise<void> {
  const seven = await collect(make(model, { ...asked, items: SEVEN, batchSize: 7 * windows }));
  expect(seven.map(({ seed }) => seed)).toEqual(seedsOf(SEVEN));
  for (const { image, sidecar } of seven) {
    expect(sidecar.batch.size).toBe(7);
    expect(image.data.every((value) => value >= -1 && value <= 1)).toBe(true);
  }
  expect(seven[0].image.data).not.toEqual(seven[3].image.data);
  const pair = await collect(make(model, { ...asked, items: [6, 1], batchSize: 2 * windows }));
  const alone = await collect(make(model, { ...asked, items: [2], batchSize: 1 }));
  for (const [item, { image }] of [[6, pair[0]], [1, pair[1]], [2, alone[0]]] as const) expectClose(image.data, seven[item].image.data, TOLERANCE);
}

describe.each(MAKERS)('%s', (_, make, windows) => {
  it.each(SAMPLERS)('under $sampler with eta $eta gives each clip what it gets alone, in batches of 1, 2 and 7, in one step and in three', async ({ sampler, eta }) => {
    for (const steps of [1, 3]) await requireSame(pipeline, make, windows, { sampler, eta, steps });
  });
});

describe.each([MAKERS[0], MAKERS[2], MAKERS[5], ...OTHERS])('%s', (_, make, windows) => {
  it.each([...SCHEDULERS, FLOW])('after the scheduler %s of a pipeline gives each clip what it gets alone, in as few steps as it takes and in two more', async (name, scheduler) => {
    const diffusion = name === 'flow' ? { predictionType: 'flow' as const } : { predictionType: 'epsilon' as const, zeroTerminalSnr: false };
    const other = smallPipeline({ scheduler, diffusion });
    for (const steps of [leastSteps(scheduler), leastSteps(scheduler) + 2]) await requireSame(other, make, windows, { steps });
    other.dispose();
  });
});

describe.each([MAKERS[0], MAKERS[2], MAKERS[4], MAKERS[5], MAKERS[6], ...OTHERS])('%s of a model trained for inpainting', (_, make, windows) => {
  it.each(SAMPLERS)('under $sampler with eta $eta gives each clip what it gets alone', async ({ sampler, eta }) => {
    const inpainting = smallPipeline({ unetNetwork: { in_channels: 7, out_channels: 3 } });
    await requireSame(inpainting, make, windows, { sampler, eta, steps: 2 });
    inpainting.dispose();
  });
});

describe('morph', () => {
  it.each([...SCHEDULERS, FLOW])('after the scheduler %s goes between seeds, whatever the batch', async (name, scheduler) => {
    const diffusion = name === 'flow' ? { predictionType: 'flow' as const } : { predictionType: 'epsilon' as const, zeroTerminalSnr: false };
    const other = smallPipeline({ scheduler, diffusion });
    for (const steps of [leastSteps(scheduler), leastSteps(scheduler) + 2]) {
      const request = { steps, guidance: 2, vocoder, count: 7, rounds: 0, from: { seed: 5, mix: { parts: [{ label: 0 }] } }, to: { seed: 6, mix: { parts: [{ label: 1 }] } } };
      const seven = await collect(morphSounds(other, { ...request, batchSize: 7 }));
      for (const batchSize of [1, 2]) {
        const again = await collect(morphSounds(other, { ...request, batchSize }));
        seven.forEach(({ image }, index) => expectClose(again[index].image.data, image.data, TOLERANCE));
      }
    }
    other.dispose();
  });
});

describe('the prior of an autoencoder', () => {
  it('gives each clip what it gets alone, in batches of 1, 2 and 7', async () => {
    await requireSame(pipeline, (model, { items, batchSize }) => generateFromVaePrior(model, { seeds: seedsOf(items), batchSize, vocoder }), 1, { steps: 1 });
  });
});

describe.each([MAKERS[1], MAKERS[2], MAKERS[4], MAKERS[5], MAKERS[6], ...OTHERS])('%s of a model that draws a small image first', (_, make, windows) => {
  it.each(SAMPLERS)('under $sampler with eta $eta gives each clip what it gets alone', async ({ sampler, eta }) => {
    const progressive = progressivePipeline();
    for (const steps of [1, 2]) await requireSame(progressive, make, windows, { sampler, eta, steps });
    progressive.dispose();
  });
});

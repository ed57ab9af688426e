// What holds for every operation under every sampler, one-step schedules included: finite clips, the same whatever the batch.
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { combineClips, fillSounds, generateClips, morphSounds, varySounds, type OperationClip, type OperationRequest } from '../../src/generation/index.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { smallPipeline } from '../pipeline/small-pipeline.js';
import { smallText, tellingUnet } from '../pipeline/small-text.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { collect, ROUNDING, SAMPLERS, sound, vocoder } from './_operations.js';

useEngine();

let pipeline: Pipeline;
beforeAll(() => {
  pipeline = smallPipeline();
});
afterAll(() => pipeline.dispose());

const SEVEN = [0, 1, 2, 3, 4, 5, 6];
const MIXES = [{ parts: [{ label: 0, weight: 0.7 }, { label: 1, weight: 0.3 }] }, {}, { parts: [{ label: 1 }], negative: [{ label: 0 }] }];

interface Asked extends Pick<OperationRequest, 'sampler' | 'eta' | 'steps' | 'batchSize' | 'signal' | 'onStep'> {
  /** Which of seven clips. */
  readonly items?: readonly number[];
}

type Operate = (pipeline: Pipeline, asked: Asked) => AsyncIterable<OperationClip>;

const common = ({ items = SEVEN, ...asked }: Asked) => ({ guidance: 2, vocoder, ...asked, seeds: items.map((item) => 40 + item), mixes: items.map((item) => MIXES[item % 3]) });
const sounds = ({ items = SEVEN }: Asked) => items.map((item) => sound(item));

const OPERATIONS: readonly (readonly [string, Operate])[] = [
  ['vary', (model, asked) => varySounds(model, { ...common(asked), sounds: sounds(asked), strength: 0.6 })],
  ['fill', (model, asked) => fillSounds(model, { ...common(asked), sounds: sounds(asked), region: { fromSeconds: 0.03, toSeconds: 0.09, lowHz: 500, highHz: 3000 } })],
  ['combine', (model, asked) => combineClips(model, common(asked))],
];

describe.each(OPERATIONS)('%s', (_, operate) => {
  it.each(SAMPLERS)('under $sampler with eta $eta gives each clip what it gets alone, in batches of 1, 2 and 7', async ({ sampler, eta }) => {
    for (const steps of [1, 3]) {
      const asked = { sampler, eta, steps };
      const together = await collect(operate(pipeline, { ...asked, batchSize: 7 }));
      const [last, first] = await collect(operate(pipeline, { ...asked, batchSize: 2, items: [6, 0] }));
      const [alone] = await collect(operate(pipeline, { ...asked, items: [2] }));
      expect(together.map(({ index, seed }) => [index, seed])).toEqual(SEVEN.map((item) => [item, 40 + item]));
      for (const { image, clip } of together) {
        expect(clip.channels[0].every(Number.isFinite)).toBe(true);
        expect(image.data.every((value) => value >= -1 && value <= 1)).toBe(true);
      }
      for (const [index, { image }] of [[0, first], [6, last], [2, alone]] as const) expectClose(together[index].image.data, image.data, ROUNDING);
      expect(together[0].image.data).not.toEqual(together[3].image.data);
    }
  });

  it('gives the same bytes for the same request', async () => {
    const asked = { sampler: 'ddpm', steps: 3 } as const;
    expect(await collect(operate(pipeline, asked))).toEqual(await collect(operate(pipeline, asked)));
  });

  it('reports progress to the end, stops within a step when aborted, and leaves no tensors', async () => {
    await collect(operate(pipeline, { steps: 5, items: [0] }));
    const before = tf.memory().numTensors;
    const seen: number[] = [];
    await collect(operate(pipeline, { steps: 5, batchSize: 4, onStep: ({ doneSteps, totalSteps }) => seen.push(doneSteps / totalSteps) }));
    expect(seen.at(-1)).toBe(1);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    let steps = 0;
    const abort = new AbortController();
    const stopped = collect(operate(pipeline, {
      steps: 5, signal: abort.signal,
      onStep: () => {
        steps += 1;
        if (steps === 2) abort.abort(new Error('enough'));
      },
    }));
    await expect(stopped).rejects.toThrow('enough');
    expect(steps).toBe(2);
    for await (const clip of operate(pipeline, { steps: 2, batchSize: 1 })) if (clip.index === 1) break;
    expect(tf.memory().numTensors).toBe(before);
  });

  it('works on pixels, without labels, for flow, and after prompts', async () => {
    for (const options of [
      { representation: 'pixel' as const },
      { diffusion: { predictionType: 'flow' as const } },
      { diffusion: { predictionType: 'epsilon' as const, zeroTerminalSnr: false } },
    ]) {
      const other = smallPipeline(options);
      const clips = await collect(operate(other, { steps: 3, items: [0, 2] }));
      expect(clips.every(({ image }) => image.data.every(Number.isFinite))).toBe(true);
      other.dispose();
    }
  });

  it('refuses labels that the model has not, and a pipeline without UNet', () => {
    const unlabelled = smallPipeline({ labels: [], unetNetwork: { num_class_embeds: null } });
    expect(() => operate(unlabelled, { steps: 2 })).toThrow('mixes[0].parts[0].label: got 0, expected none, since the model has no labels');
    const vaeOnly = smallPipeline({ hasUnet: false });
    expect(() => operate(vaeOnly, { steps: 2, items: [1] })).toThrow('no UNet');
    unlabelled.dispose();
    vaeOnly.dispose();
  });
});

describe('mixes', () => {
  const request = { seeds: [5], guidance: 3, steps: 3, sampler: 'dpmpp2m', vocoder } as const;
  const imageOf = async (mix: object, model = pipeline, changes: object = {}): Promise<Float32Array> => (await collect(combineClips(model, { ...request, mixes: [mix], ...changes })))[0].image.data;

  it('of one label are what generate draws', async () => {
    for (const sampler of ['scheduler', 'ddim'] as const) {
      for await (const { image } of generateClips(pipeline, { ...request, sampler, labels: [1], guidanceRescale: 0.5 })) {
        expectClose(await imageOf({ parts: [{ label: 1, weight: 7 }] }, pipeline, { sampler, guidanceRescale: 0.5 }), image.data, ROUNDING);
      }
    }
  });

  it('go from one label to the other with the weights, which count in proportion alone', async () => {
    const [first, second, mixed] = [await imageOf({ parts: [{ label: 0 }] }), await imageOf({ parts: [{ label: 1 }] }), await imageOf({ parts: [{ label: 0, weight: 2 }, { label: 1, weight: 6 }] })];
    expect(mixed).not.toEqual(first);
    expect(mixed).not.toEqual(second);
    expectClose(await imageOf({ parts: [{ label: 1, weight: 0.75 }, { label: 0, weight: 0.25 }] }), mixed, ROUNDING);
    expectClose(await imageOf({ parts: [{ label: 0, weight: 1 }, { label: 1, weight: 1e-9 }] }), first, ROUNDING);
  });

  it('are led away from negative parts', async () => {
    const plain = await imageOf({ parts: [{ label: 0 }] });
    expect(await imageOf({ parts: [{ label: 0 }], negative: [{ label: 1 }] })).not.toEqual(plain);
    expectClose(await imageOf({ parts: [{ label: 0 }], negative: [{}] }), plain, ROUNDING);
    expectClose(await imageOf({ parts: [{ label: 0 }], negative: [{ label: 0 }] }), await imageOf({ parts: [{ label: 0 }] }, pipeline, { guidance: 1 }), ROUNDING);
  });

  it('of prompts are their mean, told beforehand', async () => {
    const text = smallPipeline({ representation: 'pixel', labels: [], text: smallText(), unet: tellingUnet({ channels: 1 }), diffusion: { predictionType: 'sample' } });
    const prompts = ['kick', 'a bright bell', ''];
    const latent = async (parts: { prompt: string; weight?: number }[], guidance = 1): Promise<Float32Array> => imageOf({ parts }, text, { guidance });
    const [kick, bell] = [await latent([{ prompt: prompts[0] }]), await latent([{ prompt: prompts[1] }])];
    const mixed = await latent([{ prompt: prompts[0] }, { prompt: prompts[1] }]);
    expectClose(mixed, kick.map((value, cell) => (value + bell[cell]) / 2), { absolute: 1e-5 });
    expect(bell).not.toEqual(kick);
    expect(await latent([{ prompt: prompts[0] }], 4)).not.toEqual(kick);
    text.dispose();
  });

  it.each<[string, object, object?]>([
    ['mixes[0].parts[0].weight', { parts: [{ label: 0, weight: 0 }] }],
    ['mixes[0].negative[0].weight', { negative: [{ label: 0, weight: -1 }] }],
    ['mixes[0].parts[0].label', { parts: [{ label: 2 }] }],
    ['mixes[0].parts[0].prompt', { parts: [{ prompt: 'kick' }] }],
    ['mixes[0].negative', { parts: [{ label: 0 }], negative: [{ label: 1 }] }, { guidance: 1 }],
    ['mixes and seeds', {}, { seeds: [1, 2] }],
    ['guidanceRescale', {}, { guidanceRescale: 2 }],
  ])('with a wrong %s are refused at once', (where, mix, changes = {}) => {
    expect(() => combineClips(pipeline, { ...request, mixes: [mix], ...changes })).toThrow(where);
  });
});

describe('morph', () => {
  it.each(SAMPLERS)('under $sampler with eta $eta goes between seeds and labels, whatever the batch', async ({ sampler, eta }) => {
    for (const steps of [1, 3]) {
      const request = { sampler, eta, steps, guidance: 2, vocoder, count: 5, rounds: 1, from: { seed: 5, mix: { parts: [{ label: 0 }] } }, to: { seed: 6, mix: { parts: [{ label: 1 }] } } };
      const clips = await collect(morphSounds(pipeline, request));
      const pairs = await collect(morphSounds(pipeline, { ...request, batchSize: 2 }));
      clips.forEach(({ image }, index) => expectClose(pairs[index].image.data, image.data, { absolute: 2e-3, reason: 'rounding moves the positions a little too' }));
      const generated = generateClips(pipeline, { sampler, eta, steps, guidance: 2, vocoder, labels: [0, 1], seeds: [5, 6] });
      for await (const { image, clip, index } of generated) {
        const end = clips[index * 4];
        expectClose(end.image.data, image.data, ROUNDING);
        expectClose(end.clip.channels[0], clip.channels[0], { absolute: 1e-2, reason: 'phases turn with the rounding of the image' });
      }
    }
  });
});

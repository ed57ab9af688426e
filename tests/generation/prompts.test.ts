// Clips drawn after prompts.
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clipNames, generateClips, generateFromVaePrior, type GeneratedClip, type GenerateRequest } from '../../src/generation/index.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { smallPipeline, SMALL_MEL } from '../pipeline/small-pipeline.js';
import { smallText, tellingUnet } from '../pipeline/small-text.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

const vocoder = createGriffinLimVocoder(SMALL_MEL, { iterations: 1 });
const request: GenerateRequest = { labels: [null, null], seeds: [5, 6], prompts: ['kick', 'a bright bell'], sampler: 'dpmpp2m', steps: 3, guidance: 2, vocoder };

let pipeline: Pipeline;
let deaf: Pipeline;
beforeAll(() => {
  pipeline = smallPipeline({ labels: [], text: smallText(), unet: tellingUnet(), diffusion: { predictionType: 'sample' } });
  deaf = smallPipeline();
});
afterAll(() => {
  pipeline.dispose();
  deaf.dispose();
});

async function collect(clips: AsyncIterable<GeneratedClip>): Promise<GeneratedClip[]> {
  const all: GeneratedClip[] = [];
  for await (const clip of clips) all.push(clip);
  return all;
}

const imagesOf = async (changes: Partial<GenerateRequest>): Promise<Float32Array[]> => (await collect(generateClips(pipeline, { ...request, ...changes }))).map(({ image }) => image.data);

describe('generateClips with prompts', () => {
  it('follows the prompt and leads away from the negative one', async () => {
    const [kick, bell] = await imagesOf({ seeds: [5, 5] });
    expect(bell).not.toEqual(kick);
    expect(await imagesOf({ seeds: [5, 5], prompts: ['kick', 'kick'] })).toEqual([kick, kick]);
    expect((await imagesOf({ negativePrompt: 'a bright bell' }))[0]).not.toEqual(kick);
    expect((await imagesOf({ negativePrompt: '' }))[0]).toEqual(kick);
  });

  it('draws each clip as it would alone', async () => {
    const together = await imagesOf({});
    const apart = await imagesOf({ batchSize: 1 });
    together.forEach((image, index) => expectClose(apart[index], image, { absolute: 1e-5, reason: 'sums in another order' }));
  });

  it('takes no prompts as empty ones', async () => {
    expect(await imagesOf({ prompts: undefined })).toEqual(await imagesOf({ prompts: ['', ''] }));
  });

  it('says in words what was asked for', async () => {
    const clips = await collect(generateClips(pipeline, { ...request, negativePrompt: 'noise' }));
    expect(clips.map(({ sidecar: { label, prompt, negativePrompt, guidance } }) => ({ label, prompt, negativePrompt, guidance }))).toEqual([
      { label: null, prompt: 'kick', negativePrompt: 'noise', guidance: 2 },
      { label: null, prompt: 'a bright bell', negativePrompt: 'noise', guidance: 2 },
    ]);
    const [prior] = await collect(generateFromVaePrior(pipeline, { seeds: [1], vocoder }));
    expect([prior.sidecar.prompt, prior.sidecar.negativePrompt]).toEqual([null, null]);
  });

  it('refuses prompts that do not fit, at once', () => {
    expect(() => generateClips(pipeline, { ...request, prompts: ['kick'] })).toThrow('prompts and seeds: got 1 and 2');
    expect(() => generateClips(deaf, request)).toThrow('prompts: got "kick", expected none, since the model follows no text');
    expect(() => generateClips(deaf, { ...request, prompts: undefined, negativePrompt: 'noise' })).toThrow('negativePrompt: got "noise"');
    expect(() => generateClips(pipeline, { ...request, labels: [0, null] })).toThrow('no labels');
  });

  it('leaves no tensor, also when it is ended early', async () => {
    await imagesOf({});
    const before = tf.memory().numTensors;
    await imagesOf({});
    for await (const clip of generateClips(pipeline, { ...request, batchSize: 1 })) if (clip.index === 0) break;
    await expect(collect(generateClips(pipeline, { ...request, signal: AbortSignal.abort(new Error('enough')) }))).rejects.toThrow('enough');
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('clipNames with prompts', () => {
  it('names clips without label by their prompt', () => {
    expect(clipNames([], { seeds: [1, 2, 3, 4], labels: [null, null, null, null], prompts: ['a kick / drum', ' ', 'a kick / drum', 'A KICK drum'] })).toEqual([
      'a-kick-drum-0001-seed1', 'unlabelled-0001-seed2', 'a-kick-drum-0002-seed3', 'A-KICK-drum~2-0001-seed4',
    ]);
    expect(clipNames(['kick'], { seeds: [1, 2], labels: [0, null], prompts: ['kick', 'kick'] })).toEqual(['kick-0001-seed1', 'kick~2-0001-seed2']);
  });
});

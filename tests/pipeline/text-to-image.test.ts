// A text-to-image folder that the reference saved, drawn from here: the same prompts, the same noise, the same image.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { planScheduler } from '../../src/diffusion/sampling-plan.js';
import { createNoiseSchedule } from '../../src/diffusion/schedule.js';
import { generateClips } from '../../src/generation/index.js';
import { importPipeline } from '../../src/pipeline/import.node.js';
import { createGuidedDenoiser, encodePrompts, type Pipeline, type PipelineCondition } from '../../src/pipeline/index.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { channelsFirst, channelsLast } from '../models/reference.js';
import { rampTensor } from '../models/ramp.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';

useEngine();

interface Numbers {
  readonly shape: number[];
  readonly data: number[];
}

interface Reference {
  readonly prompts: string[];
  readonly negativePrompt: string;
  readonly steps: number;
  readonly guidance: number;
  readonly noiseShape: number[];
  readonly latents: Numbers;
  readonly image: Numbers;
}

const FIXTURES = new URL('fixtures/', import.meta.url);

function readReference(): Reference {
  const text = readFileSync(new URL('text-to-image.json', FIXTURES), 'utf8');
  const sum = readFileSync(new URL('text-to-image.json.sha256', FIXTURES), 'utf8').trim();
  if (createHash('sha256').update(text).digest('hex') !== sum) throw new Error('text-to-image.json does not match its checksum: run generate-text-to-image.py');
  return JSON.parse(text) as Reference;
}

const largest = ({ data }: Numbers): number => Math.max(...data.map(Math.abs));

describe('a text-to-image folder of the reference', () => {
  const reference = readReference();
  const { prompts, negativePrompt, steps, guidance } = reference;
  let pipeline: Pipeline;
  beforeAll(async () => {
    ({ pipeline } = await importPipeline(fileURLToPath(new URL('text-to-image', FIXTURES))));
  });
  afterAll(() => pipeline.dispose());

  it('draws the reference\'s image from the same noise', async () => {
    const schedule = createNoiseSchedule(pipeline.diffusion);
    const { path, sample } = planScheduler<PipelineCondition>({ schedule, steps }, pipeline.scheduler);
    const initialNoise = tf.tidy(() => channelsLast(rampTensor('latents', reference.noiseShape)));
    const condition = { classLabels: null, textStates: encodePrompts(pipeline.text!, prompts), negativeStates: encodePrompts(pipeline.text!, prompts.map(() => negativePrompt)) };
    const denoise = createGuidedDenoiser(pipeline, { guidance, timestepAt: path.timestepAt });
    const latents = await sample({ ...path, denoise, initialNoise, condition, random: prompts.map((_, item) => createRandom(item)) });
    tf.tidy(() => {
      expectClose(channelsFirst(latents), reference.latents, { absolute: 1e-4 * largest(reference.latents) });
      const image = pipeline.vae!.decode(tf.div(latents, pipeline.latentScale));
      expectClose(channelsFirst(image), reference.image, { absolute: 1e-4 * largest(reference.image) });
    });
    tf.dispose([initialNoise, condition.textStates, condition.negativeStates, latents]);
  });

  it('is heard: generate draws finite clips after its prompts', async () => {
    const vocoder = createGriffinLimVocoder(pipeline.mel, { iterations: 1 });
    for await (const { clip, sidecar } of generateClips(pipeline, { labels: [null, null], prompts, negativePrompt, seeds: [1, 2], sampler: 'ddim', steps: 2, guidance, vocoder })) {
      expect(clip.channels[0].every(Number.isFinite)).toBe(true);
      expect(prompts).toContain(sidecar.prompt);
    }
  });
});

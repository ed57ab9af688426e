import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/base/logger.js';
import { loadRunConfig } from '../../src/config/load.node.js';
import type { RunConfig } from '../../src/config/run-config.js';
import { toReference } from '../../src/nn/index.js';
import { exportPipeline } from '../../src/pipeline/export.node.js';
import { loadPipeline, savePipeline } from '../../src/pipeline/folder.node.js';
import { importPipeline } from '../../src/pipeline/import.node.js';
import { readInitialDefaults } from '../../src/pipeline/initial-defaults.node.js';
import { readCheckpoint } from '../../src/training/checkpoint-store.node.js';
import { trainRun, type TrainOptions } from '../../src/training/train.node.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { recordingReporter, tinyCorpus, tinyUpscaler } from './_tiny-run.js';

useEngine();

const FIXTURES = fileURLToPath(new URL('../pipeline/fixtures/diffusers', import.meta.url));

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'melstrom initial é '));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const TRAINING = { steps: 6, batchSize: 2, warmupSteps: 2, learningRate: 2e-3, validateEvery: 100, previewEvery: 100, checkpointEvery: 100, emaDecay: 0.5 };

/** A configuration file that says nothing of networks and noise. YAML is JSON's superset. */
async function configOf(initialPipeline: string, over: { vae?: object; unet?: object; [key: string]: unknown } = {}, overrides: string[] = []): Promise<RunConfig> {
  const { vae, unet, ...rest } = over;
  const mel = { sampleRateHz: 8000, fftSize: 256, windowSamples: 256, hopSamples: 64, melBins: 8, frames: 16, minHz: 20, maxHz: 4000 };
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'run.yaml'), JSON.stringify({ seed: 3, corpus: { path: 'nowhere' }, mel, generation: { steps: 4 }, initialPipeline, precision: 'float32', ...rest, vae: { training: TRAINING, ...vae }, unet: { classTable: 'new', training: TRAINING, ...unet } }));
  return loadRunConfig(join(root, 'run.yaml'), { overrides, readInitial: readInitialDefaults });
}

async function run(config: RunConfig, name: string, options: Partial<TrainOptions> = {}) {
  return trainRun({ config, corpus: tinyCorpus(config), runFolder: join(root, name), stage: 'all', resume: false, reporter: silentReporter, ...options });
}

const latent = join(FIXTURES, 'latent');

describe('a configuration with an initial pipeline', () => {
  it('takes networks and noise from the folder, and what it says itself from itself', async () => {
    const config = await configOf(latent, { diffusion: { minSnrGamma: 3 } });
    expect(config.vae.network).toMatchObject({ in_channels: 3, block_out_channels: [4, 8], latent_channels: 2, scaling_factor: 0.4 });
    expect(config.unet.network).toMatchObject({ block_out_channels: [4, 8], norm_num_groups: 2, num_class_embeds: null, sample_size: null });
    expect(config.diffusion).toMatchObject({ predictionType: 'epsilon', zeroTerminalSnr: false, minSnrGamma: 3 });
    expect(config.mel.melBins).toBe(8);
    expect((await configOf(latent, { initialChannels: 'adapt' })).vae.network.in_channels).toBe(1);
    expect((await configOf(latent, {}, ['initialPipeline=null', 'mel.melBins=16', 'vae.network.latent_channels=3'])).vae.network.latent_channels).toBe(3);
  });

  it('is refused where it contradicts the folder, and where a key asks for a folder that is not there', async () => {
    await expect(configOf(latent, { vae: { network: { latent_channels: 4 } } })).rejects.toThrow(/vae\.network\.latent_channels: got 4, expected 2, as initialPipeline has/);
    await expect(configOf(latent, { representation: 'pixel' })).rejects.toThrow(/representation: got pixel, expected latent/);
    await expect(configOf(join(root, 'none'))).rejects.toThrow(/no such folder/);
    await expect(configOf(latent, { vae: { trainable: false } }, ['initialPipeline=null'])).rejects.toThrow(/vae\.trainable: got false without initialPipeline/);
    await expect(configOf(latent, { vae: { latentScale: 'keep' } }, ['initialPipeline=null'])).rejects.toThrow(/vae\.latentScale: got keep without initialPipeline/);
  });
});

describe('retraining', () => {
  it.each([['repeat', 3], ['adapt', 1]] as const)('by the rule %s starts from the folder, lowers the loss, and can be exported', async (initialChannels, channels) => {
    const training = { ...TRAINING, steps: 20, validateEvery: 20, learningRate: 4e-3 };
    const first = await run(await configOf(latent, { initialChannels, vae: { training: { ...training, steps: 1, learningRate: 1e-9 } }, unet: { training: { ...training, steps: 1, learningRate: 1e-9 } } }), 'start');
    const before = tf.memory().numTensors;
    const result = await run(await configOf(latent, { initialChannels, vae: { training }, unet: { training } }), 'run');
    expect(tf.memory().numTensors).toBe(before);
    for (const index of [0, 1]) expect(result.stages[index].validations.at(-1)!.figures.loss).toBeLessThan(0.97 * first.stages[index].validations.at(-1)!.figures.loss);
    const pipeline = await loadPipeline(result.pipelineFolder);
    expect(pipeline.vae!.config.in_channels).toBe(channels);
    expect(pipeline.labels).toEqual(['low', 'high']);
    await exportPipeline(join(root, 'out'), pipeline);
    const { pipeline: back } = await importPipeline(join(root, 'out'));
    expect(toReference(back.unet!.parameters)).toEqual(toReference(pipeline.unet!.parameters));
    pipeline.dispose();
    back.dispose();
  });

  it('starts alike under both rules, and as the folder is', async () => {
    const still = { ...TRAINING, steps: 1, learningRate: 1e-9 };
    const losses: number[] = [];
    for (const initialChannels of ['repeat', 'adapt']) {
      const { stages } = await run(await configOf(latent, { initialChannels, vae: { training: still } }), initialChannels, { stage: 'vae' });
      losses.push(stages[0].validations.at(-1)!.figures.loss);
    }
    expectClose(losses[1], losses[0], { relative: 1e-4 });
  });

  it('gives a plain UNet the inputs for inpainting, starts as the folder is, and keeps them when it goes on from there', async () => {
    const still = { ...TRAINING, steps: 1, learningRate: 1e-9 };
    const losses: number[] = [];
    for (const inpaintingShare of [null, 0.5]) {
      const { stages } = await run(await configOf(latent, { vae: { trainable: false }, unet: { inpaintingShare, training: still } }), `share ${inpaintingShare}`);
      losses.push(stages[0].validations.at(-1)!.figures.loss);
    }
    expectClose(losses[1], losses[0], { relative: 1e-5 });
    const training = { ...TRAINING, steps: 10, emaDecay: 0 };
    const wide = await run(await configOf(latent, { vae: { trainable: false }, unet: { inpaintingShare: 1, training } }), 'wide');
    const pipeline = await loadPipeline(wide.pipelineFolder);
    expect(pipeline.unet!.config).toMatchObject({ in_channels: 5, out_channels: 2 });
    const added = tf.tidy(() => tf.slice(pipeline.unet!.parameters.get('conv_in.weight').variable, [0, 0, 2, 0], [-1, -1, 3, -1]).dataSync());
    expect(added.every((weight) => weight !== 0)).toBe(true);
    pipeline.dispose();
    const config = await configOf(wide.pipelineFolder, { unet: { training, classTable: 'keep' } });
    expect(config.unet).toMatchObject({ inpaintingShare: null, network: { in_channels: 5 } });
    expect((await run(config, 'on')).stages.at(-1)!.status).toBe('finished');
    await expect(configOf(wide.pipelineFolder, { unet: { inpaintingShare: 0 } })).rejects.toThrow(/unet\.network\.in_channels: got 5, expected 2[^]*Set unet\.inpaintingShare above 0/);
  });

  it('keeps a frozen autoencoder and its scale bit for bit, or measures the scale when told to', async () => {
    const result = await run(await configOf(latent, { vae: { trainable: false } }), 'frozen');
    expect(result.stages.map(({ stage }) => stage)).toEqual(['unet']);
    expect([result.latentScale, result.latentShift]).toEqual([0.4, 0]);
    const [own, { pipeline: first }] = [await loadPipeline(result.pipelineFolder), await importPipeline(latent)];
    expect(toReference(own.vae!.parameters)).toEqual(toReference(first.vae!.parameters));
    own.dispose();
    first.dispose();
    const measured = await run(await configOf(latent, { vae: { trainable: false, latentScale: 'measure' } }), 'measured');
    expect(measured.latentScale).not.toBe(0.4);
    const kept = await run(await configOf(latent, { vae: { latentScale: 'keep' } }), 'kept');
    expect(kept.latentScale).toBe(0.4);
    await expect(run(await configOf(latent, { vae: { trainable: false } }), 'vae', { stage: 'vae' })).rejects.toThrow(/vae\.trainable/);
  });

  it('makes the first UNet of a progressive run of a UNet for pictures, and trains the upscaler from nothing', async () => {
    const before = tf.memory().numTensors;
    const config = await configOf(join(FIXTURES, 'pixel'), { upscaler: tinyUpscaler().upscaler });
    const result = await run(config, 'progressive');
    expect(result.stages.map(({ stage, status }) => [stage, status])).toEqual([['unet', 'finished'], ['upscaler', 'finished']]);
    const pipeline = await loadPipeline(result.pipelineFolder);
    expect([pipeline.unet!.config.in_channels, pipeline.upscaler!.unet!.config.in_channels]).toEqual([3, 2]);
    expect(pipeline.upscaler!.unet!.config.num_class_embeds).toBe(3);
    pipeline.dispose();
    expect(tf.memory().numTensors).toBe(before);
    await expect(configOf(join(root, 'progressive'))).rejects.toThrow('got a pipeline with an upscaler');
  });

  it('takes a UNet on pictures of three channels, and one of AudioLDM with labels in place of prompts', async () => {
    const pixel = await run(await configOf(join(FIXTURES, 'pixel')), 'pixel');
    expect(pixel.stages.map(({ status }) => status)).toEqual(['finished']);
    const audioldm = join(FIXTURES, 'audioldm');
    await expect(run(await configOf(audioldm, { corpus: { path: 'nowhere' }, unet: { classTable: 'keep' } }), 'keep')).rejects.toThrow(/classTable to new/);
    const result = await run(await configOf(audioldm, { vae: { trainable: false } }), 'audioldm');
    const pipeline = await loadPipeline(result.pipelineFolder);
    expect(pipeline.unet!.config).toMatchObject({ num_class_embeds: 3, class_embed_type: null });
    pipeline.dispose();
  });

  it('goes on from a run of ours with the same labels, and asks for a key where they differ', async () => {
    const first = await run(await configOf(latent), 'first');
    const again = await run(await configOf(join(root, 'first'), { unet: { classTable: 'keep' } }), 'again');
    expect(again.status).toBe('finished');
    const pipeline = await loadPipeline(first.pipelineFolder);
    await savePipeline(join(root, 'other'), { ...pipeline, labels: ['low', 'kick'] });
    await expect(run(await configOf(join(root, 'other'), { unet: { classTable: 'keep' } }), 'keep')).rejects.toThrow(/labels: got low, kick, expected those of the corpus: low, high\. Set unet\.classTable to new/);
    const still = { ...TRAINING, steps: 1, learningRate: 1e-9 };
    const renewed = await run(await configOf(join(root, 'other'), { vae: { trainable: false }, unet: { classTable: 'new', training: still } }), 'renewed');
    const [before, after] = [pipeline, await loadPipeline(renewed.pipelineFolder)].map((one) => Array.from(one.unet!.parameters.get('class_embedding.weight').variable.dataSync<'float32'>()));
    const width = before.length / 3;
    const rows = (table: number[]): number[][] => [0, 1, 2].map((row) => table.slice(row * width, (row + 1) * width));
    const [low, , none] = rows(before);
    expectClose(rows(after).flat(), [low, none, none].flat(), { absolute: 1e-6 }); // `high` is new and starts as no label does
    pipeline.dispose();
  });

  it('resumes byte for byte, also from a moved folder, and refuses another one', async () => {
    const over = { vae: { training: { ...TRAINING, steps: 2 } }, unet: { training: TRAINING } };
    const config = await configOf(latent, over);
    await run(config, 'whole');
    const controller = new AbortController();
    await run(config, 'parts', { signal: controller.signal, reporter: { ...silentReporter, startProgress: (title) => ({ update: (done) => void (title === 'training unet' && done === 3 && controller.abort()), end: () => undefined }) } });
    cpSync(latent, join(root, 'moved'), { recursive: true });
    expect((await run(await configOf(join(root, 'moved'), over), 'parts', { resume: true })).status).toBe('finished');
    const weights = async (name: string): Promise<string[]> => [...(await readCheckpoint(join(root, name, 'state', 'unet', 'step-6'))).files.values()].map((bytes) => Buffer.from(bytes).toString('base64'));
    expect(await weights('parts')).toEqual(await weights('whole'));
    const config2 = JSON.parse(readFileSync(join(root, 'moved', 'unet', 'config.json'), 'utf8')) as object;
    writeFileSync(join(root, 'moved', 'unet', 'config.json'), JSON.stringify({ ...config2, _note: 'changed' }));
    await expect(run(await configOf(join(root, 'moved'), over), 'parts', { resume: true })).rejects.toThrow(/initialPipeline/);
  });

  it('says which mel settings its networks must unlearn', async () => {
    const { reporter, warnings } = recordingReporter();
    await run(await configOf(join(FIXTURES, 'audio'), { mel: { melBins: 8, frames: 16 } }), 'other mel', { reporter });
    expect(warnings.join()).toMatch(/other mel settings.*melBins 16.*there.*melBins 8/);
  });
});

import * as tf from '@tensorflow/tfjs';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toReference } from '../../src/nn/index.js';
import { loadPipeline, savePipeline } from '../../src/pipeline/folder.node.js';
import { modelHash, type Pipeline } from '../../src/pipeline/index.js';
import { useEngine } from '../support/engine.js';
import { SMALL_MEL, smallPipeline } from './small-pipeline.js';

useEngine();

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'melstrom pipeline é🥁-'));
  folder = join(root, 'pipeline');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function saved(pipeline: Pipeline): Promise<Pipeline> {
  await savePipeline(folder, pipeline);
  return loadPipeline(folder);
}

function json(...path: string[]): Record<string, unknown> {
  return JSON.parse(readFileSync(join(folder, ...path), 'utf8')) as Record<string, unknown>;
}

function edit(path: string, changes: Record<string, unknown>): void {
  writeFileSync(join(folder, path), JSON.stringify({ ...json(path), ...changes }));
}

const kinds = {
  latent: () => smallPipeline(),
  'plain autoencoder alone': () => smallPipeline({ vaeKind: 'plain', hasUnet: false }),
  'no shift': () => smallPipeline({ latentShift: 0 }),
  pixel: () => smallPipeline({ representation: 'pixel' }),
  'no classes': () => smallPipeline({ labels: [], unetNetwork: { num_class_embeds: null } }),
  epsilon: () => smallPipeline({ diffusion: { predictionType: 'epsilon', zeroTerminalSnr: false, betaSchedule: 'linear', betaStart: 1e-4, betaEnd: 0.02, minSnrGamma: null } }),
  'another scheduler': () => smallPipeline({ scheduler: { kind: 'euler', spacing: 'leading', stepsOffset: 1, sigmaSpacing: 'karras', sigmaMin: null, sigmaMax: 12, endsAtZero: false } }),
  flow: () => smallPipeline({ diffusion: { predictionType: 'flow', trainTimesteps: 500 } }),
} satisfies Record<string, () => Pipeline>;

describe.each(Object.entries(kinds))('pipeline folder: %s', (_, create) => {
  it('comes back bit for bit', async () => {
    const pipeline = create();
    const loaded = await saved(pipeline);
    const { vae, unet, dispose: ownDispose, ...rest } = pipeline;
    const { vae: loadedVae, unet: loadedUnet, dispose: loadedDispose, ...loadedRest } = loaded;
    expect(loadedRest).toEqual(rest);
    for (const [before, after] of [[vae, loadedVae], [unet, loadedUnet]] as const) {
      expect(after === null).toBe(before === null);
      if (before !== null && after !== null) expect(toReference(after.parameters)).toEqual(toReference(before.parameters));
    }
    expect(await modelHash(loaded)).toBe(await modelHash(pipeline));
    ownDispose();
    loadedDispose();
  });

  it('is left with the same number of tensors', async () => {
    const before = tf.memory().numTensors;
    const pipeline = create();
    (await saved(pipeline)).dispose();
    pipeline.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('pipeline folder', () => {
  it('is laid out as the reference has it', async () => {
    const pipeline = smallPipeline();
    await savePipeline(folder, pipeline);
    const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => entry.name);
    expect(found.sort()).toEqual(['config.json', 'config.json', 'diffusion_pytorch_model.safetensors', 'diffusion_pytorch_model.safetensors', 'mel_config.json', 'model_index.json', 'scheduler_config.json']);
    expect(json('model_index.json')).toMatchObject({ _class_name: 'MelstromPipeline', id2label: { 0: 'kick', 1: 'Snäre / drum' }, unet: ['diffusers', 'UNet2DModel'], vae: ['diffusers', 'AutoencoderKL'] });
    expect(json('vae', 'config.json')).toMatchObject({ _class_name: 'AutoencoderKL', scaling_factor: 1.7, shift_factor: 0.25, latent_channels: 3 });
    expect(json('unet', 'config.json')).toMatchObject({ _class_name: 'UNet2DModel', num_class_embeds: 3 });
    expect(json('scheduler', 'scheduler_config.json')).toMatchObject({ _class_name: 'DPMSolverMultistepScheduler', prediction_type: 'v_prediction', rescale_betas_zero_snr: true, timestep_spacing: 'trailing' });
    expect(readdirSync(root)).toEqual(['pipeline']);
    pipeline.dispose();
  });

  it('replaces an older one whole, and nothing that is not a pipeline', async () => {
    const [old, fresh] = [smallPipeline(), smallPipeline({ hasUnet: false })];
    await savePipeline(folder, old);
    await savePipeline(folder, fresh);
    expect(existsSync(join(folder, 'unet'))).toBe(false);
    const other = join(root, 'photos');
    mkdirSync(other);
    writeFileSync(join(other, 'holiday.jpg'), '');
    await expect(savePipeline(other, fresh)).rejects.toThrow('holiday.jpg');
    writeFileSync(join(root, 'file'), '');
    await expect(savePipeline(join(root, 'file', 'pipeline'), fresh)).rejects.toThrow(/file/);
    expect(readdirSync(root).sort()).toEqual(['file', 'photos', 'pipeline']);
    old.dispose();
    fresh.dispose();
  });

  it('is found again after a stop between the two renames', async () => {
    const pipeline = smallPipeline();
    await savePipeline(folder, pipeline);
    renameSync(folder, join(root, '.pipeline.previous'));
    (await loadPipeline(folder)).dispose();
    expect(readdirSync(root)).toEqual(['pipeline']);
    pipeline.dispose();
  });

  it('refuses another codec by the names of its settings', async () => {
    const pipeline = smallPipeline();
    await savePipeline(folder, pipeline);
    await expect(loadPipeline(folder, { expectedMel: { ...SMALL_MEL, hopSamples: 32, floorDb: -60 } })).rejects.toThrow(/hopSamples.*floorDb|floorDb.*hopSamples/);
    (await loadPipeline(folder, { expectedMel: { ...SMALL_MEL, frames: 64 } })).dispose();
    edit('mel/mel_config.json', { maxHz: 3999 });
    await expect(loadPipeline(folder)).rejects.toThrow('mel_config.json');
    pipeline.dispose();
  });

  it('is read where Python wrote an infinity', async () => {
    const pipeline = smallPipeline();
    await savePipeline(folder, pipeline);
    const path = join(folder, 'scheduler', 'scheduler_config.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('{', '{"lambda_min_clipped": -Infinity,'));
    const loaded = await loadPipeline(folder);
    expect(loaded.scheduler).toEqual(pipeline.scheduler);
    loaded.dispose();
    pipeline.dispose();
  });

  const damages: readonly (readonly [string, RegExp, () => void])[] = [
    ['no head', /model_index\.json.*no such file/, () => rmSync(join(folder, 'model_index.json'))],
    ['another pipeline class', /_class_name/, () => edit('model_index.json', { _class_name: 'StableDiffusionPipeline' })],
    ['labels with a hole', /id2label/, () => edit('model_index.json', { id2label: { 0: 'kick', 2: 'snare' } })],
    ['a label too few', /num_class_embeds/, () => edit('model_index.json', { id2label: { 0: 'kick' } })],
    ['no weights', /unet.*safetensors.*no such file/, () => rmSync(join(folder, 'unet', 'diffusion_pytorch_model.safetensors'))],
    ['cut weights', /vae.*safetensors/, () => writeFileSync(join(folder, 'vae', 'diffusion_pytorch_model.safetensors'), readFileSync(join(folder, 'vae', 'diffusion_pytorch_model.safetensors')).subarray(0, 3000))],
    ['another width', /safetensors.*shape/s, () => edit('vae/config.json', { block_out_channels: [8, 8] })],
    ['an unknown key', /latent_chanels/, () => edit('vae/config.json', { latent_chanels: 3 })],
    ['another network class', /vae.*_class_name/s, () => edit('vae/config.json', { _class_name: 'VQModel' })],
    ['an unknown prediction', /scheduler_config\.json: prediction_type: got "score", expected one of epsilon, sample, v_prediction/, () => edit('scheduler/scheduler_config.json', { prediction_type: 'score' })],
    ['an unknown scheduler key', /scheduler_config\.json: use_karas_sigmas.*use_karras_sigmas/s, () => edit('scheduler/scheduler_config.json', { use_karas_sigmas: true })],
    ['no JSON', /scheduler_config\.json.*JSON/, () => writeFileSync(join(folder, 'scheduler', 'scheduler_config.json'), '{')],
    ['no floor in the codec', /floorDb/, () => edit('mel/mel_config.json', { floorDb: undefined })],
  ];

  it.each(damages)('with %s is refused by name, and leaves no tensors', async (_, message, damage) => {
    const pipeline = smallPipeline();
    await savePipeline(folder, pipeline);
    damage();
    const before = tf.memory().numTensors;
    await expect(loadPipeline(folder)).rejects.toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
    pipeline.dispose();
  });

  it('takes the reference\'s defaults for what a config.json leaves out', async () => {
    const pipeline = smallPipeline();
    await savePipeline(folder, pipeline);
    const { layers_per_block: layers, ...rest } = json('vae', 'config.json');
    expect(layers).toBe(1);
    writeFileSync(join(folder, 'vae', 'config.json'), JSON.stringify(rest));
    const loaded = await loadPipeline(folder);
    expect(loaded.vae!.config.layers_per_block).toBe(1);
    loaded.dispose();
    pipeline.dispose();
  });
});

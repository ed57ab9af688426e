import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAutoencoderKL } from '../../src/models/index.js';
import { decodeSafetensors } from '../../src/nn/index.js';
import { exportPipeline } from '../../src/pipeline/export.node.js';
import { importPipeline } from '../../src/pipeline/import.node.js';
import { createPipeline, decodeLatents, encodeLatents } from '../../src/pipeline/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { smallPipeline } from './small-pipeline.js';

useEngine();

const FIXTURES = fileURLToPath(new URL('fixtures/diffusers', import.meta.url));
const at = (...names: string[]): string => join(FIXTURES, ...names);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'melstrom export é🥁-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** What a configuration says: keys that begin with an underscore are passed over by the reference. */
function keysOf(path: string): Record<string, unknown> {
  const all = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(all).filter(([key]) => !key.startsWith('_')));
}

describe('export', () => {
  it('gives a folder of diffusers back as it was', async () => {
    const { pipeline } = await importPipeline(at('latent'));
    const report = await exportPipeline(join(root, 'out'), pipeline);
    expect(report.className).toBe('LDMPipeline');
    for (const [part, own] of [['vqvae', 'vqvae'], ['unet', 'unet']]) {
      const [back, first] = [join(root, 'out', part), at('latent', own)].map((folder) => decodeSafetensors(readFileSync(join(folder, 'diffusion_pytorch_model.safetensors')), folder));
      expect([...back].toSorted()).toEqual([...first].toSorted());
    }
    expect(JSON.parse(readFileSync(join(root, 'out', 'model_index.json'), 'utf8'))).toMatchObject({ _class_name: 'LDMPipeline', vqvae: ['diffusers', 'AutoencoderKL'], unet: ['diffusers', 'UNet2DModel'] });
    pipeline.dispose();
  });

  it.each([['latent', {}], ['pixel', { representation: 'pixel' as const }], ['an autoencoder alone', { hasUnet: false }]])('of %s is imported again with labels and mel settings, and answers alike', async (_, options) => {
    const own = smallPipeline(options);
    const report = await exportPipeline(join(root, 'out'), own);
    const { pipeline: back } = await importPipeline(join(root, 'out'));
    expect(back).toMatchObject({ mel: own.mel, labels: own.labels, vaeKind: own.vaeKind, representation: own.representation });
    const image = tf.tensor4d(Float32Array.from({ length: 128 }, (_, index) => Math.sin(0.37 * index)), [1, 8, 16, 1]);
    const latents = encodeLatents(own, image, null);
    expectClose(encodeLatents(back, image, null).dataSync<'float32'>(), latents.dataSync<'float32'>(), { absolute: 1e-5 });
    expectClose(decodeLatents(back, latents).dataSync<'float32'>(), decodeLatents(own, latents).dataSync<'float32'>(), { absolute: 1e-5 });
    if (own.vae !== null) {
      expect(back.latentShift).toBe(0); // the shift has moved into the weights
      expect(report.notes.join()).toContain('is moved into quant_conv');
    }
    own.dispose();
    back.dispose();
  });

  it.each([[[4, 4], 4, true], [[4, 8], [4, 8], false], [null, null, false], [8, 8, true]])('writes a UNet for %j as %j, and says whether LDMPipeline draws that', async (sample_size, written, isDrawn) => {
    const pipeline = smallPipeline({ unetNetwork: { sample_size } });
    const { notes } = await exportPipeline(join(root, 'out'), pipeline);
    expect(keysOf(join(root, 'out', 'unet/config.json')).sample_size).toEqual(written);
    expect(notes.some((note) => note.includes('draws squares alone'))).toBe(!isDrawn);
    expect(notes.join()).toContain('LDMPipeline(vqvae=…');
    pipeline.dispose();
  });

  it('keeps the shift where there is no 1×1 convolution to take it', async () => {
    const whole = smallPipeline({ hasUnet: false });
    const vae = createAutoencoderKL({ ...whole.vae!.config, use_quant_conv: false, use_post_quant_conv: false }, { seed: 1 });
    const pipeline = createPipeline({ ...whole, vae });
    const { notes } = await exportPipeline(join(root, 'out'), pipeline);
    expect(notes).toEqual([expect.stringContaining('must be shifted by 0.2500 by hand')]);
    const { pipeline: back } = await importPipeline(join(root, 'out'));
    expect(back.latentShift).toBe(0.25);
    for (const one of [whole, pipeline, back]) one.dispose();
  });

  it('rounds to half precision when told to', async () => {
    const { pipeline } = await importPipeline(at('latent'));
    await exportPipeline(join(root, 'half'), pipeline, { dtype: 'F16' });
    const [half, whole] = [join(root, 'half'), at('latent')].map((folder) => decodeSafetensors(readFileSync(join(folder, 'unet', 'diffusion_pytorch_model.safetensors')), folder).get('conv_in.weight')!);
    expect(half.data).not.toEqual(whole.data);
    expectClose(half.data, whole.data, { relative: 2 ** -11, absolute: 2 ** -24 });
    pipeline.dispose();
  });

  it('gives a text-to-image folder back as it was', async () => {
    const folder = fileURLToPath(new URL('fixtures/text-to-image', import.meta.url));
    const { pipeline } = await importPipeline(folder);
    const { className, notes } = await exportPipeline(join(root, 'out'), pipeline);
    expect([className, notes]).toEqual(['StableDiffusionPipeline', []]);
    for (const file of ['vae/diffusion_pytorch_model.safetensors', 'unet/diffusion_pytorch_model.safetensors', 'text_encoder/model.safetensors']) {
      const [back, first] = [join(root, 'out', file), join(folder, file)].map((path) => new Map([...decodeSafetensors(readFileSync(path), path)].map(([name, tensor]) => [name.replace(/^text_model\./, ''), tensor])));
      expect([...back].toSorted()).toEqual([...first].toSorted());
    }
    for (const file of ['model_index.json', 'vae/config.json', 'unet/config.json']) expect(keysOf(join(root, 'out', file)), file).toEqual(keysOf(join(folder, file)));
    expect(keysOf(join(root, 'out', 'text_encoder/config.json'))).toEqual({ ...keysOf(join(folder, 'text_encoder/config.json')), dropout: 0 }); // as published files have it
    expect(keysOf(join(folder, 'scheduler/scheduler_config.json'))).toMatchObject(keysOf(join(root, 'out', 'scheduler/scheduler_config.json'))); // what it leaves out is as the class has it
    await expect(exportPipeline(join(root, 'ldm'), pipeline, { pipelineClass: 'DDPMPipeline' })).rejects.toThrow(/got a pipeline with an autoencoder/);
    pipeline.dispose();
    const silent = smallPipeline();
    await expect(exportPipeline(join(root, 'sd'), silent, { pipelineClass: 'StableDiffusionPipeline' })).rejects.toThrow(/without text encoder/);
    silent.dispose();
  });

  it('writes audio-diffusion, and refuses a class whose parts are not there', async () => {
    const { pipeline } = await importPipeline(at('audio'));
    await exportPipeline(join(root, 'audio'), pipeline, { pipelineClass: 'AudioDiffusionPipeline' });
    expect(JSON.parse(readFileSync(join(root, 'audio', 'mel', 'mel_config.json'), 'utf8'))).toEqual(JSON.parse(readFileSync(at('audio', 'mel', 'mel_config.json'), 'utf8')));
    await expect(exportPipeline(join(root, 'b'), pipeline, { pipelineClass: 'LDMPipeline' })).rejects.toThrow(/LDMPipeline: got a pipeline on pixels/);
    const latent = smallPipeline();
    await expect(exportPipeline(join(root, 'c'), latent, { pipelineClass: 'DDIMPipeline' })).rejects.toThrow(/got a pipeline with an autoencoder/);
    await expect(exportPipeline(join(root, 'd'), latent, { pipelineClass: 'AudioDiffusionPipeline' })).rejects.toThrow(/melNorm/);
    latent.dispose();
    pipeline.dispose();
  });
});

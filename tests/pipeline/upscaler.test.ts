import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runConfigSchema, type RunConfig } from '../../src/config/run-config.js';
import { toReference } from '../../src/nn/index.js';
import { exportPipeline } from '../../src/pipeline/export.node.js';
import { loadPipeline, savePipeline } from '../../src/pipeline/folder.node.js';
import { importPipeline } from '../../src/pipeline/import.node.js';
import { createGuidedDenoiser, createPipeline, createPipelineDenoiser, enlargeImages, frameMultiple, modelHash, reduceImages, sampleShape } from '../../src/pipeline/index.js';
import { readInitialDefaults } from '../../src/pipeline/initial-defaults.node.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { smallPipeline } from './small-pipeline.js';
import { progressivePipeline, smallUpscaler } from './small-upscaler.js';

useEngine();

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'melstrom upscaler é🥁-'));
  folder = join(root, 'pipeline');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const read = (...path: string[]): Record<string, unknown> => JSON.parse(readFileSync(join(folder, ...path), 'utf8')) as Record<string, unknown>;
const ramp = (shape: [number, number, number, number]): tf.Tensor4D => tf.tensor4d(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, index) => Math.sin(index)), shape);

describe('small images', () => {
  it.each([2, 4] as const)('are means of squares of %i, and enlarged to squares alike', (factor) => {
    const before = tf.memory().numTensors;
    const images = ramp([2, 8, 16, 1]);
    const small = reduceImages(images, factor);
    const large = enlargeImages(small, factor);
    expect(small.shape).toEqual([2, 8 / factor, 16 / factor, 1]);
    expect(large.shape).toEqual(images.shape);
    const values = images.arraySync();
    let sum = 0;
    for (let row = 0; row < factor; row += 1) for (let column = 0; column < factor; column += 1) sum += values[1][factor + row][2 * factor + column][0];
    expectClose(small.arraySync()[1][1][2][0], sum / factor ** 2, { absolute: 1e-6 });
    expect(large.arraySync()[1][2 * factor - 1][3 * factor - 1]).toEqual(small.arraySync()[1][1][2]);
    const again = reduceImages(large, factor);
    expectClose(again.dataSync(), small.dataSync(), { absolute: 1e-6 });
    tf.dispose([images, small, large, again]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a pipeline with an upscaler', () => {
  it('diffuses small images, of sizes that both networks halve evenly', () => {
    const [two, four] = [progressivePipeline(), progressivePipeline({ factor: 4 })];
    expect(sampleShape(two)).toEqual([4, 8, 1]);
    expect(sampleShape(four, 24)).toEqual([2, 6, 1]);
    expect([frameMultiple(two), frameMultiple(four)]).toEqual([4, 8]);
    expect(() => sampleShape(four, 20)).toThrow('multiples of 8');
    two.dispose();
    four.dispose();
  });

  it('refuses one that does not fit, by name', () => {
    const [pixel, latent] = [smallPipeline({ representation: 'pixel' }), smallPipeline()];
    const good = smallUpscaler();
    const [narrow, other] = [smallUpscaler({ in_channels: 1 }), smallUpscaler({ num_class_embeds: 8 })];
    expect(() => createPipeline({ ...latent, upscaler: { factor: 2, unet: good } })).toThrow('upscaler: got one, expected none');
    expect(() => createPipeline({ ...pixel, upscaler: { factor: 3 as 2, unet: good } })).toThrow('upscaler: factor');
    expect(() => createPipeline({ ...pixel, upscaler: { factor: 2, unet: narrow } })).toThrow('upscaler: in_channels and out_channels: got 1 and 1, expected 2 and 1');
    expect(() => createPipeline({ ...pixel, upscaler: { factor: 2, unet: other } })).toThrow('upscaler: num_class_embeds: got 8, expected 3');
    for (const part of [pixel, latent, good, narrow, other]) part.dispose();
  });

  it('asks the upscaler with the enlarged image as its second channel, under guidance in both branches', () => {
    const pipeline = progressivePipeline({ diffusion: { predictionType: 'sample' } });
    const unet = pipeline.upscaler!.unet!;
    tf.tidy(() => {
      const [noisy, enlarged, other] = [ramp([2, 8, 16, 1]), enlargeImages(ramp([2, 4, 8, 1]), 2), enlargeImages(tf.neg(ramp([2, 4, 8, 1])), 2)];
      const asked = { unet, labels: pipeline.labels, diffusion: pipeline.diffusion };
      const denoise = createPipelineDenoiser(asked, () => 300);
      const sigma = 1;
      const classLabels = Int32Array.of(0, 1);
      const answer = denoise(noisy, sigma, { classLabels, beside: enlarged });
      const direct = unet.forward({ sample: tf.concat([tf.mul(noisy, Math.SQRT1_2), enlarged], 3) as tf.Tensor4D, timestep: tf.tensor1d([300, 300]), classLabels: tf.tensor1d([0, 1], 'int32') });
      expectClose(answer.dataSync(), direct.dataSync(), { absolute: 1e-5 });
      expect(denoise(noisy, sigma, { classLabels, beside: other }).dataSync()).not.toEqual(answer.dataSync());
      const free = denoise(noisy, sigma, { classLabels: null, beside: enlarged });
      const guided = createGuidedDenoiser(asked, { guidance: 3, timestepAt: () => 300 })(noisy, sigma, { classLabels, beside: enlarged });
      expectClose(guided.dataSync(), tf.add(free, tf.mul(tf.sub(answer, free), 3)).dataSync(), { absolute: 2e-5 });
    });
    pipeline.dispose();
  });
});

describe('its folder', () => {
  it('comes back bit for bit, in the layout of the reference', async () => {
    const before = tf.memory().numTensors;
    const pipeline = progressivePipeline({ factor: 4 });
    await savePipeline(folder, pipeline);
    expect(readdirSync(join(folder, 'upscaler')).sort()).toEqual(['config.json', 'diffusion_pytorch_model.safetensors']);
    expect(read('upscaler', 'config.json')).toMatchObject({ _class_name: 'UNet2DModel', in_channels: 2, out_channels: 1, num_class_embeds: 3 });
    expect(read('model_index.json')).toMatchObject({ upscaler: ['diffusers', 'UNet2DModel'], upscaler_factor: 4 });
    const loaded = await loadPipeline(folder);
    expect(loaded.upscaler!.factor).toBe(4);
    expect(toReference(loaded.upscaler!.unet!.parameters)).toEqual(toReference(pipeline.upscaler!.unet!.parameters));
    expect(await modelHash(loaded)).toBe(await modelHash(pipeline));
    expect(await modelHash(loaded)).not.toBe(await modelHash({ ...loaded, upscaler: null }));
    pipeline.dispose();
    loaded.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('keeps the factor while the upscaler is not trained, and says nothing of one where there is none', async () => {
    const [early, plain] = [progressivePipeline({ upscaler: { factor: 2, unet: null } }), smallPipeline({ representation: 'pixel' })];
    await savePipeline(folder, early);
    expect(read('model_index.json')).toMatchObject({ upscaler: [null, null], upscaler_factor: 2 });
    const loaded = await loadPipeline(folder);
    expect(loaded.upscaler).toEqual({ factor: 2, unet: null });
    await savePipeline(folder, plain);
    expect(Object.keys(read('model_index.json')).join(' ')).not.toContain('upscaler');
    for (const pipeline of [early, plain, loaded]) pipeline.dispose();
  });

  it('names what is wrong with it', async () => {
    const pipeline = progressivePipeline();
    await savePipeline(folder, pipeline);
    pipeline.dispose();
    const index = read('model_index.json');
    writeFileSync(join(folder, 'model_index.json'), JSON.stringify({ ...index, upscaler_factor: 3 }));
    await expect(loadPipeline(folder)).rejects.toThrow('upscaler_factor: got 3, expected one of 2, 4');
    writeFileSync(join(folder, 'model_index.json'), JSON.stringify(index));
    rmSync(join(folder, 'upscaler', 'diffusion_pytorch_model.safetensors'));
    const before = tf.memory().numTensors;
    await expect(loadPipeline(folder)).rejects.toThrow(join('upscaler', 'diffusion_pytorch_model'));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is no folder to retrain from', async () => {
    const pipeline = progressivePipeline();
    await savePipeline(folder, pipeline);
    pipeline.dispose();
    const config = runConfigSchema.parse({ corpus: { path: 'x' } }) as RunConfig;
    await expect(readInitialDefaults(folder, config)).rejects.toThrow(/got a pipeline with an upscaler, expected one whose UNet draws the whole image/);
  });

  it('is exported beside the UNet, comes back by import, and is refused where the class has no use for it', async () => {
    const pipeline = progressivePipeline();
    const report = await exportPipeline(folder, pipeline);
    expect(report).toMatchObject({ className: 'DDIMPipeline' });
    expect(report.notes.join('\n')).toContain('upscaler/ is a UNet2DModel');
    const imported = await importPipeline(folder);
    expect(imported.report.taken).toContain('upscaler (UNet2DModel, from images 2 times smaller)');
    expect(await modelHash(imported.pipeline)).toBe(await modelHash(pipeline));
    await expect(exportPipeline(folder, pipeline, { pipelineClass: 'AudioDiffusionPipeline' })).rejects.toThrow('draws a small image first');
    imported.pipeline.dispose();
    pipeline.dispose();
  });
});

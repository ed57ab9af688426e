import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeOneChannel, encodeOneChannel } from '../../src/models/index.js';
import { decodeSafetensors, encodeSafetensors, toReference, type HostTensor } from '../../src/nn/index.js';
import { loadPipeline, savePipeline } from '../../src/pipeline/folder.node.js';
import { importPipeline } from '../../src/pipeline/import.node.js';
import type { Pipeline } from '../../src/pipeline/index.js';
import { forwardUnet } from '../../src/pipeline/denoiser.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { smallPipeline } from './small-pipeline.js';

useEngine();

const FIXTURES = fileURLToPath(new URL('fixtures/diffusers', import.meta.url));
const at = (...names: string[]): string => join(FIXTURES, ...names);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'melstrom import é🥁-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

interface Numbers {
  readonly shape: number[];
  readonly data: number[];
}

function answers(): Record<'latent', { vae: Record<'mean' | 'logvar' | 'decoded', Numbers>; unet: Numbers }> & Record<'pixel' | 'audio', { unet: Numbers }> {
  const text = readFileSync(new URL('fixtures/diffusers.json', import.meta.url), 'utf8');
  expect(createHash('sha256').update(text).digest('hex')).toBe(readFileSync(new URL('fixtures/diffusers.json.sha256', import.meta.url), 'utf8').trim());
  return JSON.parse(text) as ReturnType<typeof answers>;
}

/** The input that the fixture's script makes: [B, C, H, W] in its order, as [B, H, W, C]. */
function ramp(channels: number, rows: number, columns: number): tf.Tensor4D {
  const values = Float32Array.from({ length: channels * rows * columns }, (_, index) => Math.sin(0.37 * index));
  return tf.tidy(() => tf.transpose(tf.tensor4d(values, [1, channels, rows, columns]), [0, 2, 3, 1]));
}

/** Within 1e-4 of the largest value. */
function expectSame(got: tf.Tensor4D, expected: Numbers): void {
  const moved = tf.transpose(got, [0, 3, 1, 2]);
  const largest = Math.max(...expected.data.map(Math.abs));
  expectClose({ shape: moved.shape, data: moved.dataSync<'float32'>() }, expected, { absolute: 1e-4 * largest, relative: 1e-4 });
}

function askVae(pipeline: Pipeline): Record<'mean' | 'logvar' | 'decoded', tf.Tensor4D> {
  const { mean, logVariance } = encodeOneChannel(pipeline.vae!, ramp(1, 8, 16));
  return { mean, logvar: logVariance, decoded: decodeOneChannel(pipeline.vae!, ramp(2, 4, 8)) };
}

function askUnet(pipeline: Pipeline, sample: tf.Tensor4D): tf.Tensor4D {
  return forwardUnet(pipeline.unet!, { sample, timestep: tf.tensor1d([7]) });
}

describe.each(['repeat', 'adapt'] as const)('folders of diffusers, by the rule %s', (channels) => {
  it('answer as there: autoencoder and UNet on latents', async () => {
    const expected = answers().latent;
    const { pipeline, report } = await importPipeline(at('latent'), { channels });
    const got = askVae(pipeline);
    for (const name of ['mean', 'logvar', 'decoded'] as const) expectSame(got[name], expected.vae[name]);
    expectSame(askUnet(pipeline, ramp(2, 4, 8)), expected.unet);
    expect(pipeline).toMatchObject({ representation: 'latent', latentScale: 0.4, latentShift: 0, diffusion: { predictionType: 'epsilon', betaSchedule: 'scaled_linear' } });
    expect(pipeline.vae!.config.in_channels).toBe(channels === 'repeat' ? 3 : 1);
    expect(report).toMatchObject({ className: 'LDMPipeline', leftOut: [], notes: [expect.stringContaining(channels === 'repeat' ? 'in all 3 channels' : 'summed over its 3 channels')] });
    expect(report.mel).toMatchObject({ melBins: 8, frames: 16 }); // the UNet's 4 × 8, twice as large before the autoencoder
    expect(report.melReason).toContain('says nothing of sound');
    pipeline.dispose();
  });

  it('answer as there: a UNet on pictures of three channels', async () => {
    const { pipeline } = await importPipeline(at('pixel'), { channels });
    expectSame(askUnet(pipeline, ramp(1, 8, 16)), answers().pixel.unet);
    expect(pipeline.unet!.config.in_channels).toBe(channels === 'repeat' ? 3 : 1);
    pipeline.dispose();
  });
});

describe('import', () => {
  it('takes audio-diffusion with its mel settings', async () => {
    const { pipeline, report } = await importPipeline(at('audio'));
    expectSame(askUnet(pipeline, ramp(1, 16, 32)), answers().audio.unet);
    expect(pipeline.mel).toMatchObject({ sampleRateHz: 8000, fftSize: 512, windowSamples: 512, hopSamples: 128, melBins: 16, frames: 32, minHz: 0, maxHz: 4000, melNorm: 'slaney' });
    expect(pipeline.mel.ceilingDb - pipeline.mel.floorDb).toBe(80);
    expect(report.melReason).toMatch(/the folder's own/);
    pipeline.dispose();
  });

  it('takes the networks of AudioLDM and names what it leaves', async () => {
    const { pipeline, report } = await importPipeline(at('audioldm'));
    expect(report.leftOut.map(({ part }) => part)).toEqual(['text_encoder (ClapTextModelWithProjection)', 'tokenizer (RobertaTokenizerFast)', 'vocoder (SpeechT5HifiGan)']);
    expect(report.notes.join()).toContain('attends to a condition that nothing here makes');
    expect(pipeline.mel).toMatchObject({ sampleRateHz: 16_000, hopSamples: 160, melBins: 64 });
    await savePipeline(join(root, 'own'), pipeline);
    const loaded = await loadPipeline(join(root, 'own'));
    expect(toReference(loaded.unet!.parameters)).toEqual(toReference(pipeline.unet!.parameters));
    pipeline.dispose();
    loaded.dispose();
  });

  it('takes an autoencoder alone, in half precision and two parts, under the name of a variant', async () => {
    const expected = answers().latent.vae;
    const { pipeline, report } = await importPipeline(at('variant'));
    expect(report.className).toBe('AutoencoderKL');
    expect(pipeline.unet).toBeNull();
    const { mean, decoded } = askVae(pipeline);
    for (const [got, { data }] of [[mean, expected.mean], [decoded, expected.decoded]] as const) {
      const largest = Math.max(...data.map(Math.abs));
      const moved = tf.transpose(got, [0, 3, 1, 2]).dataSync<'float32'>();
      expectClose(moved, data, { absolute: 1e-2 * largest }); // weights have 11 bits
    }
    await expect(importPipeline(at('variant'), { variant: 'ema' })).rejects.toThrow(/variants fp16.*the variant ema.*--variant/);
    pipeline.dispose();
  });

  it('takes other mel settings when told to', async () => {
    const mel = smallPipeline({ hasUnet: false });
    const { pipeline, report } = await importPipeline(at('latent'), { mel: { mel: mel.mel, reason: 'as asked' } });
    expect(pipeline.mel).toEqual(mel.mel);
    expect(report.melReason).toBe('as asked');
    mel.dispose();
    pipeline.dispose();
  });

  it('reads names that attentions had in older files', async () => {
    const folder = copyOf('latent');
    changeWeights(join(folder, 'vqvae'), (tensors) => new Map([...tensors].map(([name, tensor]) => [
      name.replace('to_q.', 'query.').replace('to_k.', 'key.').replace('to_v.', 'value.').replace('to_out.0.', 'proj_attn.'), tensor,
    ])));
    const [{ pipeline: old }, { pipeline: fresh }] = [await importPipeline(folder), await importPipeline(at('latent'))];
    expect(toReference(old.vae!.parameters)).toEqual(toReference(fresh.vae!.parameters));
    old.dispose();
    fresh.dispose();
  });

  it('refuses weights that do not fit, and takes what fits when told to', async () => {
    const folder = copyOf('latent');
    changeWeights(join(folder, 'unet'), (tensors) => {
      tensors.set('extra.weight', tensors.get('conv_out.bias')!);
      tensors.set('conv_in.bias', { shape: [2], data: new Float32Array(2) });
      tensors.delete('conv_out.bias');
      return tensors;
    });
    const before = tf.memory().numTensors;
    await expect(importPipeline(folder)).rejects.toThrow(/conv_out\.bias is missing; extra\.weight is unexpected; conv_in\.bias has shape \[2\] and not \[4\]/);
    expect(tf.memory().numTensors).toBe(before);
    const { pipeline, report } = await importPipeline(folder, { isPartial: true });
    expect(report.weights.unet).toEqual({ missing: ['conv_out.bias'], unexpected: ['extra.weight'], misshapen: ['conv_in.bias'] });
    expect(report.weights.vae).toEqual({ missing: [], unexpected: [], misshapen: [] });
    expect(pipeline.unet!.parameters.get('conv_in.bias').variable.shape).toEqual([4]);
    pipeline.dispose();
  });

  const damages: readonly (readonly [string, RegExp, (folder: string) => void])[] = [
    ['pickled weights', /\.bin: got a file that may run code.*safetensors.*save_pretrained/, (folder) => renameSync(weightsOf(folder), join(folder, 'unet', 'diffusion_pytorch_model.bin'))],
    ['a pickled checkpoint beside nothing else', /\.ckpt: got a file that may run code/, (folder) => renameSync(weightsOf(folder), join(folder, 'unet', 'model.ckpt'))],
    ['cut weights', /cut short/, (folder) => writeFileSync(weightsOf(folder), readFileSync(weightsOf(folder)).subarray(0, 20_000))],
    ['more bytes than the header says', /bytes of data/, (folder) => writeFileSync(weightsOf(folder), Buffer.concat([readFileSync(weightsOf(folder)), Buffer.alloc(4)]))],
    ['a header of impossible length', /a header of 90000000 bytes in a file/, (folder) => writeFileSync(weightsOf(folder), Buffer.concat([Buffer.from(BigUint64Array.of(90_000_000n).buffer), Buffer.alloc(64)]))],
    ['an autoencoder that is not run here', /VQModel that can be run here/, (folder) => edit(join(folder, 'model_index.json'), { vqvae: ['diffusers', 'VQModel'] })],
    ['a pipeline that is not known', /_class_name: got FluxPipeline, expected one of MelstromPipeline, DDPMPipeline/, (folder) => edit(join(folder, 'model_index.json'), { _class_name: 'FluxPipeline' })],
    ['a key that is not known', /attention_heads/, (folder) => edit(join(folder, 'unet', 'config.json'), { attention_heads: 3 })],
  ];
  it.each(damages)('refuses %s by name', async (_, message, damage) => {
    const folder = copyOf('latent');
    damage(folder);
    await expect(importPipeline(folder)).rejects.toThrow(message);
  });

  it('refuses shards that do not agree with their index, and single files', async () => {
    const folder = copyOf('variant');
    const index = join(folder, 'diffusion_pytorch_model.safetensors.index.fp16.json');
    const { weight_map: map } = JSON.parse(readFileSync(index, 'utf8')) as { weight_map: Record<string, string> };
    const refused = async (changed: Record<string, unknown>): Promise<string> => {
      edit(index, { weight_map: changed });
      return importPipeline(folder).then(() => 'taken', (error: Error) => error.message);
    };
    expect(await refused({ ...map, 'nothing.weight': map['quant_conv.bias'] })).toContain('no nothing.weight');
    expect(await refused(Object.fromEntries(Object.entries(map).slice(1)))).toContain('which the index has elsewhere or not at all');
    expect(await refused({ ...map, 'quant_conv.bias': '../elsewhere.safetensors' })).toContain("the shard '../elsewhere.safetensors'");
    expect(await refused({ ...map, 'more.weight': 'diffusion_pytorch_model-00003-of-00003.safetensors' })).toContain('no such file');
    const [file, pickle] = [join(root, 'sd.safetensors'), join(root, 'sd.ckpt')];
    for (const path of [file, pickle]) writeFileSync(path, '');
    await expect(importPipeline(file)).rejects.toThrow(/a single file.*from_single_file/);
    await expect(importPipeline(pickle)).rejects.toThrow(/may run code/);
  });
});

function copyOf(name: string): string {
  const folder = join(root, name);
  cpSync(at(name), folder, { recursive: true });
  return folder;
}

function weightsOf(folder: string): string {
  return join(folder, 'unet', 'diffusion_pytorch_model.safetensors');
}

function changeWeights(folder: string, change: (tensors: Map<string, HostTensor>) => Map<string, HostTensor>): void {
  const path = join(folder, 'diffusion_pytorch_model.safetensors');
  writeFileSync(path, encodeSafetensors(change(decodeSafetensors(readFileSync(path), path))));
}

function edit(path: string, changes: Record<string, unknown>): void {
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...changes }));
}

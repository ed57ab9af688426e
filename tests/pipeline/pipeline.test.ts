import * as tf from '@tensorflow/tfjs';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { createNoiseSchedule, drawNoise } from '../../src/diffusion/index.js';
import {
  createGuidedDenoiser, createPipeline, createPipelineDenoiser, decodeLatents, encodeLatents, frameMultiple, MELSTROM_VERSION, nullClassOf, sampleShape,
} from '../../src/pipeline/index.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { smallPipeline } from './small-pipeline.js';

useEngine();

const noiseOf = (shape: [number, number, number, number], seed = 1): tf.Tensor4D =>
  drawNoise(Array.from({ length: shape[0] }, (_, item) => createRandom(seed, 'test', item)), shape);

describe('pipeline', () => {
  it('knows the shape of what is diffused', () => {
    const latent = smallPipeline();
    expect(sampleShape(latent)).toEqual([4, 8, 3]);
    expect(sampleShape(latent, 32)).toEqual([4, 16, 3]);
    expect(frameMultiple(latent)).toBe(4);
    expect(() => sampleShape(latent, 30)).toThrow('multiples of 4');
    const pixel = smallPipeline({ representation: 'pixel' });
    expect(sampleShape(pixel)).toEqual([8, 16, 1]);
    latent.dispose();
    pixel.dispose();
  });

  it('refuses parts that do not fit, by name', () => {
    const latent = smallPipeline();
    const pixel = smallPipeline({ representation: 'pixel' });
    const unlabelled = smallPipeline({ unetNetwork: { num_class_embeds: null }, labels: [] });
    expect(() => createPipeline({ ...latent, vae: null })).toThrow('vae');
    expect(() => createPipeline({ ...latent, representation: 'pixel' })).toThrow('vae');
    expect(() => createPipeline({ ...latent, unet: pixel.unet })).toThrow('in_channels and out_channels');
    expect(() => createPipeline({ ...latent, labels: ['one'] })).toThrow('num_class_embeds');
    expect(() => createPipeline({ ...unlabelled, labels: ['one'] })).toThrow('since there are labels');
    expect(() => createPipeline({ ...latent, latentScale: 0 })).toThrow('scaling_factor');
    expect(() => createPipeline({ ...latent, latentShift: Number.NaN })).toThrow('shift_factor');
    expect(() => createPipeline({ ...latent, mel: { ...latent.mel, melBins: 9 } })).toThrow('mel bins');
    expect(() => createPipeline({ ...latent, scheduler: { kind: 'flow', shift: 1 } })).toThrow('scheduler');
    expect(nullClassOf(latent)).toBe(2);
    expect(nullClassOf(unlabelled)).toBeNull();
    for (const pipeline of [latent, pixel, unlabelled]) pipeline.dispose();
  });

  it('carries the version of the package', () => {
    expect(MELSTROM_VERSION).toBe((JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version);
  });
});

describe('latents', () => {
  it('are shifted and scaled, and come back', () => {
    const pipeline = smallPipeline();
    const plain = { ...pipeline, latentScale: 1, latentShift: 0 };
    tf.tidy(() => {
      const images = noiseOf([2, 8, 16, 1]);
      const raw = encodeLatents(plain, images, null).dataSync();
      expectClose(encodeLatents(pipeline, images, null).dataSync(), Array.from(raw, (value) => (value - 0.25) * 1.7), { absolute: 1e-5 });
      const decoded = decodeLatents(pipeline, encodeLatents(pipeline, images, null));
      expect(decoded.shape).toEqual([2, 8, 16, 1]);
      expectClose(decoded.dataSync(), decodeLatents(plain, encodeLatents(plain, images, null)).dataSync(), { absolute: 1e-4 });
    });
    pipeline.dispose();
  });

  it('are drawn from the posterior with noise, but for a plain autoencoder', () => {
    const pipeline = smallPipeline();
    tf.tidy(() => {
      const images = noiseOf([1, 8, 16, 1]);
      const noise = noiseOf([1, 4, 8, 3], 9);
      const mean = encodeLatents(pipeline, images, null).dataSync();
      expect(encodeLatents(pipeline, images, noise).dataSync()).not.toEqual(mean);
      expect(encodeLatents({ ...pipeline, vaeKind: 'plain' }, images, noise).dataSync()).toEqual(mean);
      expect(encodeLatents(pipeline, images, tf.zerosLike(noise)).dataSync()).toEqual(mean);
    });
    pipeline.dispose();
  });

  it('of pixels are the scaled image', () => {
    const pipeline = smallPipeline({ representation: 'pixel', hasUnet: false });
    tf.tidy(() => {
      const images = noiseOf([1, 8, 16, 1]);
      const latents = encodeLatents(pipeline, images, null);
      expectClose(latents.dataSync(), Array.from(images.dataSync(), (value) => (value - 0.25) * 1.7), { absolute: 1e-6 });
      expectClose(decodeLatents(pipeline, latents).dataSync(), images.dataSync(), { absolute: 1e-6 });
    });
  });

  it('leave one tensor each', () => {
    const pipeline = smallPipeline();
    const images = noiseOf([1, 8, 16, 1]);
    const before = tf.memory().numTensors;
    const latents = encodeLatents(pipeline, images, null);
    expect(tf.memory().numTensors).toBe(before + 1);
    tf.dispose([latents, decodeLatents(pipeline, latents), images]);
    expect(tf.memory().numTensors).toBe(before - 1);
    pipeline.dispose();
  });
});

describe('denoiser of a pipeline', () => {
  it('is the network behind the adapter, told timestep and class', () => {
    const pipeline = smallPipeline();
    const schedule = createNoiseSchedule(pipeline.diffusion);
    tf.tidy(() => {
      const sigma = schedule.sigmaAt(400);
      const { signal, noise } = schedule.mixOf(sigma);
      const noisy = tf.mul(noiseOf([2, 4, 8, 3]), sigma) as tf.Tensor4D;
      const denoised = createPipelineDenoiser(pipeline)(noisy, sigma, { classLabels: Int32Array.of(0, 1) });
      const input = tf.mul(noisy, signal) as tf.Tensor4D;
      const v = pipeline.unet!.forward({ sample: input, timestep: tf.tensor1d([400, 400]), classLabels: tf.tensor1d([0, 1], 'int32') });
      expectClose(denoised.dataSync(), tf.sub(tf.mul(input, signal), tf.mul(v, noise)).dataSync(), { absolute: 1e-5 });
    });
    pipeline.dispose();
  });

  it('takes no labels as the null class, and listens to labels', () => {
    const pipeline = smallPipeline();
    tf.tidy(() => {
      const noisy = noiseOf([1, 4, 8, 3]);
      const denoise = createPipelineDenoiser(pipeline);
      const free = denoise(noisy, 1, { classLabels: null }).dataSync();
      expect(denoise(noisy, 1, { classLabels: Int32Array.of(2) }).dataSync()).toEqual(free);
      expect(denoise(noisy, 1, { classLabels: Int32Array.of(0) }).dataSync()).not.toEqual(free);
    });
    pipeline.dispose();
  });

  it('is extrapolated by guidance from the null class', () => {
    const pipeline = smallPipeline();
    tf.tidy(() => {
      const noisy = noiseOf([2, 4, 8, 3]);
      const condition = { classLabels: Int32Array.of(0, 1) };
      const denoise = createPipelineDenoiser(pipeline);
      const free = denoise(noisy, 1, { classLabels: null });
      const expected = tf.add(free, tf.mul(tf.sub(denoise(noisy, 1, condition), free), 3));
      expectClose(createGuidedDenoiser(pipeline, { guidance: 3 })(noisy, 1, condition).dataSync(), expected.dataSync(), { absolute: 2e-5 });
    });
    pipeline.dispose();
  });

  it('works without classes, whatever the guidance', () => {
    const pipeline = smallPipeline({ labels: [], unetNetwork: { num_class_embeds: null } });
    tf.tidy(() => {
      const noisy = noiseOf([1, 4, 8, 3]);
      const plain = createPipelineDenoiser(pipeline)(noisy, 1, { classLabels: null }).dataSync();
      expect(createGuidedDenoiser(pipeline, { guidance: 4 })(noisy, 1, { classLabels: null }).dataSync()).toEqual(plain);
    });
    pipeline.dispose();
  });

  it('is refused without a UNet', () => {
    const pipeline = smallPipeline({ hasUnet: false });
    expect(() => createPipelineDenoiser(pipeline)).toThrow('no UNet');
    pipeline.dispose();
  });
});

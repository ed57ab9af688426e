import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/base/logger.js';
import { deriveNetworks } from '../../src/config/derive.js';
import { createNoiseSchedule } from '../../src/diffusion/index.js';
import { createAutoencoderKL, createUnet2d } from '../../src/models/index.js';
import { createAdamW, createEma, disposeGradients } from '../../src/nn/index.js';
import { createPixelSource } from '../../src/training/clean-source.js';
import { runLoop } from '../../src/training/loop.js';
import type { Pass, Stage } from '../../src/training/stage.js';
import { captureParameters } from '../../src/training/trainer-state.js';
import { createUnetStage, spreadTimesteps } from '../../src/training/unet-stage.js';
import { createVaeStage } from '../../src/training/vae-stage.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { tinyConfig, tinyCorpus } from './_tiny-run.js';

useEngine();

const NO_AUGMENT = { gainDb: 0, shiftFrames: 0 };

function vaeStage(over: Record<string, unknown> = {}) {
  const config = tinyConfig({ vae: over });
  const vae = createAutoencoderKL(deriveNetworks(config, 2).vae, { seed: 1 });
  const { kind, loss, discriminator, training, cropFrames } = config.vae;
  const stage = createVaeStage({ vae, kind, loss, discriminator, training, cropFrames, corpus: tinyCorpus(config), seed: config.seed });
  return { stage, vae, config };
}

function unetStage(over: Record<string, unknown> = {}) {
  const config = tinyConfig({ representation: 'pixel', ...over });
  const unet = createUnet2d(deriveNetworks(config, 2).unet, { seed: 1 });
  const source = createPixelSource(tinyCorpus(config), { seed: config.seed, augment: NO_AUGMENT, standardise: { scale: 1, shift: 0 } });
  const { training, labelDropout, inpaintingShare } = config.unet;
  const stage = createUnetStage({ unet, diffusion: config.diffusion, training, source, labelCount: 2, labelDropout, inpaintingShare, seed: config.seed });
  return { stage, unet, config };
}

const AT_START = { step: 0, pass: 0 };
const gradientsOf = ({ gradients }: Pass): Map<string, Float32Array> => new Map([...gradients].map(([path, tensor]) => [path, tensor.dataSync<'float32'>()]));
const norm = (values: Float32Array): number => Math.hypot(...values);

/** Trains and returns the first and the last validation loss. */
async function improve(stage: Stage, steps: number, over: Record<string, unknown> = {}): Promise<[number, number]> {
  const { training } = tinyConfig({ vae: { training: { steps, learningRate: 5e-3, validateEvery: 1000, ...over } } }).vae;
  const trainer = { stage, optimiser: createAdamW(stage.parameters), ema: createEma(stage.parameters, 0.8) };
  const before = await stage.validate();
  const hooks = { save: async () => undefined, log: () => undefined };
  const { validations } = await runLoop(trainer, { training, seed: 3, start: { step: 0, elapsedSeconds: 0, validations: [] }, hooks, reporter: silentReporter });
  trainer.optimiser.dispose();
  trainer.ema.dispose();
  return [before.loss, validations[0].figures.loss];
}

describe('the stage of a UNet for inpainting', () => {
  const inpainting = (over: Record<string, unknown> = {}) => unetStage({ unet: { inpaintingShare: 1, ...over } });

  it('gives every parameter a gradient, lowers the loss, and leaves no tensor', async () => {
    const { stage, unet } = inpainting({ training: { batchSize: 8 } });
    const [before, after] = await improve(stage, 30, { batchSize: 8 });
    expect(after).toBeLessThan(0.95 * before);
    const count = tf.memory().numTensors;
    const pass = await stage.pass(AT_START);
    expect([...pass.gradients.keys()]).toEqual(unet.parameters.list().map(({ path }) => path));
    for (const [path, values] of gradientsOf(pass)) expect(norm(values), path).toBeGreaterThan(0);
    disposeGradients(pass.gradients);
    await stage.validate();
    expect(tf.memory().numTensors).toBe(count);
    unet.dispose();
  });

  it('is shown the clean sample where the mask says it is kept, and nothing at validation', async () => {
    const { stage, unet } = inpainting();
    const shown: { mask: Float32Array; kept: Float32Array }[] = [];
    const forward = unet.forward.bind(unet);
    unet.forward = (inputs) => {
      tf.tidy(() => {
        const [, mask, kept] = tf.split(inputs.sample, 3, 3);
        shown.push({ mask: mask.dataSync<'float32'>(), kept: kept.dataSync<'float32'>() });
      });
      return forward(inputs);
    };
    for (const pass of [0, 0, 1]) disposeGradients((await stage.pass({ step: 0, pass })).gradients);
    const [{ mask, kept }, again, other] = shown;
    expect([again.mask, again.kept]).toEqual([mask, kept]);
    expect(other.mask).not.toEqual(mask);
    expect(new Set(mask)).toEqual(new Set([0, 1]));
    expect(kept.every((value, cell) => mask[cell] === 0 || value === 0)).toBe(true);
    expect(kept.some((value) => value !== 0)).toBe(true);
    shown.length = 0;
    await stage.validate();
    for (const { mask, kept } of shown) expect([mask.every((value) => value === 1), kept.every((value) => value === 0)]).toEqual([true, true]);
    unet.dispose();
  });
});

describe('the autoencoder stage', () => {
  it('gives every parameter a gradient', async () => {
    const { stage, vae } = vaeStage();
    const pass = await stage.pass(AT_START);
    const gradients = gradientsOf(pass);
    expect([...gradients.keys()]).toEqual(vae.parameters.list().map(({ path }) => path));
    for (const [path, values] of gradients) expect(norm(values), path).toBeGreaterThan(0);
    disposeGradients(pass.gradients);
    vae.dispose();
  });

  it('draws the same for the same pass and seed, and otherwise for another pass', async () => {
    const { stage, vae } = vaeStage();
    const losses: number[] = [];
    for (const number of [4, 4, 5]) {
      const pass = await stage.pass({ step: 4, pass: number });
      losses.push(pass.figures.loss);
      disposeGradients(pass.gradients);
    }
    expect(losses[1]).toBe(losses[0]);
    expect(losses[2]).not.toBe(losses[0]);
    vae.dispose();
  });

  it('trains on windows of the slices when told to, and validates on whole ones', async () => {
    const losses: number[] = [];
    for (const cropFrames of [null, 8]) {
      const { stage, vae } = vaeStage({ cropFrames });
      const encode = vae.encode.bind(vae);
      const widths: number[] = [];
      vae.encode = (image) => {
        widths.push(image.shape[2]);
        return encode(image);
      };
      const pass = await stage.pass(AT_START);
      await stage.validate();
      losses.push(pass.figures.loss);
      expect(widths[0]).toBe(cropFrames ?? 16);
      expect(new Set(widths.slice(1))).toEqual(new Set([16]));
      disposeGradients(pass.gradients);
      vae.dispose();
    }
    expect(losses[1]).not.toBe(losses[0]);
  });

  it('asks for texture from its share of the steps on', async () => {
    const { stage, vae } = vaeStage({ loss: { textureWeight: 0.25, textureStartShare: 0.5 }, training: { steps: 4 } });
    for (const [step, isAsked] of [[1, false], [2, true], [1, false], [3, true]] as const) {
      const { figures, gradients } = await stage.pass({ step, pass: 0 });
      disposeGradients(gradients);
      expect('texture' in figures).toBe(isAsked);
    }
    vae.dispose();
  });

  it('adds KL by its weight per summed element, and leaves it out of the plain autoencoder', async () => {
    const weight = 0.01;
    const { stage, vae } = vaeStage({ loss: { klWeightPerSummedElement: weight, gradientWeight: 0.5, textureWeight: 0.25, textureStartShare: 0 } });
    const { figures, gradients } = await stage.pass(AT_START);
    disposeGradients(gradients);
    expectClose(figures.loss, figures.l1 + 0.5 * figures.gradient + 0.25 * figures.texture + weight * figures.kl, { relative: 1e-5, reason: 'float32' });
    expect((await stage.validate()).texture).toBeGreaterThan(0);
    expect(figures.texture).toBeGreaterThan(0);
    vae.dispose();
    const plain = vaeStage({ kind: 'plain' });
    const pass = await plain.stage.pass(AT_START);
    expect(pass.figures).not.toHaveProperty('kl');
    disposeGradients(pass.gradients);
    plain.vae.dispose();
  });

  it('lets the discriminator learn shortly before it is heard, then adds its term', async () => {
    const { stage, vae } = vaeStage({ loss: { discriminatorWeight: 0.5, discriminatorStartStep: 10 }, discriminator: { channels: 8, layers: 1 } });
    const seen: Record<number, string[]> = {};
    const totals: Record<number, number> = {};
    for (const step of [8, 9, 10]) {
      const { figures, gradients } = await stage.pass({ step, pass: 0 });
      seen[step] = Object.keys(figures);
      totals[step] = figures.loss;
      if (step === 10) {
        expect(figures.adaptiveWeight).toBeGreaterThan(0);
        expectClose(figures.loss, totals[8] + figures.adaptiveWeight * figures.generator, { relative: 1e-4, reason: 'float32' });
      }
      disposeGradients(gradients);
    }
    expect(seen[8]).not.toContain('discriminator');
    expect(seen[9]).toContain('discriminator');
    expect(totals[9]).toBe(totals[8]);
    stage.dispose();
    vae.dispose();
  });

  it('lowers its validation loss', async () => {
    const { stage, vae } = vaeStage();
    const [before, after] = await improve(stage, 60);
    expect(after).toBeLessThan(0.6 * before);
    vae.dispose();
  });
});

describe('the UNet stage', () => {
  it('gives every parameter a gradient', async () => {
    const { stage, unet } = unetStage({ unet: { training: { batchSize: 8 } } });
    await improve(stage, 2, { batchSize: 8 }); // the reference starts no weight at 0, but softmax gradients may begin below float32
    const pass = await stage.pass(AT_START);
    const gradients = gradientsOf(pass);
    expect([...gradients.keys()]).toEqual(unet.parameters.list().map(({ path }) => path));
    for (const [path, values] of gradients) expect(norm(values), path).toBeGreaterThan(0);
    disposeGradients(pass.gradients);
    unet.dispose();
  });

  it('hides labels: all of them reach the class of no label alone, none of them never', async () => {
    for (const [labelDropout, isHidden] of [[1, true], [0, false]] as const) {
      const { stage, unet } = unetStage({ unet: { labelDropout, training: { batchSize: 4 } } });
      const pass = await stage.pass(AT_START);
      const table = [...pass.gradients].find(([path]) => path.startsWith('class_embedding'))![1]; // [classes, width]
      const used = Array.from({ length: 3 }, (_, row) => tf.tidy(() => tf.sum(tf.abs(tf.slice(table, [row, 0], [1, -1]))).dataSync()[0] > 0));
      expect(used[2]).toBe(isHidden);
      expect(used[0] || used[1]).toBe(!isHidden);
      disposeGradients(pass.gradients);
      unet.dispose();
    }
  });

  it('spreads timesteps over the whole range', () => {
    const schedule = createNoiseSchedule(tinyConfig().diffusion);
    expect(spreadTimesteps(schedule, { count: 4, offset: 0 })).toEqual([0, 250, 500, 750]);
    expect(spreadTimesteps(schedule, { count: 2, offset: 0.9999 })).toEqual([499, 999]);
  });

  it('validates alike each time, and lower once trained', async () => {
    const { stage, unet } = unetStage();
    const once = await stage.validate();
    expect(await stage.validate()).toEqual(once);
    const [before, after] = await improve(stage, 60);
    expect(after).toBeLessThan(0.9 * before);
    unet.dispose();
  });
});

describe('the loop', () => {
  /** A stage of one parameter whose gradient is told. */
  function toyStage(gradientOf: (pass: number) => number): Stage & { readonly value: () => number } {
    const { vae } = vaeStage();
    const [first] = vae.parameters.list();
    return {
      name: 'vae',
      parameters: vae.parameters,
      pass: async ({ pass }) => ({ gradients: new Map([[first.path, tf.fill(first.variable.shape, gradientOf(pass))]]), figures: { loss: pass }, indices: [pass] }),
      validate: async () => ({ loss: 1 }),
      value: () => first.variable.dataSync()[0],
    };
  }

  async function trainToy(gradientOf: (pass: number) => number, over: Record<string, unknown>) {
    const stage = toyStage(gradientOf);
    const logged: Record<string, number>[] = [];
    const { training } = tinyConfig({ vae: { training: { steps: 3, weightDecay: 0, ...over } } }).vae;
    const trainer = { stage, optimiser: createAdamW(stage.parameters, { weightDecay: 0 }), ema: createEma(stage.parameters, 0.9) };
    const infos: string[] = [];
    await runLoop(trainer, {
      training, seed: 0, start: { step: 0, elapsedSeconds: 0, validations: [] },
      hooks: { save: async () => undefined, log: (_, figures) => void logged.push({ ...figures }) },
      reporter: { ...silentReporter, log: { ...silentReporter.log, info: (text) => void infos.push(text) } },
    });
    const weights = captureParameters(stage.parameters);
    trainer.optimiser.dispose();
    trainer.ema.dispose();
    stage.parameters.dispose();
    return { weights, logged: logged.filter((entry) => 'train/gradientNorm' in entry), infos };
  }

  it('averages accumulated passes', async () => {
    const several = await trainToy((pass) => [1, 3][pass % 2], { accumulate: 2, gradientClip: 1e6 });
    const one = await trainToy(() => 2, { gradientClip: 1e6 });
    expect(several.logged.map((entry) => entry['train/gradientNorm'])).toEqual(one.logged.map((entry) => entry['train/gradientNorm']));
    expect(several.logged.map((entry) => entry['train/loss'])).toEqual([0.5, 2.5, 4.5]);
    for (const [path, { data }] of one.weights) expectClose(several.weights.get(path)!.data, data, { relative: 1e-6, reason: 'sums in another order' });
  });

  it('clips to the global norm, and reports the norm before', async () => {
    // Adam forgets a common factor, so the factor changes from step to step.
    const large = await trainToy((pass) => [1e3, -5e3, 2e3][pass], { gradientClip: 1e-2 });
    const sized = await trainToy((pass) => [1, -1, 1][pass], { gradientClip: 1e-2 });
    expect(large.logged[1]['train/gradientNorm']).toBeGreaterThan(1e3);
    for (const [path, { data }] of sized.weights) expectClose(large.weights.get(path)!.data, data, { relative: 1e-5, reason: 'float32 scaling' });
  });

  it('says when validation has stopped improving', async () => {
    const { infos } = await trainToy(() => 1, { validateEvery: 1, patience: 2 });
    expect(infos.filter((text) => text.includes('stopped improving'))).toEqual([expect.stringMatching(/best was 1\.000 at step 1, 2 validations ago/)]);
  });
});

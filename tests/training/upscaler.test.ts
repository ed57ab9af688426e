import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/base/logger.js';
import { deriveNetworks } from '../../src/config/derive.js';
import type { RunConfig } from '../../src/config/run-config.js';
import { generateClips } from '../../src/generation/index.js';
import { createUnet2d, type Unet2d } from '../../src/models/index.js';
import { createAdamW, createEma, disposeGradients } from '../../src/nn/index.js';
import { loadPipeline } from '../../src/pipeline/folder.node.js';
import { readCheckpoint } from '../../src/training/checkpoint-store.node.js';
import { createPixelSource, createReducedSource } from '../../src/training/clean-source.js';
import { runLoop } from '../../src/training/loop.js';
import type { Stage, StageName } from '../../src/training/stage.js';
import { trainRun, type TrainOptions } from '../../src/training/train.node.js';
import { createUnetStage } from '../../src/training/unet-stage.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { merged, recordingReporter, tinyConfig, tinyCorpus, tinyUpscaler } from './_tiny-run.js';

useEngine();

let root: string;
let made = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'melstrom progressive é '));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const newFolder = (): string => join(root, `run ${(made += 1)}`);

type Over = Record<string, unknown>;

const progressive = (over: Over = {}): RunConfig => tinyConfig(merged(tinyUpscaler(), over));

function run(runFolder: string, over: Over = {}, options: Partial<TrainOptions> = {}) {
  const config = progressive(over);
  return trainRun({ config, corpus: tinyCorpus(config), runFolder, stage: 'all', resume: false, reporter: silentReporter, ...options });
}

async function stateOf(runFolder: string, stage: StageName, step: number): Promise<Record<string, string>> {
  const { files } = await readCheckpoint(join(runFolder, 'state', stage, `step-${step}`));
  return Object.fromEntries([...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')]));
}

function abortAt(step: number, title: string): Pick<TrainOptions, 'signal' | 'reporter'> {
  const controller = new AbortController();
  const update = (shown: string, done: number): void => {
    if (shown === title && done === step) controller.abort();
  };
  return { signal: controller.signal, reporter: { ...silentReporter, startProgress: (shown) => ({ update: (done) => update(shown, done), end: () => undefined }) } };
}

function upscalerStage(over: Over = {}): { stage: Stage; unet: Unet2d; seen: Float32Array[] } {
  const config = progressive({ upscaler: over });
  const { training: loop, factor, noiseAugmentation, labelDropout } = config.upscaler!;
  const unet = createUnet2d(deriveNetworks(config, 2).upscaler!, { seed: 1 });
  const seen: Float32Array[] = [];
  const forward = unet.forward.bind(unet);
  unet.forward = (inputs) => {
    seen.push(tf.tidy(() => tf.slice(inputs.sample, [0, 0, 0, 1], [-1, -1, -1, 1]).dataSync<'float32'>()));
    return forward(inputs);
  };
  const source = createPixelSource(tinyCorpus(config), { seed: config.seed, augment: loop.augment, standardise: { scale: 2, shift: -0.5 } });
  const stage = createUnetStage({ name: 'upscaler', unet, diffusion: config.diffusion, training: loop, source, labelCount: 2, labelDropout, seed: config.seed, upscaling: { factor, noiseAugmentation } });
  return { stage, unet, seen };
}

async function improve(stage: Stage, steps: number, batchSize = 2): Promise<[number, number]> {
  const loop = tinyConfig({ unet: { training: { steps, batchSize, learningRate: 5e-3, validateEvery: 1000 } } }).unet.training;
  const trainer = { stage, optimiser: createAdamW(stage.parameters), ema: createEma(stage.parameters, 0.8) };
  const before = await stage.validate();
  const hooks = { save: async () => undefined, log: () => undefined };
  const { validations } = await runLoop(trainer, { training: loop, seed: 3, start: { step: 0, elapsedSeconds: 0, validations: [] }, hooks, reporter: silentReporter });
  trainer.optimiser.dispose();
  trainer.ema.dispose();
  return [before.loss, validations[0].figures.loss];
}

const AT_START = { step: 0, pass: 0 };

describe('the upscaler stage', () => {
  it('gives every parameter a gradient, and leaves no tensor', async () => {
    const { stage, unet } = upscalerStage({ training: { batchSize: 8 } });
    await improve(stage, 2, 8);
    const before = tf.memory().numTensors;
    const pass = await stage.pass(AT_START);
    expect([...pass.gradients.keys()]).toEqual(unet.parameters.list().map(({ path }) => path));
    for (const [path, gradient] of pass.gradients) expect(Math.hypot(...gradient.dataSync<'float32'>()), path).toBeGreaterThan(0);
    disposeGradients(pass.gradients);
    await stage.validate();
    expect(tf.memory().numTensors).toBe(before);
    unet.dispose();
  });

  it.each([2, 4] as const)('is shown the clean image averaged down by %i and enlarged again, noisy in training alone', async (factor) => {
    const { stage, unet, seen } = upscalerStage({ factor, noiseAugmentation: 1, training: { batchSize: 2 } });
    const pass = await stage.pass(AT_START);
    disposeGradients(pass.gradients);
    await stage.validate();
    const [inTraining, inValidation] = seen;
    const corpus = tinyCorpus(progressive());
    const { images } = await corpus.batch({ split: 'train', step: 0, batchSize: 2, seed: 3 });
    const first = await corpus.slice('validation', 0);
    const mean = (image: Float32Array, row: number, frame: number): number => {
      let sum = 0;
      for (let y = 0; y < factor; y += 1) for (let x = 0; x < factor; x += 1) sum += image[(row - (row % factor) + y) * 16 + frame - (frame % factor) + x];
      return 2 * (sum / factor ** 2 + 0.5);
    };
    const cells = Array.from({ length: 8 * 16 }, (_, cell) => [Math.floor(cell / 16), cell % 16] as const);
    expectClose(inValidation.slice(0, 128), cells.map(([row, frame]) => mean(first.image, row, frame)), { absolute: 1e-5 });
    const errors = cells.map(([row, frame]) => inTraining[row * 16 + frame] - mean(images, row, frame));
    expect(Math.hypot(...errors)).toBeGreaterThan(0.1);
    cells.forEach(([row, frame], cell) => expectClose(errors[cell], errors[(row - (row % factor)) * 16 + frame - (frame % factor)], { absolute: 1e-5 })); // noise of the small image
    unet.dispose();
  });

  it('adds as much noise to the small image as it is told, and none at 0', async () => {
    const shown = async (noiseAugmentation: number): Promise<Float32Array> => {
      const { stage, unet, seen } = upscalerStage({ noiseAugmentation });
      disposeGradients((await stage.pass(AT_START)).gradients);
      unet.dispose();
      return seen[0];
    };
    const [none, little, much] = [await shown(0), await shown(0.1), await shown(0.4)];
    const noise = (image: Float32Array): Float32Array => image.map((value, cell) => value - none[cell]);
    expectClose(noise(much), noise(little).map((value) => 4 * value), { absolute: 1e-5 });
    expect(Math.hypot(...noise(little))).toBeGreaterThan(0);
  });

  it('hides labels as it is told', async () => {
    for (const [labelDropout, isHidden] of [[1, true], [0, false]] as const) {
      const { stage, unet } = upscalerStage({ labelDropout, training: { batchSize: 4 } });
      const pass = await stage.pass(AT_START);
      const table = [...pass.gradients].find(([path]) => path.startsWith('class_embedding'))![1];
      expect(tf.tidy(() => tf.sum(tf.abs(tf.slice(table, [2, 0], [1, -1]))).dataSync()[0] > 0)).toBe(isHidden);
      disposeGradients(pass.gradients);
      unet.dispose();
    }
  });

  it('validates alike each time, and lower once trained', async () => {
    const { stage, unet } = upscalerStage();
    expect(await stage.validate()).toEqual(await stage.validate());
    const [before, after] = await improve(stage, 60);
    expect(after).toBeLessThan(0.9 * before);
    unet.dispose();
  });
});

describe('small images for the first UNet', () => {
  it('are the same samples averaged down, in training and validation', async () => {
    const config = progressive();
    const whole = createPixelSource(tinyCorpus(config), { seed: 3, augment: config.unet.training.augment, standardise: { scale: 1, shift: 0 } });
    const small = createReducedSource(whole, 4);
    const before = tf.memory().numTensors;
    const [large, reduced] = [await whole.draw(2, 3), await small.draw(2, 3)];
    expect(reduced.clean.shape).toEqual([3, 2, 4, 1]);
    expect(reduced.labels).toEqual(large.labels);
    tf.tidy(() => expectClose(reduced.clean.dataSync(), tf.avgPool(large.clean, 4, 4, 'valid').dataSync(), { absolute: 1e-6 }));
    tf.dispose([large.clean, reduced.clean]);
    for await (const batch of small.fixed(3, 4)) {
      expect(batch.clean.shape.slice(1)).toEqual([2, 4, 1]);
      batch.clean.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a progressive run', () => {
  it('trains both networks and leaves a pipeline that draws whole images', async () => {
    const folder = newFolder();
    const before = tf.memory().numTensors;
    const result = await run(folder);
    expect(result.stages.map(({ stage, step, status }) => [stage, step, status])).toEqual([['unet', 6, 'finished'], ['upscaler', 6, 'finished']]);
    expect(tf.memory().numTensors).toBe(before);
    expect(existsSync(join(folder, 'state', 'upscaler', 'step-6'))).toBe(true);
    const pipeline = await loadPipeline(result.pipelineFolder);
    expect(pipeline.unet!.config).toMatchObject({ sample_size: [4, 8], in_channels: 1 });
    expect(pipeline.upscaler!.unet!.config).toMatchObject({ sample_size: [8, 16], in_channels: 2, num_class_embeds: 3 });
    const vocoder = createGriffinLimVocoder(pipeline.mel, { iterations: 1 });
    for await (const { image } of generateClips(pipeline, { labels: [0, null], seeds: [1, 2], steps: 2, guidance: 2, vocoder })) expect(image.data).toHaveLength(8 * 16);
    pipeline.dispose();
  });

  it('ends the upscaler byte for byte where a run that never stopped does, wherever it was stopped', async () => {
    const tricky = { upscaler: { training: { accumulate: 2, augment: { gainDb: 3, shiftFrames: 2 } } } };
    const whole = newFolder();
    await run(whole, tricky, { stage: 'upscaler' });
    const expected = await stateOf(whole, 'upscaler', 6);
    for (const step of [1, 4]) {
      const folder = newFolder();
      const stopped = await run(folder, tricky, { stage: 'upscaler', ...abortAt(step, 'training upscaler') });
      expect(stopped.stages.map((stage) => [stage.status, stage.step])).toEqual([['interrupted', step]]);
      expect((await run(folder, tricky, { stage: 'upscaler', resume: true })).status).toBe('finished');
      expect(await stateOf(folder, 'upscaler', 6)).toEqual(expected);
    }
  });

  it('stops at a signal in the first UNet, and resumes as a whole to what a run that never stopped has', async () => {
    const [folder, straight] = [newFolder(), newFolder()];
    const stopped = await run(folder, {}, abortAt(2, 'training unet'));
    expect(stopped.stages.map(({ stage, status }) => [stage, status])).toEqual([['unet', 'interrupted']]);
    await run(folder, {}, { resume: true });
    await run(straight);
    for (const file of ['unet', 'upscaler'].map((part) => `pipeline/${part}/diffusion_pytorch_model.safetensors`)) {
      expect(readFileSync(join(folder, file)).equals(readFileSync(join(straight, file)))).toBe(true);
    }
  });

  it('trains either stage alone in any order without losing the other', async () => {
    const folder = newFolder();
    await run(folder, {}, { stage: 'upscaler' });
    const early = await loadPipeline(join(folder, 'pipeline'));
    expect([early.unet === null, early.upscaler!.unet === null]).toEqual([true, false]);
    early.dispose();
    const weights = join(folder, 'pipeline', 'upscaler', 'diffusion_pytorch_model.safetensors');
    const kept = readFileSync(weights);
    await run(folder, {}, { stage: 'unet' });
    const pipeline = await loadPipeline(join(folder, 'pipeline'));
    expect([pipeline.unet === null, pipeline.upscaler!.unet === null]).toEqual([false, false]);
    pipeline.dispose();
    expect(readFileSync(weights).equals(kept)).toBe(true);
  });

  it('leaves out the other network when it was trained under other settings, and says so', async () => {
    const folder = newFolder();
    await run(folder, {}, { stage: 'upscaler' });
    const { reporter, warnings } = recordingReporter();
    await run(folder, { diffusion: { betaEnd: 0.02 } }, { stage: 'unet', reporter });
    expect(warnings.join('\n')).toMatch(/the upscaler in .* was trained under other settings and is left out/);
    const pipeline = await loadPipeline(join(folder, 'pipeline'));
    expect(pipeline.upscaler).toEqual({ factor: 2, unet: null });
    pipeline.dispose();
  });

  it('previews what the first UNet draws before there is an upscaler, and both together after it', async () => {
    const seen: string[] = [];
    await run(newFolder(), {}, {
      previews: async ({ pipeline, stage }) => {
        seen.push(`${stage}: ${pipeline.unet === null ? 'no' : 'a'} unet, ${pipeline.upscaler!.unet === null ? 'no' : 'an'} upscaler`);
        return [];
      },
    });
    expect(seen).toEqual(['unet: a unet, no upscaler', 'upscaler: a unet, an upscaler']);
  });

  it('refuses another factor or network on resume, and a stage that is not configured', async () => {
    const folder = newFolder();
    await run(folder);
    await expect(run(folder, { upscaler: { factor: 4 } }, { resume: true })).rejects.toThrow(/unet.step-6: upscaler\.factor: got a checkpoint made with upscaler\.factor 2, expected 4/);
    await expect(run(folder, { upscaler: { network: { layers_per_block: 2 } } }, { resume: true })).rejects.toThrow('upscaler.network.layers_per_block');
    await expect(run(folder)).rejects.toThrow(/state.unet: got checkpoints up to step 6/);
    await expect(run(newFolder(), { upscaler: null }, { stage: 'upscaler' })).rejects.toThrow('upscaler: got null, so that there is no upscaler to train, expected a block');
    const plain = newFolder();
    await run(plain, { upscaler: null });
    await expect(run(plain, {}, { resume: true })).rejects.toThrow('upscaler.factor absent, expected 2');
  });
});

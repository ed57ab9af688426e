import { cpSync, mkdtempSync, readFileSync, rmSync, existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/base/logger.js';
import { loadPipeline } from '../../src/pipeline/folder.node.js';
import { readCheckpoint } from '../../src/training/checkpoint-store.node.js';
import { trainRun, type TrainOptions } from '../../src/training/train.node.js';
import { useEngine } from '../support/engine.js';
import { merged, recordingReporter, tinyConfig, tinyCorpus } from './_tiny-run.js';

useEngine();

let root: string;
let made = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'melstrom train é '));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const newFolder = (): string => join(root, `run ${(made += 1)}`);

type Over = Record<string, unknown>;

function run(runFolder: string, over: Over = {}, options: Partial<TrainOptions> = {}) {
  const config = tinyConfig(over);
  return trainRun({ config, corpus: tinyCorpus(config), runFolder, stage: 'all', resume: false, reporter: silentReporter, ...options });
}

/** Files of a checkpoint, as hexadecimal texts. */
async function stateOf(runFolder: string, stage: 'vae' | 'unet', step: number): Promise<Record<string, string>> {
  const { files } = await readCheckpoint(join(runFolder, 'state', stage, `step-${step}`));
  return Object.fromEntries([...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')]));
}

describe('a run', () => {
  it('trains both stages, leaves a pipeline that loads, checkpoints, events and the configuration', async () => {
    const folder = newFolder();
    const before = tf.memory().numTensors;
    const { reporter, infos } = recordingReporter();
    const result = await run(folder, {}, { reporter });
    expect(result.status).toBe('finished');
    expect(result.stages.map(({ stage, step }) => [stage, step])).toEqual([['vae', 6], ['unet', 6]]);
    expect(tf.memory().numTensors).toBe(before);
    expect(infos.join('\n')).toMatch(/vae: finished at step 6 .* steps\/s/);
    const pipeline = await loadPipeline(result.pipelineFolder);
    expect(pipeline.latentScale).toBeCloseTo(result.latentScale!, 4);
    expect(pipeline.labels).toEqual(['low', 'high']);
    expect(pipeline.unet).not.toBeNull();
    pipeline.dispose();
    expect(existsSync(join(folder, 'config.yaml'))).toBe(true);
    expect(readdirSync(join(folder, 'events', 'unet'))).toHaveLength(1);
  });
});

/** Aborts once a stage has made a number of steps. */
function abortAt(step: number, title: string): Pick<TrainOptions, 'signal' | 'reporter'> {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    reporter: {
      ...silentReporter,
      startProgress: (shown) => ({
        update: (done) => {
          if (shown === title && done === step) controller.abort();
        },
        end: () => undefined,
      }),
    },
  };
}

const TRICKY = {
  vae: { loss: { discriminatorWeight: 0.5, discriminatorStartStep: 3 }, discriminator: { channels: 8, layers: 1 }, training: { accumulate: 2, augment: { gainDb: 3, shiftFrames: 2 } } },
  unet: { training: { accumulate: 2 } },
};

describe('resuming', () => {
  it.each(['vae', 'unet'] as const)('ends the %s byte for byte where a run that never stopped does, wherever it was stopped', async (stage) => {
    const start = newFolder();
    if (stage === 'unet') await run(start, TRICKY, { stage: 'vae' });
    const whole = newFolder();
    if (stage === 'unet') cpSync(start, whole, { recursive: true });
    await run(whole, TRICKY, { stage });
    const expected = await stateOf(whole, stage, 6);
    expect(Object.keys(expected)).toContain(stage === 'vae' ? 'extra.safetensors' : 'optimiser.safetensors');
    for (const step of [1, 3, 4, 5]) {
      const folder = newFolder();
      if (stage === 'unet') cpSync(start, folder, { recursive: true });
      const stopped = await run(folder, TRICKY, { stage, ...abortAt(step, `training ${stage}`) });
      expect(stopped).toMatchObject({ status: 'interrupted' });
      expect(stopped.stages[0].step).toBe(step);
      const resumed = await run(folder, TRICKY, { stage, resume: true });
      expect(resumed.status).toBe('finished');
      expect(await stateOf(folder, stage, 6)).toEqual(expected);
    }
  });

  it('goes on with the UNet when the whole run is resumed', async () => {
    const folder = newFolder();
    expect((await run(folder, {}, abortAt(2, 'training unet'))).status).toBe('interrupted');
    const resumed = await run(folder, {}, { resume: true });
    expect(resumed.stages.map(({ stage, step, status }) => [stage, step, status])).toEqual([['vae', 6, 'finished'], ['unet', 6, 'finished']]);
    const straight = newFolder();
    await run(straight);
    expect(await stateOf(folder, 'unet', 6)).toEqual(await stateOf(straight, 'unet', 6));
    const weights = 'pipeline/unet/diffusion_pytorch_model.safetensors';
    expect(readFileSync(join(folder, weights)).equals(readFileSync(join(straight, weights)))).toBe(true);
  });

  it('refuses to start over an old run, another network, and a UNet on a changed autoencoder', async () => {
    const folder = newFolder();
    await run(folder);
    await expect(run(folder)).rejects.toThrow(/state.vae: got checkpoints up to step 6.*--resume/);
    await expect(run(folder, { vae: { network: { latent_channels: 4 } } }, { resume: true })).rejects.toMatchObject({ kind: 'checkpoint', message: expect.stringContaining('vae.network.latent_channels') as unknown });
    await run(folder, { vae: { training: { steps: 8 } } }, { stage: 'vae', resume: true });
    await expect(run(folder, { unet: { training: { steps: 8 } } }, { stage: 'unet', resume: true })).rejects.toThrow(/another autoencoder/);
    expect((await run(folder, {}, { force: true })).status).toBe('finished');
  });

  it('allows another learning rate, and says so', async () => {
    const folder = newFolder();
    await run(folder, {}, { stage: 'vae', ...abortAt(2, 'training vae') });
    const { reporter, warnings } = recordingReporter();
    await run(folder, { vae: { training: { learningRate: 1e-4 } } }, { stage: 'vae', resume: true, reporter });
    expect(warnings).toEqual([expect.stringMatching(/resumed with other vae\.training\.learningRate/)]);
  });
});

describe('intervals', () => {
  it('saving, validating and previewing at every step change no weight', async () => {
    const [rarely, often] = [newFolder(), newFolder()];
    await run(rarely);
    const every = { validateEvery: 1, previewEvery: 1, checkpointEvery: 1 };
    const previewed: string[] = [];
    await run(often, { vae: { training: every }, unet: { training: every } }, {
      previews: async ({ stage, step, pipeline }) => {
        previewed.push(`${stage} ${step} ${pipeline.unet === null ? 'without' : 'with'} unet`);
        return [{ name: 'sound', clip: { sampleRateHz: 8000, channels: [new Float32Array(16)] } }];
      },
    });
    for (const stage of ['vae', 'unet'] as const) expect(await stateOf(often, stage, 6)).toEqual(await stateOf(rarely, stage, 6));
    expect(previewed).toHaveLength(12);
    expect(previewed[11]).toBe('unet 6 with unet');
    expect(existsSync(join(often, 'previews', 'unet-step-3', 'sound.wav'))).toBe(true);
    expect(readdirSync(join(often, 'state', 'vae')).sort()).toEqual(['step-5', 'step-6']);
  });

  it('stops at the time limit, saves, and goes on to the next stage', async () => {
    const folder = newFolder();
    const result = await run(folder, { vae: { training: { steps: 100_000, maxMinutes: 0.005 } } });
    expect(result.stages.map(({ status }) => status)).toEqual(['time-limit', 'finished']);
    expect(result.stages[0].validations.at(-1)?.step).toBe(result.stages[0].step);
  });
});

describe('variants', () => {
  it.each([
    ['pixel', { representation: 'pixel' }],
    ['plain', { vae: { kind: 'plain' } }],
    ['flow', { diffusion: { predictionType: 'flow' } }],
    ['epsilon', { diffusion: { predictionType: 'epsilon', zeroTerminalSnr: false } }],
    ['sample', { diffusion: { predictionType: 'sample', minSnrGamma: null } }],
    ['augmented', { unet: { training: { augment: { gainDb: 3, shiftFrames: 2 } } } }],
  ])('%s trains to the end and loads', async (_, over) => {
    const folder = newFolder();
    const result = await run(folder, merged({ vae: { training: { steps: 2 } }, unet: { training: { steps: 2 } } }, over));
    expect(result.status).toBe('finished');
    const pipeline = await loadPipeline(result.pipelineFolder);
    expect([pipeline.representation, pipeline.vaeKind]).toEqual([(over as Over).representation ?? 'latent', ((over as Over).vae as Over | undefined)?.kind ?? 'kl']);
    expect(pipeline.latentScale).toBeCloseTo(result.latentScale!, 4);
    pipeline.dispose();
  });

  it('has no autoencoder stage on pixels', async () => {
    await expect(run(newFolder(), { representation: 'pixel' }, { stage: 'vae' })).rejects.toMatchObject({ kind: 'configuration' });
  });

  it('asks for an autoencoder before the UNet', async () => {
    await expect(run(newFolder(), {}, { stage: 'unet' })).rejects.toThrow(/no checkpoint of an autoencoder/);
  });
});

describe('numbers that are not finite', () => {
  it('stop the run with step, seed and slices, and the last checkpoint stays', async () => {
    const folder = newFolder();
    const config = tinyConfig({ vae: { training: { checkpointEvery: 1 } } });
    const corpus = tinyCorpus(config);
    const broken = { ...corpus, batch: (wanted: Parameters<typeof corpus.batch>[0]) => {
      const batch = corpus.batch(wanted) as Awaited<ReturnType<typeof corpus.batch>>;
      if (wanted.step === 3) batch.images[5] = NaN;
      return batch;
    } };
    const before = tf.memory().numTensors;
    const failure = trainRun({ config, corpus: broken, runFolder: folder, stage: 'vae', resume: false, reporter: silentReporter });
    await expect(failure).rejects.toMatchObject({ kind: 'numeric', message: expect.stringMatching(/step 3, seed 3, batch of slices \[\d+, \d+\]/) as unknown });
    expect(tf.memory().numTensors).toBe(before);
    expect(readdirSync(join(folder, 'state', 'vae')).sort()).toEqual(['step-2', 'step-3']);
    expect((await run(folder, { vae: { training: { checkpointEvery: 1 } } }, { stage: 'vae', resume: true })).status).toBe('finished');
  });
});

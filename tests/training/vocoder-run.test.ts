import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/base/logger.js';
import { loadPipeline } from '../../src/pipeline/folder.node.js';
import { findVocoder } from '../../src/pipeline/vocoder-folder.node.js';
import { readCheckpoint } from '../../src/training/checkpoint-store.node.js';
import { openSoundCache } from '../../src/training/sound-cache.node.js';
import { trainRun, type TrainOptions } from '../../src/training/train.node.js';
import { beatsInverter } from '../../src/vocoder/vocoder-network.js';
import { useEngine } from '../support/engine.js';
import { recordingReporter, tinyCorpus } from './_tiny-run.js';
import { tinySound, tinySoundCorpus, tinyVocoderConfig } from './_tiny-vocoder.js';

useEngine();

let root: string;
let made = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'melstrom vocoder é '));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const newFolder = (): string => join(root, `run ${(made += 1)}`);

type Over = Record<string, unknown>;

function run(runFolder: string, over: Over = {}, options: Partial<TrainOptions> & { rest?: Over } = {}) {
  const { rest, ...others } = options;
  const config = tinyVocoderConfig(over, rest);
  return trainRun({ config, corpus: tinySoundCorpus(config), runFolder, stage: 'vocoder', resume: false, reporter: silentReporter, ...others });
}

async function stateOf(runFolder: string, step: number): Promise<Record<string, string>> {
  const { files } = await readCheckpoint(join(runFolder, 'state', 'vocoder', `step-${step}`));
  return Object.fromEntries([...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')]));
}

/** Aborts once a job of this title has come this far. */
function abortAt(step: number, title = 'training vocoder'): Pick<TrainOptions, 'signal' | 'reporter'> {
  const controller = new AbortController();
  const update = (shown: string, done: number): void => {
    if (shown === title && done === step) controller.abort();
  };
  return { signal: controller.signal, reporter: { ...silentReporter, startProgress: (shown) => ({ update: (done) => update(shown, done), end: () => undefined }) } };
}

const weightsIn = (folder: string): Buffer => readFileSync(join(folder, 'pipeline', 'vocoder', 'model.safetensors'));

describe('a run of the vocoder', () => {
  it('needs no other network, leaves a vocoder, and keeps it when the others are trained', async () => {
    const folder = newFolder();
    const before = tf.memory().numTensors;
    const result = await run(folder);
    expect(result).toMatchObject({ status: 'finished', stages: [{ stage: 'vocoder', step: 6 }], latentScale: null });
    expect(tf.memory().numTensors).toBe(before);
    const weights = weightsIn(folder);
    await run(folder, {}, { stage: 'vae' });
    await run(folder, {}, { stage: 'unet' });
    expect(weightsIn(folder).equals(weights)).toBe(true);
    const pipeline = await loadPipeline(join(folder, 'pipeline'));
    expect([pipeline.unet === null, pipeline.vocoder!.vocos.config.dim]).toEqual([false, 8]);
    pipeline.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is part of all stages where it is configured, the last one, and previewed by itself', async () => {
    const folder = newFolder();
    const seen: string[] = [];
    const result = await run(folder, { training: { previewEvery: 3 } }, {
      stage: 'all',
      previews: async ({ stage, pipeline }) => [{ name: `${stage} ${pipeline.vocoder === null ? 'without' : 'with'} vocoder` }],
      vocoderPreviews: async ({ step, vocoder }) => {
        seen.push(`${step} ${vocoder.mel.melBins}`);
        return [{ name: 'sound', clip: { sampleRateHz: 8000, channels: [new Float32Array(16)] } }];
      },
    });
    expect(result.stages.map(({ stage }) => stage)).toEqual(['vae', 'unet', 'vocoder']);
    expect(result.latentScale).not.toBeNull();
    expect(seen).toEqual(['3 8', '6 8']);
    expect(readdirSync(join(folder, 'previews', 'vocoder-step-6'))).toEqual(['sound.wav']);
    expect((await run(folder, {}, { stage: 'all', resume: true })).status).toBe('finished');
  });

  it.each([
    ['alone', {}],
    ['with discriminators', { network: { predicts: 'spectrum' }, loss: { discriminatorWeight: 0.1, discriminatorStartStep: 2 }, discriminator: { channels: 8, layers: 1 } }],
  ])('%s ends byte for byte where one that never stopped does, wherever it was stopped', async (_, extra) => {
    const over = { ...extra, training: { accumulate: 2, augment: { gainDb: 6 } } };
    const whole = newFolder();
    await run(whole, over);
    const expected = await stateOf(whole, 6);
    expect('extra.safetensors' in expected).toBe('loss' in extra);
    for (const step of [1, 4]) {
      const folder = newFolder();
      expect((await run(folder, over, abortAt(step))).status).toBe('interrupted');
      expect((await run(folder, over, { resume: true })).status).toBe('finished');
      expect(await stateOf(folder, 6)).toEqual(expected);
      expect(weightsIn(folder).equals(weightsIn(whole))).toBe(true);
    }
  });

  it.each(['magnitudes', 'spectrum'])('remembers beside the weights whether the inverter was nearer, and says so, predicting %s', async (predicts) => {
    const folder = newFolder();
    const lines: string[] = [];
    const reporter = { ...silentReporter, log: { ...silentReporter.log, info: (line: string) => lines.push(line) } };
    await run(folder, { network: { predicts } }, { reporter });
    const { config, measured } = findVocoder(join(folder, 'pipeline'), null)!;
    const { loss, inverterLoss } = measured!;
    expect([config.predicts, inverterLoss > 0]).toEqual([predicts, true]);
    if (predicts === 'spectrum') expect(loss).toBeGreaterThan(inverterLoss); // six steps are too few to find phases
    expect(lines.join('\n')).toContain(`its loss is ${loss.toPrecision(4)}, that of the classical inverter ${inverterLoss.toPrecision(4)}`);
    expect(lines.join('\n')).toContain(beatsInverter({ measured }) ? 'it is used unless' : 'it is left out unless --vocoder neural');
  });

  it('measures at every checkpoint what it saves there, also where a signal came between two validations', async () => {
    const folder = newFolder();
    const options = { training: { steps: 6, validateEvery: 2, learningRate: 0.05 } };
    await run(folder, options, abortAt(3));
    const interrupted = findVocoder(join(folder, 'pipeline'), null)!.measured!;
    await run(folder, options, { resume: true });
    const whole = findVocoder(join(folder, 'pipeline'), null)!.measured!;
    expect(whole.inverterLoss).toBe(interrupted.inverterLoss);
    expect(whole.loss).not.toBe(interrupted.loss);
  });

  it('stops at a signal while it is reading the sounds, and resumes', async () => {
    const folder = newFolder();
    expect(await run(folder, {}, abortAt(3, 'reading the sounds'))).toMatchObject({ status: 'interrupted', stages: [] });
    expect((await run(folder, {}, { resume: true })).status).toBe('finished');
  });

  it('has as many tensors at every step', async () => {
    const counts = new Set<number>();
    const update = (done: number): void => {
      if (done > 2) counts.add(tf.memory().numTensors);
    };
    await run(newFolder(), { training: { steps: 12, validateEvery: 4, checkpointEvery: 5 } }, { reporter: { ...silentReporter, startProgress: (title) => ({ update: title.startsWith('training') ? update : () => undefined, end: () => undefined }) } });
    expect([...counts]).toHaveLength(1);
  });

  it('refuses to start over an old one, another network, and a stage that is not configured or has no sounds', async () => {
    const folder = newFolder();
    await run(folder);
    await expect(run(folder)).rejects.toThrow(/state.vocoder: got checkpoints up to step 6.*--resume/);
    await expect(run(folder, { network: { dim: 12 } }, { resume: true })).rejects.toThrow('vocoder.network.dim');
    await expect(run(folder, { loss: { fftSizes: [64] } }, { resume: true })).rejects.toThrow('vocoder.loss.fftSizes');
    expect((await run(folder, {}, { force: true })).status).toBe('finished');
    await expect(run(newFolder(), {}, { rest: { vocoder: null } })).rejects.toThrow('vocoder: got null, so that there is no vocoder to train, expected a block');
    const silent = tinyCorpus(tinyVocoderConfig());
    await expect(run(newFolder(), {}, { corpus: silent })).rejects.toThrow('corpus: got slices without their sounds');
  });

  it('leaves out a vocoder of other mel settings when other stages are trained, and says so', async () => {
    const folder = newFolder();
    await run(folder);
    const { reporter, warnings } = recordingReporter();
    await run(folder, {}, { stage: 'vae', rest: { mel: { maxHz: 3900 } }, reporter });
    expect(warnings.join('\n')).toMatch(/the vocoder in .* was trained under other mel settings and is left out/);
    expect(findVocoder(join(folder, 'pipeline'), null)).toBeNull();
  });
});

describe('the cache of sounds', () => {
  it('gives every sound back, silent beyond its end, and is made anew when it is cut short or of another key', async () => {
    const config = tinyVocoderConfig();
    const path = join(newFolder(), 'sounds.f32');
    let read = 0;
    const corpus = tinySoundCorpus(config);
    const counting = { ...corpus, sounds: (split: 'train' | 'validation') => ((read += 1), corpus.sounds!(split)) };
    const open = async (key: string) => (await openSoundCache({ path, corpus: counting, key, reporter: silentReporter }))!;
    const cache = await open('a');
    for (const [split, index] of [['train', 0], ['train', 9], ['validation', 3]] as const) {
      const sound = tinySound(config, split, index);
      expect(cache.lengthOf(split, index)).toBe(sound.length);
      expect(cache.read(split, index, { start: 0, count: sound.length })).toEqual(sound);
      expect(cache.read(split, index, { start: sound.length - 3, count: 5 })).toEqual(Float32Array.of(...sound.slice(-3), 0, 0));
      expect(cache.read(split, index, { start: sound.length + 7, count: 2 })).toEqual(new Float32Array(2));
    }
    cache.close();
    (await open('a')).close();
    expect(read).toBe(2); // once for each split
    truncateSync(path, statSync(path).size - 4);
    (await open('a')).close();
    expect(read).toBe(4);
    (await open('b')).close();
    expect(read).toBe(6);
    expect(readdirSync(join(path, '..')).sort()).toEqual(['sounds.f32', 'sounds.f32.json']);
    expect(existsSync(`${path}.json`)).toBe(true);
  });
});

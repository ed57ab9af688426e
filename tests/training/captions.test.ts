// A UNet trained on captions: from configuration to a pipeline that follows prompts.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/base/logger.js';
import { loadRunConfig } from '../../src/config/load.node.js';
import { generateClips } from '../../src/generation/index.js';
import { loadPipeline } from '../../src/pipeline/folder.node.js';
import { readCheckpoint } from '../../src/training/checkpoint-store.node.js';
import { trainRun, type TrainOptions } from '../../src/training/train.node.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { useEngine } from '../support/engine.js';
import { merged, recordingReporter, tinyConfig, tinyCorpus, tinyUpscaler } from './_tiny-run.js';

useEngine();

/** Holds text_encoder/ and tokenizer/ as the reference writes them. */
const TEXT_FOLDER = fileURLToPath(new URL('../pipeline/fixtures/', import.meta.url));
const NETWORK = {
  down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D'], up_block_types: ['CrossAttnUpBlock2D', 'UpBlock2D'], block_out_channels: [4, 8],
  layers_per_block: 1, norm_num_groups: 2, attention_head_dim: 2,
};
const TEXT = { representation: 'pixel', corpus: { captionColumn: 'caption' }, unet: { conditionNetwork: NETWORK, textEncoder: TEXT_FOLDER, training: { steps: 4 } } };

let root: string;
let made = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'melstrom words é '));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newFolder = (): string => join(root, `run ${(made += 1)}`);

const WORDS = ['a low tone', 'a high tone', ''];

function run(runFolder: string, over: Record<string, unknown> = {}, { words = WORDS, ...options }: Partial<TrainOptions> & { words?: readonly string[] | null } = {}) {
  const config = tinyConfig(merged(TEXT, over));
  const corpus = tinyCorpus(config);
  const captionsOf = (split: 'train' | 'validation') => (words === null ? null : Array.from({ length: corpus.sliceCount(split) }, (_, index) => words[index % words.length]));
  return trainRun({ config, corpus: { ...corpus, captionsOf }, runFolder, stage: 'unet', resume: false, reporter: silentReporter, ...options });
}

async function stateOf(runFolder: string, step: number): Promise<Record<string, string>> {
  const { files } = await readCheckpoint(join(runFolder, 'state', 'unet', `step-${step}`));
  return Object.fromEntries([...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')]));
}

describe('a run with captions', () => {
  it('ends as a pipeline that carries its text and follows prompts, and frees everything', async () => {
    const folder = newFolder();
    const before = tf.memory().numTensors;
    const { reporter, infos } = recordingReporter();
    const result = await run(folder, {}, { reporter });
    expect(result.status).toBe('finished');
    expect(tf.memory().numTensors).toBe(before);
    expect(infos.join('\n')).toContain('captions: 7 of 10 training slices have one, 3 different ones');
    const pipeline = await loadPipeline(result.pipelineFolder);
    expect(pipeline.labels).toEqual([]);
    expect(pipeline.text).not.toBeNull();
    expect(readFileSync(join(result.pipelineFolder, 'tokenizer', 'vocab.json'))).toEqual(readFileSync(join(TEXT_FOLDER, 'tokenizer', 'vocab.json')));
    const vocoder = createGriffinLimVocoder(pipeline.mel, { iterations: 1 });
    const images: Float32Array[] = [];
    for await (const { image } of generateClips(pipeline, { labels: [null, null], prompts: ['a low tone', 'a high tone'], seeds: [1, 1], sampler: 'ddim', steps: 2, guidance: 2, vocoder })) images.push(image.data);
    expect(images[0]).not.toEqual(images[1]);
    pipeline.dispose();
  });

  it('goes with an upscaler, which reads no text and has no classes where the UNet has none', async () => {
    const before = tf.memory().numTensors;
    const result = await run(newFolder(), tinyUpscaler(), { stage: 'all' });
    expect(result.stages.map(({ stage, status }) => [stage, status])).toEqual([['unet', 'finished'], ['upscaler', 'finished']]);
    const pipeline = await loadPipeline(result.pipelineFolder);
    expect(pipeline.upscaler!.unet!.config.num_class_embeds).toBeNull();
    const vocoder = createGriffinLimVocoder(pipeline.mel, { iterations: 1 });
    const images: Float32Array[] = [];
    for await (const { image } of generateClips(pipeline, { labels: [null, null], prompts: ['a low tone', 'a high tone'], seeds: [1, 1], steps: 2, guidance: 2, vocoder })) images.push(image.data);
    expect(images[0]).toHaveLength(8 * 16);
    expect(images[0]).not.toEqual(images[1]);
    pipeline.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('stopped and resumed ends byte for byte like one that was not', async () => {
    const [whole, stopped] = [newFolder(), newFolder()];
    await run(whole);
    const controller = new AbortController();
    const reporter = { ...silentReporter, startProgress: (title: string) => ({ update: (done: number) => void (title === 'training unet' && done === 2 && controller.abort()), end: () => undefined }) };
    expect((await run(stopped, {}, { reporter, signal: controller.signal })).status).toBe('interrupted');
    const { reporter: second, warnings } = recordingReporter();
    await run(stopped, {}, { resume: true, reporter: second });
    expect(warnings).toEqual([]);
    expect(await stateOf(stopped, 4)).toEqual(await stateOf(whole, 4));
  });

  it('learns from the captions, unless all are hidden', async () => {
    const [plain, other, hidden, none] = [newFolder(), newFolder(), newFolder(), newFolder()];
    await run(plain, { unet: { captionDropout: 0 } });
    await run(other, { unet: { captionDropout: 0 } }, { words: [...WORDS].toReversed() });
    await run(hidden, { unet: { captionDropout: 1 } });
    await run(none, { corpus: { captionColumn: null } }, { words: null });
    const weights = async (folder: string): Promise<string | undefined> => (await stateOf(folder, 4))['weights.safetensors'];
    expect(await weights(plain)).toBeDefined();
    expect(await weights(other)).not.toBe(await weights(plain));
    expect(await weights(hidden)).toBe(await weights(none));
    expect(await weights(hidden)).not.toBe(await weights(plain));
  });

  it('refuses to go on with other captions or another encoder', async () => {
    const folder = newFolder();
    await run(folder);
    await expect(run(folder, { unet: { training: { steps: 5 } } }, { resume: true, words: ['other words'] })).rejects.toThrow(/checkpoint trained on .*captions/);
    const moved = join(root, 'moved text');
    for (const name of ['text_encoder', 'tokenizer']) cpSync(join(TEXT_FOLDER, name), join(moved, name), { recursive: true });
    const { reporter, warnings } = recordingReporter();
    await run(folder, { unet: { textEncoder: moved } }, { resume: true, reporter });
    expect(warnings).toEqual([]);
  });

  it('says which folder has no text, and what does not fit the encoder', async () => {
    await expect(run(newFolder(), { unet: { textEncoder: join(root, 'nowhere') } })).rejects.toThrow(/nowhere.*tokenizer: got nothing of this name/s);
    await expect(run(newFolder(), { unet: { conditionNetwork: { cross_attention_dim: 6 } } })).rejects.toThrow('cross_attention_dim: got 6, expected 8');
  });
});

describe('the configuration of captions', () => {
  it.each([
    [{ corpus: { captionColumn: 'words' } }, /corpus\.captionColumn: got words, expected null, since unet\.conditionNetwork is null/],
    [{ unet: { textEncoder: 'folder' } }, /unet\.textEncoder: got folder, expected null/],
    [{ corpus: { captionColumn: 'words' }, unet: { conditionNetwork: NETWORK } }, /unet\.textEncoder: got null, expected a folder with text_encoder/],
    [{ unet: { captionDropout: 1.5 } }, /captionDropout/],
  ])('refuses %j', (over, message) => {
    expect(() => tinyConfig(over)).toThrow(message);
  });

  it('takes the encoder\'s folder relative to its file', async () => {
    const config = await loadRunConfig(fileURLToPath(new URL('fixtures/captions.yaml', import.meta.url)));
    expect(config.unet.textEncoder).toBe(join(TEXT_FOLDER, '.').replace(/\/$/, ''));
    expect(config.unet.conditionNetwork?.cross_attention_dim).toBeNull();
  });
});

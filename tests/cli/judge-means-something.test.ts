// The demonstration's check must fail for models that have learnt nothing or learnt wrong labels, and pass for real clips and a trained model.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { silentReporter } from '../../src/base/logger.js';
import { assessRun, type Assessment } from '../../src/cli/assess-run.js';
import { openRun } from '../../src/cli/open-run.js';
import { deriveNetworks } from '../../src/config/derive.js';
import { loadRunConfig } from '../../src/config/load.node.js';
import { resolveOverrides, type RunConfig } from '../../src/config/run-config.js';
import { prepareCorpus, type PreparedCorpus } from '../../src/corpus/prepare.node.js';
import { hasNativeKernel } from '../../src/engine/ops/native-kernels.js';
import { fitJudge } from '../../src/evaluation/judge.js';
import { logMelStatistics } from '../../src/evaluation/log-mel-statistics.js';
import { createAutoencoderKL, createUnet2d } from '../../src/models/index.js';
import { createPipeline, type Pipeline } from '../../src/pipeline/pipeline.js';
import type { SliceSource, Split } from '../../src/training/corpus-source.js';
import { trainRun } from '../../src/training/train.node.js';
import { useEngine } from '../support/engine.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'melstrom-judge-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What the demonstration wants of its clips. */
const WANTED = 0.8;

useEngine();

/** The demonstration's configuration with some keys changed, and its corpus. */
async function openDemo(name: string, overrides: readonly string[]): Promise<{ config: RunConfig; corpus: PreparedCorpus }> {
  const config = resolveOverrides(await loadRunConfig(join(root, 'configs', 'demo.yaml')), overrides);
  return { config, corpus: await prepareCorpus({ config, cacheFolder: join(scratch, name), reporter: silentReporter }) };
}

/** Draws two clips for every label and lets the demonstration's judge say what they are. */
async function assess(pipeline: Pipeline, { config, corpus }: { config: RunConfig; corpus: PreparedCorpus }): Promise<Assessment['figures']> {
  const { figures } = await assessRun({ pipeline, corpus, generation: config.generation, source: config.corpus, clipsPerLabel: 2, examplesPerLabel: 0, seed: 1, reporter: silentReporter });
  expect(figures.generatedCount).toBe(2 * corpus.labels.length);
  return figures;
}

describe('the demonstration’s judge', () => {
  let demo: Awaited<ReturnType<typeof openDemo>>;

  beforeAll(async () => {
    demo = await openDemo('corpus', ['generation.steps=3', 'generation.griffinLimIterations=8']);
  });
  afterAll(() => demo.corpus.close());

  const clipsOf = (split: Split) => {
    const { corpus } = demo;
    return Array.from({ length: corpus.sliceCount(split) }, (_, index) => {
      const { image, label } = corpus.slice(split, index);
      return { label, features: logMelStatistics({ settings: corpus.mel, frameCount: corpus.mel.frames, data: image }) };
    });
  };

  it('knows real held-out clips', () => {
    expect(fitJudge(clipsOf('train')).agreement(clipsOf('validation'))).toBeGreaterThan(0.9);
  });

  it('fails the same clips under shuffled labels', () => {
    const held = clipsOf('validation');
    const order = createRandom(3, 'shuffle').permutation(held.length);
    const shuffled = held.map(({ features }, index) => ({ features, label: held[order[index]].label }));
    expect(fitJudge(clipsOf('train')).agreement(shuffled)).toBeLessThan(0.4);
  });

  it('fails clips of an untrained model', async () => {
    const { config, corpus } = demo;
    const networks = deriveNetworks(config, corpus.labels.length);
    const pipeline = createPipeline({
      mel: config.mel, representation: 'latent', vaeKind: 'kl', labels: corpus.labels, diffusion: config.diffusion,
      vae: createAutoencoderKL(networks.vae, { seed: 1 }), unet: createUnet2d(networks.unet, { seed: 1 }),
    });
    const { judgeAgreement } = await assess(pipeline, demo);
    pipeline.dispose();
    expect(judgeAgreement).toBeLessThan(0.4);
  });
});

/** The same corpus and judge, in images so coarse that some seconds teach a small network the labels. */
const COARSE = [
  'representation=pixel', 'mel.fftSize=2048', 'mel.windowSamples=2048', 'mel.hopSamples=1024', 'mel.melBins=8', 'mel.frames=24',
  'unet.network.block_out_channels=[16,32]', 'unet.network.down_block_types=[DownBlock2D,DownBlock2D]', 'unet.network.up_block_types=[UpBlock2D,UpBlock2D]', 'unet.network.norm_num_groups=8',
  'unet.training.steps=200', 'unet.training.batchSize=16', 'unet.training.learningRate=3.0e-3', 'unet.training.warmupSteps=20', 'unet.training.emaDecay=0.97',
  'unet.training.validateEvery=100000', 'unet.training.checkpointEvery=100000', 'generation.steps=12',
];

/** A corpus whose every slice carries the label of another one. */
function withShuffledLabels(corpus: PreparedCorpus): SliceSource {
  const labels = (split: Split): Int32Array => {
    const own = corpus.labelsOf(split);
    return Int32Array.from(createRandom(5, 'wrong labels', split).permutation(own.length), (index) => own[index]);
  };
  const shuffled = { train: labels('train'), validation: labels('validation') };
  return {
    ...corpus,
    slice: (split, index) => ({ ...corpus.slice(split, index), label: shuffled[split][index] }),
    batch(request) {
      const batch = corpus.batch(request);
      return { ...batch, labels: batch.indices.map((index) => shuffled[request.split][index]) };
    },
  };
}

describe('a model trained in earnest', () => {
  let demo: Awaited<ReturnType<typeof openDemo>>;
  beforeAll(async () => {
    demo = await openDemo('coarse corpus', COARSE);
  });
  afterAll(() => demo.corpus.close());

  async function agreementAfterTraining(name: string, corpus: SliceSource): Promise<number | null> {
    const runFolder = join(scratch, name);
    const { status } = await trainRun({ config: demo.config, corpus, runFolder, stage: 'unet', resume: false, reporter: silentReporter });
    expect(status).toBe('finished');
    const { pipeline } = await openRun(runFolder);
    const { judgeAgreement } = await assess(pipeline, demo);
    pipeline.dispose();
    return judgeAgreement;
  }

  it('passes with the right labels, and fails when all that differs is that labels were shuffled', async (context) => {
    if (!hasNativeKernel('GroupNorm')) context.skip('400 steps of training take minutes without the native kernels: run `melstrom setup`');
    expect(await agreementAfterTraining('right', demo.corpus)).toBeGreaterThanOrEqual(WANTED);
    expect(await agreementAfterTraining('shuffled', withShuffledLabels(demo.corpus))).toBeLessThan(0.4);
  }, 400_000); // half a minute of training alone on two cores, several where other tests run beside it
});

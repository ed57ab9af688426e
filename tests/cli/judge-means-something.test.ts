// The demonstration's check must fail for models that have learnt nothing, and pass for real clips.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { silentReporter } from '../../src/base/logger.js';
import { assessRun } from '../../src/cli/assess-run.js';
import { deriveNetworks } from '../../src/config/derive.js';
import { loadRunConfig } from '../../src/config/load.node.js';
import { resolveOverrides, type RunConfig } from '../../src/config/run-config.js';
import { prepareCorpus, type PreparedCorpus } from '../../src/corpus/prepare.node.js';
import { fitJudge } from '../../src/evaluation/judge.js';
import { logMelStatistics } from '../../src/evaluation/log-mel-statistics.js';
import { createAutoencoderKL, createUnet2d } from '../../src/models/index.js';
import { createPipeline } from '../../src/pipeline/pipeline.js';
import { useEngine } from '../support/engine.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cacheFolder = mkdtempSync(join(tmpdir(), 'melstrom-judge-'));

useEngine();

describe('the demonstration’s judge', () => {
  let config: RunConfig;
  let corpus: PreparedCorpus;

  beforeAll(async () => {
    config = resolveOverrides(await loadRunConfig(join(root, 'configs', 'demo.yaml')), ['generation.steps=3', 'generation.griffinLimIterations=8']);
    corpus = await prepareCorpus({ config, cacheFolder: join(cacheFolder, 'corpus'), reporter: silentReporter });
  });

  afterAll(() => {
    corpus.close();
    rmSync(cacheFolder, { recursive: true, force: true });
  });

  const clipsOf = (split: 'train' | 'validation') =>
    Array.from({ length: corpus.sliceCount(split) }, (_, index) => {
      const { image, label } = corpus.slice(split, index);
      return { label, features: logMelStatistics({ settings: corpus.mel, frameCount: corpus.mel.frames, data: image }) };
    });

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
    const networks = deriveNetworks(config, corpus.labels.length);
    const pipeline = createPipeline({
      mel: config.mel, representation: 'latent', vaeKind: 'kl', labels: corpus.labels, diffusion: config.diffusion,
      vae: createAutoencoderKL(networks.vae, { seed: 1 }), unet: createUnet2d(networks.unet, { seed: 1 }),
    });
    const { figures } = await assessRun({
      pipeline, corpus, generation: config.generation, source: config.corpus, clipsPerLabel: 2, examplesPerLabel: 0, seed: 1, reporter: silentReporter,
    });
    pipeline.dispose();
    expect(figures.generatedCount).toBe(2 * corpus.labels.length);
    expect(figures.judgeAgreement).toBeLessThan(0.4);
  });
});

// The upscaler's stage in a run: its images, its network, and the pipeline around it. What a step is, is in unet-stage.ts.
import { MelstromError } from '../base/errors.js';
import type { DerivedNetworks } from '../config/derive.js';
import type { RunConfig } from '../config/run-config.js';
import { createUnet2d } from '../models/index.js';
import { assemble } from './assemble.js';
import { createPixelSource } from './clean-source.js';
import type { SliceSource } from './corpus-source.js';
import type { Ground } from './ground.node.js';
import type { InitialWeights } from './initial.node.js';
import { openKept } from './kept-parts.node.js';
import { runStage, type RunStageOptions } from './run-stage.node.js';
import type { StageResult } from './stage.js';
import { createUnetStage } from './unet-stage.js';
import type { VocoderNetwork } from '../vocoder/vocoder-network.js';

export interface TrainUpscalerOptions extends Pick<RunStageOptions, 'runFolder' | 'resume' | 'onStart' | 'reporter' | 'signal' | 'previews' | 'report'> {
  readonly config: RunConfig;
  readonly corpus: SliceSource;
  readonly networks: DerivedNetworks;
  readonly ground: Ground;
  readonly initial: InitialWeights | null;
  /** Trained before, and saved along. */
  readonly vocoder?: VocoderNetwork | null;
}

/** @throws MelstromError (configuration) where the configuration has no upscaler */
export function requireUpscaler({ upscaler }: RunConfig): NonNullable<RunConfig['upscaler']> {
  if (upscaler !== null) return upscaler;
  throw new MelstromError({ kind: 'configuration', where: 'upscaler', got: 'null, so that there is no upscaler to train', expected: 'a block', fix: 'Train with stage unet, or add the block upscaler, for example upscaler: { factor: 2 }.' });
}

/** Trains the upscaler on true small images, so that it needs no trained UNet. */
export async function trainUpscaler(options: TrainUpscalerOptions): Promise<StageResult> {
  const { config, corpus, networks, ground, initial, runFolder, reporter } = options;
  const { factor, training, noiseAugmentation, labelDropout } = requireUpscaler(config);
  const { labels } = corpus;
  const { scale, shift } = ground;
  const unet = createUnet2d(networks.upscaler!, { seed: config.seed });
  const source = createPixelSource(corpus, { seed: config.seed, augment: training.augment, standardise: { scale, shift } });
  const stage = createUnetStage({
    name: 'upscaler', unet, diffusion: config.diffusion, training, source, labelCount: labels.length, labelDropout, seed: config.seed,
    upscaling: { factor, noiseAugmentation },
  });
  reporter.log.info(`upscaler: ${unet.parameters.count.toLocaleString('en')} parameters`);
  try {
    const kept = await openKept({ runFolder, stage: 'unet', around: assemble(options, ground), log: reporter.log });
    try {
      const parts = { ...ground, unet: kept?.unet, text: kept?.text, scheduler: kept?.scheduler ?? initial?.scheduler, upscaler: { factor, unet } };
      return await runStage({ ...options, stage, labels, dependsOn: ground.key, pipeline: async () => assemble(options, parts) });
    } finally {
      kept?.dispose();
    }
  } finally {
    source.close();
    unet.dispose();
  }
}

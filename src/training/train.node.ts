// Trains a run: the autoencoder, the scale of its latents, the UNet, upscaler and vocoder where there are some. The wiring of the stages; what a step is, is elsewhere.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MelstromError } from '../base/errors.js';
import type { Reporter } from '../base/logger.js';
import { deriveNetworks, isForInpainting, type DerivedNetworks } from '../config/derive.js';
import { stringifyRunConfig, type RunConfig } from '../config/run-config.js';
import { convPrecision, setConvPrecision } from '../engine/ops/index.js';
import { createAutoencoderKL } from '../models/index.js';
import { savePipeline } from '../pipeline/folder.node.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { checkText } from '../pipeline/text.js';
import { createAnyUnet } from '../pipeline/unet-classes.js';
import type { VocoderNetwork } from '../vocoder/vocoder-network.js';
import { assemble } from './assemble.js';
import { openCaptions, type Captions } from './captions.node.js';
import { listCheckpoints, requireWritable } from './checkpoint-store.node.js';
import type { SliceSource } from './corpus-source.js';
import { diskError } from './disk-error.node.js';
import { estimateLatents, layGround, type Ground } from './ground.node.js';
import { hasKeptScale, openInitial, type InitialWeights } from './initial.node.js';
import { openKept } from './kept-parts.node.js';
import type { PreviewCallback } from './previews.node.js';
import { removeCheckpoints, runStage, stateFolder } from './run-stage.node.js';
import type { StageName, StageResult, StageStatus } from './stage.js';
import { requireUpscaler, trainUpscaler } from './train-upscaler.node.js';
import { openKeptVocoder, requireVocoder, trainVocoder, type TrainVocoderOptions } from './train-vocoder.node.js';
import { createUnetStage } from './unet-stage.js';
import { createVaeStage } from './vae-stage.js';

export interface TrainOptions {
  readonly config: RunConfig;
  /** A prepared corpus. Stays the caller's. */
  readonly corpus: SliceSource;
  readonly runFolder: string;
  readonly stage: StageName | 'all';
  /** Goes on from the latest whole checkpoint of each stage; false refuses a run folder that has checkpoints of the stage. */
  readonly resume: boolean;
  /** Removes checkpoints of the stages first instead of refusing. Default false. */
  readonly force?: boolean;
  readonly reporter: Reporter;
  readonly previews?: PreviewCallback;
  /** Called after each checkpoint and at the end of each stage, for a page about the run. */
  readonly report?: () => Promise<void>;
  readonly vocoderPreviews?: TrainVocoderOptions['vocoderPreviews'];
  /** Aborted: the step in progress ends, everything is saved, and the result says `interrupted`. */
  readonly signal?: AbortSignal;
}

export interface TrainResult {
  /** Of the last stage that ran. */
  readonly status: StageStatus;
  readonly stages: readonly StageResult[];
  readonly runFolder: string;
  readonly pipelineFolder: string;
  /** Null until the autoencoder is trained. */
  readonly latentScale: number | null;
  readonly latentShift: number | null;
}

/**
 * Trains the stages asked for into a run folder, on the engine in use.
 *
 * @throws MelstromError (configuration, usage, checkpoint, numeric, data); checkpoints made so far stay
 */
export async function trainRun(options: TrainOptions): Promise<TrainResult> {
  const before = convPrecision();
  const precision = setConvPrecision(options.config.precision);
  options.reporter.log.info(`training in ${precision}`);
  try {
    return await trainStages(options);
  } finally {
    setConvPrecision(before);
  }
}

async function trainStages(options: TrainOptions): Promise<TrainResult> {
  const { config, stage } = options;
  if (stage === 'vae' && config.representation === 'pixel') {
    throw new MelstromError({ kind: 'configuration', where: 'representation', got: 'pixel, which has no autoencoder to train', expected: 'latent', fix: 'Train with stage unet, or set representation to latent.' });
  }
  if (stage === 'vae' && !config.vae.trainable) {
    throw new MelstromError({ kind: 'configuration', where: 'vae.trainable', got: 'false, so that there is no autoencoder to train', expected: 'true', fix: 'Train with stage unet, or set vae.trainable to true.' });
  }
  if (stage === 'upscaler') requireUpscaler(config);
  if (stage === 'vocoder') requireVocoder(config);
  await requireReady(options);
  const drawn = stage === 'vocoder' ? null : await withKeptVocoder(options, trainDrawing);
  if (stage !== 'vocoder' && (stage !== 'all' || config.vocoder === null || drawn?.status === 'interrupted')) return drawn!;
  const trained = await trainVocoder({ ...options, onStart: () => writeConfig(options) });
  const { runFolder } = options;
  return {
    latentScale: null, latentShift: null, pipelineFolder: join(runFolder, 'pipeline'), runFolder, ...drawn,
    status: trained?.status ?? 'interrupted', stages: [...(drawn?.stages ?? []), ...(trained === null ? [] : [trained])],
  };
}

type DrawingOptions = TrainOptions & { readonly vocoder: VocoderNetwork | null };

/** Runs the stages with the vocoder that was trained before them, which is saved and previewed along. */
async function withKeptVocoder<T>(options: TrainOptions, body: (options: DrawingOptions) => Promise<T>): Promise<T> {
  const vocoder = await openKeptVocoder(options);
  try {
    return await body({ ...options, vocoder });
  } finally {
    vocoder?.vocos.dispose();
  }
}

/** The stages that draw images. */
async function trainDrawing(options: DrawingOptions): Promise<TrainResult> {
  const { config, corpus, runFolder, stage, signal } = options;
  const networks = deriveNetworks(config, corpus.labels.length);
  const initial = await openInitial(config, corpus.labels, options.reporter);
  const stages: StageResult[] = [];
  const result = (status: StageStatus, ground: Ground | null): TrainResult => ({
    status, stages, runFolder, pipelineFolder: join(runFolder, 'pipeline'), latentScale: ground?.scale ?? null, latentShift: ground?.shift ?? null,
  });

  if (config.representation === 'latent' && (stage === 'vae' || stage === 'all') && config.vae.trainable) {
    const trained = await trainVae(options, { networks, initial });
    stages.push(trained);
    if (trained.status === 'interrupted') return result('interrupted', null);
  }
  const ground = await layGround({ ...options, networks, initial });
  if (ground === null || signal?.aborted) {
    ground?.dispose();
    return result('interrupted', ground);
  }
  try {
    if (stage === 'vae') await saveAutoencoder(options, ground, stages[0]);
    if (stage === 'unet' || stage === 'all') {
      const trained = await trainUnet(options, { networks, initial, ground });
      if (trained === null) return result('interrupted', ground);
      stages.push(trained);
      if (trained.status === 'interrupted') return result('interrupted', ground);
    }
    if (stage === 'upscaler' || (stage === 'all' && config.upscaler !== null)) {
      stages.push(await trainUpscaler({ ...options, networks, initial, ground, onStart: () => writeConfig(options) }));
    }
  } finally {
    ground.dispose();
  }
  return result(stages[stages.length - 1].status, ground);
}

interface Networks {
  readonly networks: DerivedNetworks;
  readonly initial: InitialWeights | null;
}

async function trainVae(options: DrawingOptions, { networks, initial }: Networks): Promise<StageResult> {
  const { config, corpus, runFolder } = options;
  const { kind, loss, discriminator, training, cropFrames } = config.vae;
  const vae = initial?.createVae() ?? createAutoencoderKL(networks.vae, { seed: config.seed });
  const stage = createVaeStage({ vae, kind, loss, discriminator, training, cropFrames, corpus, seed: config.seed });
  options.reporter.log.info(`vae: ${vae.parameters.count.toLocaleString('en')} parameters`);
  try {
    return await runStage({
      ...options, stage, runFolder, labels: corpus.labels, initialHash: initial?.vaeHash, onStart: () => writeConfig(options),
      pipeline: async () => assemble(options, { vae, ...(initial !== null && hasKeptScale(config) ? initial : await estimateLatents(vae, config, corpus)) }),
    });
  } finally {
    stage.dispose();
    vae.dispose();
  }
}

/** Null when the signal came before its first step. */
async function trainUnet(options: DrawingOptions, parts: Networks & { readonly ground: Ground }): Promise<StageResult | null> {
  const captions = options.config.unet.conditionNetwork === null ? null : await openCaptions({ ...options, initial: parts.initial });
  if (captions === 'interrupted') return null;
  let kept: Pipeline | null = null;
  try {
    const { config, runFolder, reporter } = options;
    if (config.upscaler !== null) kept = await openKept({ runFolder, stage: 'upscaler', around: assemble(options, parts.ground), log: reporter.log });
    return await trainUnetOn(options, { ...parts, captions, kept });
  } finally {
    kept?.dispose();
    captions?.dispose();
  }
}

/** @param parts.kept the pipeline whose upscaler is saved along */
async function trainUnetOn(options: DrawingOptions, { networks, initial, ground, captions, kept }: Networks & { readonly ground: Ground; readonly captions: Captions | null; readonly kept: Pipeline | null }): Promise<StageResult> {
  const { config, corpus, runFolder, reporter } = options;
  const { conditionUnet } = networks;
  const width = captions?.text.encoder.config.hidden_size ?? null;
  const network = conditionUnet === null ? networks.unet : { ...conditionUnet, cross_attention_dim: conditionUnet.cross_attention_dim ?? width };
  const unet = initial?.createUnet() ?? createAnyUnet(network, { seed: config.seed });
  const text = captions?.text ?? null;
  const { training, labelDropout } = config.unet;
  const inpaintingShare = isForInpainting(unet.config) ? (config.unet.inpaintingShare ?? 0.5) : null;
  const stage = createUnetStage({ unet, captions: captions?.source, diffusion: config.diffusion, training, source: ground.source, labelCount: corpus.labels.length, labelDropout, inpaintingShare, seed: config.seed });
  reporter.log.info(`unet: ${unet.parameters.count.toLocaleString('en')} parameters`);
  try {
    if (text !== null) checkText(text, unet);
    return await runStage({
      ...options, stage, labels: corpus.labels, initialHash: initial?.unetHash, dependsOn: captions === null ? ground.key : `${ground.key} ${captions.key}`,
      onStart: async (step) => {
        await writeConfig(options);
        if (step === 0 && ground.vae !== null) await savePipeline(join(runFolder, 'pipeline'), assemble(options, ground));
      },
      pipeline: async () => assemble(options, { ...ground, unet, text, upscaler: kept?.upscaler, scheduler: initial?.scheduler }),
    });
  } finally {
    unet.dispose();
  }
}

/** After the autoencoder alone. A pipeline that already has a UNet for these very latents is left as it is. */
async function saveAutoencoder(options: DrawingOptions, ground: Ground, { stepsPerSecond }: StageResult): Promise<void> {
  const hasUnet = (await listCheckpoints(stateFolder(options.runFolder, 'unet'))).length > 0;
  if (stepsPerSecond === null && hasUnet) return;
  await savePipeline(join(options.runFolder, 'pipeline'), assemble(options, ground));
}

/** Everything that can be refused before any long work. */
async function requireReady({ corpus, runFolder, stage, resume, force = false, config, reporter }: TrainOptions): Promise<void> {
  if (corpus.sliceCount('train') === 0) {
    throw new MelstromError({ kind: 'data', where: 'corpus', got: 'no slices to train on', expected: 'at least one', fix: 'Look at the corpus with `melstrom inspect`.' });
  }
  if (corpus.sliceCount('validation') === 0) reporter.log.warn('the corpus has no validation slices: validation runs on training slices and cannot show overfitting');
  await requireWritable(runFolder);
  for (const name of await readdir(runFolder)) {
    if (LEFT_BY_A_KILL.test(name)) await rm(join(runFolder, name), { recursive: true, force: true });
  }
  if (resume) return;
  if (force) for (const name of stagesOf({ stage, config })) await removeCheckpoints(runFolder, name);
  else await refuseCheckpoints({ config, runFolder, stage });
}

/**
 * @throws MelstromError (usage) when the run folder has checkpoints of a stage that is to start anew, or a config.yaml that no training
 * has written there. Cheap: can be asked before a corpus is prepared.
 */
export async function refuseCheckpoints({ config, runFolder, stage }: Pick<TrainOptions, 'config' | 'runFolder' | 'stage'>): Promise<void> {
  if (existsSync(join(runFolder, 'config.yaml')) && !existsSync(join(runFolder, 'state'))) {
    throw new MelstromError({ kind: 'usage', where: join(runFolder, 'config.yaml'), got: 'a file that is not of a run', expected: 'none, since the resolved configuration is written there', fix: 'Choose another run folder, or give the file another name.' });
  }
  for (const name of stagesOf({ stage, config })) {
    const [latest] = await listCheckpoints(stateFolder(runFolder, name));
    if (latest === undefined) continue;
    throw new MelstromError({ kind: 'usage', where: stateFolder(runFolder, name), got: `checkpoints up to step ${latest}`, expected: 'none, since resuming was not asked for', fix: 'Add --resume to go on, or choose another run folder.' });
  }
}

function stagesOf({ stage, config }: Pick<TrainOptions, 'config' | 'stage'>): StageName[] {
  const isThere = { vae: config.representation === 'latent', unet: true, upscaler: config.upscaler !== null, vocoder: config.vocoder !== null };
  return (['vae', 'unet', 'upscaler', 'vocoder'] as const).filter((name) => (stage === 'all' || stage === name) && isThere[name]);
}

/** Parts of folders and files that a killed process was writing. */
const LEFT_BY_A_KILL = /^\.(pipeline-\d+-\d+\.part|config-[0-9a-f]+\.tmp)$/;

async function writeConfig({ config, runFolder }: TrainOptions): Promise<void> {
  await mkdir(runFolder, { recursive: true });
  const temporary = join(runFolder, `.config-${randomBytes(4).toString('hex')}.tmp`);
  try {
    await writeFile(temporary, stringifyRunConfig(config));
    await rename(temporary, join(runFolder, 'config.yaml'));
  } catch (cause) {
    throw diskError(join(runFolder, 'config.yaml'), cause);
  }
}

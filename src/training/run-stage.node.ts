// One stage in a run folder: resumes or starts, runs the loop, and keeps checkpoints, events, previews and the pipeline folder.
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MelstromError } from '../base/errors.js';
import type { Reporter } from '../base/logger.js';
import type { RunConfig } from '../config/run-config.js';
import { createAdamW, createEma } from '../nn/index.js';
import { savePipeline } from '../pipeline/folder.node.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { listCheckpoints, loadLatestCheckpoint, requireWritable, saveCheckpoint, type Checkpoint } from './checkpoint-store.node.js';
import { runLoop, type LoopPosition } from './loop.js';
import { figureEntries, writePreviews, type Preview, type PreviewCallback } from './previews.node.js';
import { checkResumable, relevantKeys } from './resume-check.js';
import type { Stage, StageName, StageResult, ValidationRecord } from './stage.js';
import { createEventWriter } from './tensorboard.node.js';
import { captureTrainer, restoreTrainer, type Trainer } from './trainer-state.js';

export interface RunStageOptions {
  readonly config: RunConfig;
  readonly labels: readonly string[];
  readonly runFolder: string;
  readonly stage: Stage;
  /** The pipeline around the network in training, as it is to be saved; or what takes its place. Asked for with the averages in place. */
  readonly pipeline: (() => Promise<Pipeline>) | StageProduct;
  /** Hash of the files that the stage's first weights come from; a checkpoint that started from others is refused. Default: from nothing. */
  readonly initialHash?: string | null;
  readonly resume: boolean;
  /** Called once it is sure that the stage can start or resume, before its first step. */
  readonly onStart?: (step: number) => Promise<void>;
  /** Something else that the stage's weights depend on; a checkpoint with another one is refused. */
  readonly dependsOn?: string;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
  readonly previews?: PreviewCallback;
  /** Called after each checkpoint and at the end, for a page about the run. */
  readonly report?: () => Promise<void>;
}

/** What a stage leaves for use. */
export interface StageProduct {
  save(): Promise<void>;
  preview?(step: number): Promise<readonly Preview[]>;
}

/** Where a stage keeps its checkpoints. */
export function stateFolder(runFolder: string, stage: StageName): string {
  return join(runFolder, 'state', stage);
}

/** Runs a stage to its end, its time limit or the signal. Memory: frees what it makes; the stage stays the caller's. */
export async function runStage(options: RunStageOptions): Promise<StageResult> {
  const { config, runFolder, stage, reporter, signal } = options;
  const { training } = config[stage.name]!;
  const folder = stateFolder(runFolder, stage.name);
  const product = productOf(options);
  await requireWritable(folder);
  const trainer: Trainer = { stage, optimiser: createAdamW(stage.parameters, training), ema: createEma(stage.parameters, training.emaDecay) };
  try {
    const start = await startPosition(options, trainer, folder);
    const isDone = start.step >= training.steps;
    if (isDone) reporter.log.info(`${stage.name}: all ${training.steps} steps are done`);
    await options.onStart?.(start.step);
    if (start.step > 0 && !isDone) await trainer.ema.withEma(() => product.save()); // a kill may have come between checkpoint and pipeline
    const events = createEventWriter(join(runFolder, 'events', stage.name), { firstStep: start.step });
    const result = await runLoop(trainer, {
      training, seed: config.seed, start, reporter, signal,
      hooks: {
        save: async (position) => {
          await save(options, trainer, { folder, position });
          await trainer.ema.withEma(() => product.save());
          await options.report?.();
        },
        log: (step, figures) => events.write(step, Object.entries(figures).map(([tag, value]) => ({ kind: 'scalar', tag, value }))),
        ...(product.preview && {
          preview: async (step: number) => {
            const previews = await product.preview!(step);
            events.write(step, figureEntries(previews)); // a record without pictures, which can be read back quickly
            events.write(step, await writePreviews(join(runFolder, 'previews'), { stage: stage.name, step }, previews));
          },
        }),
      },
    });
    if (product.preview !== undefined) await options.report?.(); // the last previews came after the last checkpoint
    reporter.log.info(describeResult(result));
    return result;
  } finally {
    trainer.optimiser.dispose();
    trainer.ema.dispose();
  }
}

interface SavedMeta {
  readonly version: 1;
  readonly stage: StageName;
  readonly seed: number;
  /** Batches drawn so far: the position of every random sequence, which are functions of seed and this. */
  readonly passes: number;
  readonly elapsedSeconds: number;
  readonly validations: readonly ValidationRecord[];
  readonly keys: Readonly<Record<string, string>>;
  readonly configHash: string;
  readonly dependsOn: string | null;
}

async function save(options: RunStageOptions, trainer: Trainer, { folder, position }: { folder: string; position: LoopPosition }): Promise<void> {
  const { config, labels, stage, reporter, dependsOn = null, initialHash = null } = options;
  const { training } = config[stage.name]!;
  const keys = relevantKeys(config, { labels, stage: stage.name, initialHash });
  const { step, elapsedSeconds, validations } = position;
  const meta: SavedMeta = {
    version: 1, stage: stage.name, seed: config.seed, passes: step * training.accumulate, elapsedSeconds, validations, keys,
    configHash: createHash('sha256').update(JSON.stringify(config)).digest('hex'), dependsOn,
  };
  await saveCheckpoint(folder, { step, files: captureTrainer(trainer), meta: { ...meta } }, { keep: training.keepCheckpoints, log: reporter.log });
}

/** The pipeline folder and its previews, unless the stage has something of its own. */
function productOf({ pipeline, runFolder, previews, stage }: RunStageOptions): StageProduct {
  if (typeof pipeline !== 'function') return pipeline;
  return {
    save: async () => savePipeline(join(runFolder, 'pipeline'), await pipeline()),
    ...(previews && { preview: async (step: number) => previews({ pipeline: await pipeline(), stage: stage.name, step }) }),
  };
}

async function startPosition(options: RunStageOptions, trainer: Trainer, folder: string): Promise<LoopPosition> {
  const { config, labels, stage, resume, reporter, dependsOn = null, initialHash = null } = options;
  if (!resume) {
    await refuseExisting(folder);
    return { step: 0, elapsedSeconds: 0, validations: [] };
  }
  const checkpoint = await loadLatestCheckpoint(folder, reporter.log);
  if (checkpoint === null) {
    reporter.log.info(`${stage.name}: no checkpoint to resume from; starts at step 0`);
    return { step: 0, elapsedSeconds: 0, validations: [] };
  }
  const where = join(folder, `step-${checkpoint.step}`);
  const meta = readMeta(checkpoint, stage.name, where);
  const changed = checkResumable(meta.keys, relevantKeys(config, { labels, stage: stage.name, initialHash }), where);
  if (changed.length > 0) reporter.log.warn(`${stage.name}: resumed with other ${changed.join(', ')}; the result is not that of a run that never stopped`);
  if (meta.dependsOn !== dependsOn) {
    throw new MelstromError({ kind: 'checkpoint', where, got: 'a checkpoint trained on the latents of another autoencoder or corpus, or on other captions', expected: 'the one at hand', fix: 'Train the UNet anew into another run folder.' });
  }
  restoreTrainer(trainer, checkpoint.files, where);
  reporter.log.info(`${stage.name}: resumed at step ${checkpoint.step}`);
  return { step: checkpoint.step, elapsedSeconds: meta.elapsedSeconds, validations: meta.validations };
}

function readMeta({ meta }: Checkpoint, stage: StageName, where: string): SavedMeta {
  if (meta.version !== 1 || meta.stage !== stage) {
    throw new MelstromError({ kind: 'checkpoint', where, got: `version ${String(meta.version)} of stage ${String(meta.stage)}`, expected: `version 1 of stage ${stage}` });
  }
  return meta as unknown as SavedMeta;
}

async function refuseExisting(folder: string): Promise<void> {
  const [latest] = await listCheckpoints(folder);
  if (latest === undefined) return;
  throw new MelstromError({ kind: 'usage', where: folder, got: `checkpoints up to step ${latest}`, expected: 'none, since --resume was not given', fix: 'Add --resume to go on, or choose another run folder.' });
}

/** Removes the checkpoints of a stage, for a run that is started over on purpose. */
export async function removeCheckpoints(runFolder: string, stage: StageName): Promise<void> {
  await rm(stateFolder(runFolder, stage), { recursive: true, force: true });
}

function describeResult({ stage, status, step, elapsedSeconds, stepsPerSecond }: StageResult): string {
  const how = { finished: 'finished', 'time-limit': 'stopped at its time limit', interrupted: 'interrupted and saved' }[status];
  const rate = stepsPerSecond === null ? '' : `, ${stepsPerSecond.toFixed(2)} steps/s`;
  return `${stage}: ${how} at step ${step} after ${(elapsedSeconds / 60).toFixed(1)} minutes${rate}`;
}

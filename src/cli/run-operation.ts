// Runs an operation from the command line: opens the run, reads the sounds, draws, writes, prints.
import { basename, extname, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { openAudio } from '../audio/decode.node.js';
import { loadSound } from '../audio/load.node.js';
import { MelstromError } from '../base/errors.js';
import type { Progress } from '../base/logger.js';
import { startEngine } from '../engine/start.node.js';
import type { InputSound, OperationClip, OperationRequest, SoundMix } from '../generation/index.js';
import { planOutput, writeGenerated, type WrittenClip } from '../generation/write.node.js';
import { requireFlag, requireReadableFolder, requireWritableFolder } from './arguments.js';
import { chooseVocoder } from './choose-vocoder.js';
import { createContext, INTERRUPTED_STATUS } from './context.js';
import { drawSettings, warnOfUpscaler } from './draw-flags.js';
import { inDrawPrecision } from './draw-precision.js';
import { openRun, type OpenRun } from './open-run.js';
import { mixOfFlags, type OperationFlags } from './operation-flags.js';

/** An operation once the run is open: its clips, and what each is named after. */
export interface PlannedOperation {
  readonly clips: AsyncIterable<OperationClip>;
  /** One per clip. */
  readonly seeds: readonly number[];
  readonly titles: readonly string[];
}

type Shared = Pick<OperationRequest, 'vocoder' | 'signal' | 'onStep' | 'batchSize'> & ReturnType<typeof drawSettings>;

interface OperationOptions {
  readonly name: string;
  readonly run: string;
  readonly flags: OperationFlags;
  readonly command: Command;
  /** Clips whose images are inverted whole, for as many threads as that is worth. Default 0. */
  readonly inversions?: number;
  /** Checks everything before any file is written. What the flags say of the mix is for every clip. */
  readonly plan: (open: OpenRun, shared: Shared, mix: SoundMix) => Promise<PlannedOperation>;
}

/** What is written when the signal aborts stays, each clip complete. @throws MelstromError as the operation does */
export async function runOperation({ name, run, flags, command, inversions = 0, plan }: OperationOptions): Promise<void> {
  const { reporter, signal, print } = createContext(command);
  requireReadableFolder('<run>', run);
  const out = requireWritableFolder('--out', requireFlag('--out', flags.out));
  await startEngine(flags.engine);
  const open = await openRun(run);
  warnOfUpscaler(open, reporter);
  const write = { bitDepth: Number(flags.bitDepth) as 16 | 24 | 32, png: flags.png ?? false, force: flags.force ?? false, run: resolve(run) };
  let progress: Progress | null = null;
  const { clips, seeds, titles } = await plan(open, {
    ...drawSettings(open, flags),
    vocoder: chooseVocoder(open.pipeline, open.generation, flags.vocoder, { workers: flags.workers, clips: inversions, frames: open.pipeline.mel.frames, signal }),
    signal,
    onStep: ({ doneSteps, totalSteps, doneClips, totalClips }) => progress?.update(Math.floor((100 * doneSteps) / totalSteps), { clips: `${doneClips}/${totalClips}` }),
  }, mixOfFlags(open.pipeline, flags));
  const distinct = [...new Set(titles)];
  const names = await planOutput(out, { labels: distinct }, { seeds, labels: titles.map((title) => distinct.indexOf(title)) }, write);
  progress = reporter.startProgress(name, 100, '%');
  const files: WrittenClip[] = [];
  try {
    await inDrawPrecision(open, flags, async () => {
      for await (const file of writeGenerated(out, names, withPathsFrom(out, clips), write)) files.push(file);
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress.end();
  }
  print({ folder: out, files }, [`${files.length} clips in ${out}`]);
  if (signal.aborted) process.exitCode = INTERRUPTED_STATUS;
}

/** Paths of sounds in the records start at the records' own folder, so that the whole can be moved. */
async function* withPathsFrom(folder: string, clips: AsyncIterable<OperationClip>): AsyncGenerator<OperationClip> {
  const moved = (key: string, value: unknown): unknown => (key === 'file' ? relative(folder, resolve(value as string)) : value);
  for await (const clip of clips) yield { ...clip, sidecar: JSON.parse(JSON.stringify(clip.sidecar, moved)) as OperationClip['sidecar'] };
}

/** Reads a sound as one channel by the run's rule, or as the two of a stereo run. @throws as requireRate */
export async function readSound({ pipeline, config }: OpenRun, path: string, flags: ResampleFlag): Promise<InputSound> {
  const { sampleRateHz, channels } = pipeline.mel;
  await requireRate(path, sampleRateHz, flags);
  const downmix = config?.corpus.downmix ?? 'mean';
  return { sampleRateHz, channels: await loadSound(resolve(path), { sampleRateHz, channels, downmix }), file: path, downmix };
}

interface ResampleFlag {
  readonly resample?: boolean;
}

/** @throws MelstromError when a file's rate is not the model's and it is not to be resampled */
export async function requireRate(path: string, sampleRateHz: number, { resample = false }: ResampleFlag): Promise<void> {
  const source = await openAudio(resolve(path));
  await source.close();
  if (source.sampleRateHz === sampleRateHz || resample) return;
  throw new MelstromError({ kind: 'data', where: path, got: `${source.sampleRateHz} Hz`, expected: `${sampleRateHz} Hz, the model's rate`, fix: 'Add --resample to convert it on the way.' });
}

/** A file's name without folder and ending. */
export function stemOf(path: string): string {
  return basename(path, extname(path));
}

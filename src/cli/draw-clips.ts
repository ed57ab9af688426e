// Draws clips into a folder: what `generate` does once everything is parsed.
import { join } from 'node:path';
import type { Progress, Reporter } from '../base/logger.js';
import type { GenerationConfig } from '../config/generation.js';
import { clipLength, generateClips, generateFromVaePrior, isStreamed, streamClips, type GenerateRequest, type LengthRequest } from '../generation/index.js';
import { MANIFEST_NAME, writeManifest } from '../generation/manifest.node.js';
import { isWritten } from '../generation/record.node.js';
import { planOutput, writeGenerated, type PlanOptions, type WriteOptions, type WrittenClip } from '../generation/write.node.js';
import { writeStreams } from '../generation/write-stream.node.js';
import { refuseExisting } from '../audio/write-whole.node.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { chooseVocoder, type VocoderChoice } from './choose-vocoder.js';
import { duration } from './terminal.js';

export interface DrawClipsOptions extends PlanOptions {
  readonly pipeline: Pipeline;
  readonly out: string;
  readonly labels: readonly (number | null)[];
  /** Per clip, with what none is to be; for a model that follows text. */
  readonly prompts?: readonly string[];
  readonly negativePrompt?: string;
  /** Seed of the first clip; the next ones count up. */
  readonly firstSeed: number;
  readonly length?: LengthRequest;
  readonly settings: GenerationConfig;
  /** Draws from the autoencoder alone, without UNet, sampler and labels. Default false. */
  readonly isFromVaePrior?: boolean;
  /** Whether to write a CSV file of all clips, when it ends and when it is stopped. Default false. */
  readonly hasManifest?: boolean;
  /** Default auto. */
  readonly vocoder?: VocoderChoice;
  /** Threads that invert. Default as many as the clips are worth. */
  readonly workers?: number;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export interface DrawnClips {
  /** Those drawn this time. */
  readonly files: readonly WrittenClip[];
  /** Clips that were there already. */
  readonly skippedCount: number;
  readonly manifest: string | null;
}

/** Draws and writes clips, batch after batch; what is written when the signal aborts stays, and `resume` goes on from there. */
export async function drawClips(options: DrawClipsOptions): Promise<DrawnClips> {
  const { pipeline, out, labels, prompts, negativePrompt, firstSeed, length, settings, isFromVaePrior = false, vocoder, workers, hasManifest = false, reporter, signal, ...write } = options;
  const { bitDepth = 24, png = false, force = false, resume = false } = write;
  const seeds = labels.map((_, index) => firstSeed + index);
  const there = new Set<number>();
  let names: readonly string[] = [];
  let progress: Progress | null = null;
  const files: WrittenClip[] = [];
  const startedAt = Date.now();
  const request: GenerateRequest = {
    ...settings, ...length, labels, prompts, negativePrompt, seeds, signal,
    vocoder: chooseVocoder(pipeline, settings, vocoder, { workers, clips: labels.length, frames: clipLength(pipeline, length ?? {}).frameCount, signal }),
    skip: async (index, sidecar) => {
      if (!resume || !(await isWritten(out, names[index], { sidecar, bitDepth, png }))) return false;
      there.add(index);
      return true;
    },
    onStep: ({ doneSteps, totalSteps }) => {
      const doneCount = there.size + files.length;
      const seconds = (Date.now() - startedAt) / 1000;
      const timing: Record<string, string> = files.length === 0 ? {} : { rate: `${perSecond(files.length / seconds)} clips/s`, left: duration((1000 * seconds * (seeds.length - doneCount)) / files.length) };
      progress ??= reporter.startProgress('generate', 100, '%'); // not before something is drawn: the request may yet be refused
      progress.update(Math.floor((100 * doneSteps) / totalSteps), { ...timing, clips: `${doneCount}/${seeds.length}` });
    },
  };
  const writeTo = clipWriter(pipeline, request, { isFromVaePrior }); // checks the request before a folder is made
  names = await planOutput(out, pipeline, { seeds, labels, prompts }, write);
  if (hasManifest && !force && !resume) await refuseExisting(join(out, MANIFEST_NAME));
  try {
    for await (const file of writeTo(out, names, write)) files.push(file);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    (progress as Progress | null)?.end();
  }
  const written = new Set(files.map(({ json }) => json));
  const manifest = hasManifest ? await writeManifest(out, names.filter((name, index) => there.has(index) || written.has(join(out, `${name}.json`)))) : null;
  return { files, skippedCount: there.size, manifest };
}

/** Checks a request; what comes back draws and writes its clips, long ones as they are made. */
function clipWriter(pipeline: Pipeline, request: GenerateRequest, { isFromVaePrior }: { readonly isFromVaePrior: boolean }): (folder: string, names: readonly string[], options: WriteOptions) => AsyncGenerator<WrittenClip> {
  if (!isFromVaePrior && isStreamed(pipeline, request)) {
    const streams = streamClips(pipeline, request);
    return (folder, names, options) => writeStreams(folder, names, streams, options);
  }
  const clips = (isFromVaePrior ? generateFromVaePrior : generateClips)(pipeline, request);
  return (folder, names, options) => writeGenerated(folder, names, clips, options);
}

function perSecond(rate: number): string {
  return rate >= 10 ? rate.toFixed(0) : rate.toFixed(2);
}

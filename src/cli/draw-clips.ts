// Draws clips into a folder: what `generate` does once everything is parsed.
import type { Progress, Reporter } from '../base/logger.js';
import type { GenerationConfig } from '../config/generation.js';
import { generateClips, generateFromVaePrior, type GenerateRequest } from '../generation/index.js';
import { planOutput, writeGenerated, type WriteOptions, type WrittenClip } from '../generation/write.node.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { createGriffinLimVocoder } from '../vocoder/griffin-lim-vocoder.js';
import { inverterOptions } from './inverter-flags.js';

export interface DrawClipsOptions extends WriteOptions {
  readonly pipeline: Pipeline;
  readonly out: string;
  readonly labels: readonly (number | null)[];
  /** Per clip, with what none is to be; for a model that follows text. */
  readonly prompts?: readonly string[];
  readonly negativePrompt?: string;
  /** Seed of the first clip; the next ones count up. */
  readonly firstSeed: number;
  readonly settings: GenerationConfig;
  /** Draws from the autoencoder alone, without UNet, sampler and labels. Default false. */
  readonly isFromVaePrior?: boolean;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** Draws and writes clips; what is written when the signal aborts stays. */
export async function drawClips({ pipeline, out, labels, prompts, negativePrompt, firstSeed, settings, isFromVaePrior = false, reporter, signal, ...write }: DrawClipsOptions): Promise<WrittenClip[]> {
  const seeds = labels.map((_, index) => firstSeed + index);
  let progress: Progress | null = null;
  const request: GenerateRequest = {
    ...settings, labels, prompts, negativePrompt, seeds, signal,
    vocoder: createGriffinLimVocoder(pipeline.mel, inverterOptions(settings)),
    onStep: ({ doneSteps, totalSteps, doneClips, totalClips }) =>
      progress?.update(Math.floor((100 * doneSteps) / totalSteps), { clips: `${doneClips}/${totalClips}` }),
  };
  const clips = (isFromVaePrior ? generateFromVaePrior : generateClips)(pipeline, request); // checks the request before a folder is made
  const names = await planOutput(out, pipeline, { seeds, labels, prompts }, write);
  progress = reporter.startProgress('generate', 100, '%');
  const files: WrittenClip[] = [];
  try {
    for await (const file of writeGenerated(out, names, clips, write)) files.push(file);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress.end();
  }
  return files;
}

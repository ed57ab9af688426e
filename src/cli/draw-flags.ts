// The flags that extend, vary, fill, morph and combine share: how clips are drawn, made heard and written; and what they come to for a run.
import { Option, type Command } from 'commander';
import { MelstromError } from '../base/errors.js';
import type { Reporter } from '../base/logger.js';
import { SAMPLER_NAMES, SPACINGS, type NoiseInterval, type SamplerName, type Spacing } from '../diffusion/index.js';
import type { WantedEngine } from '../engine/engine-info.js';
import type { DrawSettings } from '../generation/index.js';
import { integer, interval, number } from './arguments.js';
import { vocoderOption, type VocoderChoice } from './choose-vocoder.js';
import { precisionOption, type PrecisionChoice } from './draw-precision.js';
import type { OpenRun } from './open-run.js';

export interface DrawFlags {
  readonly seed: number;
  readonly sampler?: SamplerName | 'scheduler';
  readonly spacing?: Spacing;
  readonly steps?: number;
  readonly upscalerSteps?: number;
  readonly guidance?: number;
  readonly guidanceRescale?: number;
  readonly guidanceInterval?: NoiseInterval;
  readonly levelSteps?: number;
  readonly eta?: number;
  readonly batchSize?: number;
  readonly vocoder: VocoderChoice;
  readonly out?: string;
  readonly bitDepth: '16' | '24' | '32';
  readonly png?: boolean;
  readonly force?: boolean;
  readonly precision?: PrecisionChoice;
  readonly engine: WantedEngine;
}

export interface DrawFlagOptions {
  /** Default --steps. */
  readonly stepsFlag?: string;
  /** Of the WAV files. Default 16. */
  readonly bitDepth?: DrawFlags['bitDepth'];
}

export function upscalerStepsOption(): Option {
  return new Option('--upscaler-steps <n>', 'calls of the upscaler per clip, for a model that draws a small image first (default: as many as of the first network)').argParser(integer(1));
}

export function guidanceRescaleOption(): Option {
  return new Option('--guidance-rescale <x>', 'how much of the level and contrast that guidance adds to each answer of the network is taken back, 0 to 1').argParser(number(0, 1));
}

export function levelStepsOption(): Option {
  return new Option('--level-steps <n>', 'network calls without guidance that find how loud a new clip is to be; 0: as loud as guidance makes it').argParser(integer(0));
}

export function guidanceIntervalOption(): Option {
  return new Option('--guidance-interval <low,high>', 'noise levels between which labels and prompts are pushed, as shares of noise from 0 to 1, for example 0.3,0.98').argParser(interval);
}

/** Adds the shared flags. */
export function addDrawFlags(command: Command, { stepsFlag = '--steps', bitDepth = '16' }: DrawFlagOptions = {}): Command {
  return command
    .option('--out <folder>', 'folder for the clips')
    .option('--seed <n>', 'seed of the first clip; the next ones count up', integer(0), 0)
    .addOption(new Option('--sampler <name>', "sampler; scheduler is the pipeline's own (default: the run's own)").choices([...SAMPLER_NAMES, 'scheduler']))
    .addOption(new Option('--spacing <name>', "noise levels that a named sampler visits (default: the run's own, or trailing)").choices(SPACINGS))
    .option(`${stepsFlag} <n>`, 'network calls per clip, from noise alone', integer(1))
    .addOption(upscalerStepsOption())
    .option('--guidance <x>', 'how far labels and prompts are pushed; 1 follows them as trained', number(0))
    .addOption(guidanceRescaleOption())
    .addOption(guidanceIntervalOption())
    .option('--eta <x>', 'fresh noise per step of ddim, 0 to 1', number(0, 1))
    .option('--batch-size <n>', 'clips drawn at once, or windows of longer ones', integer(1))
    .addOption(vocoderOption())
    .addOption(new Option('--bit-depth <bits>', 'of the WAV files; 32 is float, and 16 adds dither to sound that is kept too').choices(['16', '24', '32']).default(bitDepth))
    .option('--png', 'also write each clip as a 16-bit mel PNG')
    .option('--force', 'overwrite clips of the same name')
    .addOption(precisionOption())
    .addOption(new Option('--engine <name>', 'engine').choices(['auto', 'tensorflow', 'wasm', 'cpu']).default('auto'));
}

/** What the sampler is told: the flags, else the run's own. @throws MelstromError when the flags do not go together */
export function drawSettings({ generation }: OpenRun, flags: DrawFlags): DrawSettings & { readonly batchSize: number } {
  const { sampler = generation.sampler, spacing = generation.spacing } = flags;
  if (flags.spacing !== undefined && sampler === 'scheduler') {
    throw new MelstromError({ kind: 'usage', where: '--spacing', got: flags.spacing, expected: 'none with the scheduler, which has its own', fix: 'Name a --sampler, or leave --spacing out.' });
  }
  return {
    sampler, spacing,
    steps: flags.steps ?? generation.steps,
    upscalerSteps: flags.upscalerSteps ?? generation.upscalerSteps,
    guidance: flags.guidance ?? generation.guidance,
    guidanceRescale: flags.guidanceRescale ?? generation.guidanceRescale,
    guidanceInterval: flags.guidanceInterval ?? generation.guidanceInterval,
    levelSteps: flags.levelSteps ?? generation.levelSteps,
    eta: flags.eta ?? generation.eta,
    batchSize: flags.batchSize ?? generation.batchSize,
  };
}

/** Says so when what is drawn will be only as fine as its small image. */
export function warnOfUpscaler({ pipeline: { upscaler } }: OpenRun, { log }: Reporter): void {
  if (upscaler?.unet === null) log.warn('the upscaler is not trained yet: the small image is enlarged as it is; train with --stage upscaler');
}

/** The seeds of so many clips, counted up from the flag's. */
export function seedsOf({ seed }: Pick<DrawFlags, 'seed'>, count: number): number[] {
  return Array.from({ length: count }, (_, index) => seed + index);
}

// The flags that vary, fill, morph and combine share, and what they come to for a run.
import { Option, type Command } from 'commander';
import { MelstromError } from '../base/errors.js';
import { SAMPLER_NAMES, SPACINGS, type SamplerName, type Spacing } from '../diffusion/index.js';
import type { DrawSettings, MixPart, SoundMix } from '../generation/index.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { collect, integer, number } from './arguments.js';
import { precisionOption, type PrecisionChoice } from './draw-precision.js';
import type { OpenRun } from './open-run.js';

export interface OperationFlags {
  readonly label?: string[];
  readonly negativeLabel?: string[];
  readonly prompt?: string[];
  readonly negativePrompt?: string[];
  readonly seed: number;
  readonly sampler?: SamplerName | 'scheduler';
  readonly spacing?: Spacing;
  readonly steps?: number;
  readonly guidance?: number;
  readonly guidanceRescale?: number;
  readonly eta?: number;
  readonly batchSize?: number;
  readonly out?: string;
  readonly bitDepth: '16' | '24' | '32';
  readonly png?: boolean;
  readonly force?: boolean;
  readonly precision?: PrecisionChoice;
  readonly engine: 'auto' | 'tensorflow' | 'wasm' | 'cpu';
}

interface AddOptions {
  /** Default --steps. */
  readonly stepsFlag?: string;
  readonly bitDepth?: '16' | '32';
}

/** Adds the shared flags. */
export function addOperationFlags(command: Command, { stepsFlag = '--steps', bitDepth = '16' }: AddOptions = {}): Command {
  return command
    .option('--out <folder>', 'folder for the clips')
    .option('--label <name[:weight]>', 'label to follow; several are mixed, by weight', collect)
    .option('--negative-label <name[:weight]>', 'label that guidance leads away from; may be given several times', collect)
    .option('--prompt <text[:weight]>', 'words to follow, for a model that follows text; several are mixed, by weight', collect)
    .option('--negative-prompt <text[:weight]>', 'words that guidance leads away from', collect)
    .option('--seed <n>', 'seed of the first clip; the next ones count up', integer(0), 0)
    .addOption(new Option('--sampler <name>', "sampler; scheduler is the pipeline's own (default: the run's own)").choices([...SAMPLER_NAMES, 'scheduler']))
    .addOption(new Option('--spacing <name>', "noise levels that a named sampler visits (default: the run's own, or trailing)").choices(SPACINGS))
    .option(`${stepsFlag} <n>`, 'network calls per clip, from noise alone', integer(1))
    .option('--guidance <x>', 'how far labels and prompts are pushed; 1 follows them as trained', number(0))
    .option('--guidance-rescale <x>', 'how much of the level that guidance adds is taken back, 0 to 1', number(0, 1))
    .option('--eta <x>', 'fresh noise per step of ddim, 0 to 1', number(0, 1))
    .option('--batch-size <n>', 'clips drawn at once', integer(1))
    .addOption(new Option('--bit-depth <bits>', 'of the WAV files; 32 is float').choices(['16', '24', '32']).default(bitDepth))
    .option('--png', 'also write each clip as a 16-bit mel PNG')
    .option('--force', 'overwrite clips of the same name')
    .addOption(precisionOption())
    .addOption(new Option('--engine <name>', 'engine').choices(['auto', 'tensorflow', 'wasm', 'cpu']).default('auto'));
}

/** What the sampler is told: the flags, else the run's own. @throws MelstromError when the flags do not go together */
export function drawSettings({ generation }: OpenRun, flags: OperationFlags): DrawSettings & { readonly batchSize: number } {
  const { sampler = generation.sampler, spacing = generation.spacing } = flags;
  if (flags.spacing !== undefined && sampler === 'scheduler') {
    throw new MelstromError({ kind: 'usage', where: '--spacing', got: flags.spacing, expected: 'none with the scheduler, which has its own', fix: 'Name a --sampler, or leave --spacing out.' });
  }
  return {
    sampler, spacing,
    steps: flags.steps ?? generation.steps,
    guidance: flags.guidance ?? generation.guidance,
    guidanceRescale: flags.guidanceRescale ?? generation.guidanceRescale,
    eta: flags.eta ?? generation.eta,
    batchSize: flags.batchSize ?? generation.batchSize,
  };
}

/** What the flags say a clip is to be. @throws MelstromError that names the flag, when the model has no use for it */
export function mixOfFlags(pipeline: Pipeline, { label = [], negativeLabel = [], prompt = [], negativePrompt = [] }: OperationFlags): SoundMix {
  return {
    parts: [...label.map((text) => labelPart(pipeline, '--label', text)), ...prompt.map((text) => promptPart(pipeline, '--prompt', text))],
    negative: [...negativeLabel.map((text) => labelPart(pipeline, '--negative-label', text)), ...negativePrompt.map((text) => promptPart(pipeline, '--negative-prompt', text))],
  };
}

/** A label, with its weight behind a colon unless that belongs to the name. */
export function labelPart({ labels }: Pick<Pipeline, 'labels'>, flag: string, text: string): MixPart {
  const { name, weight } = labels.includes(text) ? { name: text, weight: 1 } : weighed(flag, text);
  const label = labels.indexOf(name);
  if (label >= 0) return { label, weight };
  throw new MelstromError({
    kind: 'usage', where: flag, got: `'${name}'`, expected: labels.length === 0 ? 'no label, since this model was trained without' : `one of ${labels.join(', ')}`, fix: 'A weight goes behind a colon, as in kick:0.7.',
  });
}

/** Words, with their weight behind the last colon if a number stands there. */
export function promptPart({ text: reader }: Pick<Pipeline, 'text'>, flag: string, text: string): MixPart {
  if (reader === null) {
    throw new MelstromError({ kind: 'usage', where: flag, got: `'${text}'`, expected: 'no prompt, since this model follows no text', fix: 'Use --label, or leave it out.' });
  }
  const { name, weight } = weighed(flag, text);
  return { prompt: name, weight };
}

function weighed(flag: string, text: string): { name: string; weight: number } {
  const [, name, digits] = /^(.*):([-+.\d]+(?:e[-+]?\d+)?)$/is.exec(text) ?? [];
  if (name === undefined) return { name: text, weight: 1 };
  const weight = Number(digits);
  if (Number.isFinite(weight) && weight > 0) return { name, weight };
  throw new MelstromError({ kind: 'usage', where: flag, got: `a weight of ${digits} for '${name}'`, expected: 'a number above 0', fix: 'What is not wanted goes into --negative-label or --negative-prompt.' });
}

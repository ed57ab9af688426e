// The flags of vary, fill, morph and combine beside those of drawing: what a clip is to be, and the sounds that go in.
import type { Command } from 'commander';
import { MelstromError } from '../base/errors.js';
import type { MixPart, SoundMix } from '../generation/index.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { collect, integer } from './arguments.js';
import { addDrawFlags, type DrawFlagOptions, type DrawFlags } from './draw-flags.js';
import type { WorkersFlag } from './workers-flag.js';

export interface OperationFlags extends DrawFlags, WorkersFlag {
  readonly label?: string[];
  readonly negativeLabel?: string[];
  readonly prompt?: string[];
  readonly negativePrompt?: string[];
}

/** Adds the flags of drawing and of the mix. */
export function addOperationFlags(command: Command, options: DrawFlagOptions = {}): Command {
  return addDrawFlags(command, options)
    .option('--label <name[:weight]>', 'label to follow; several are mixed, by weight', collect)
    .option('--negative-label <name[:weight]>', 'label that guidance leads away from; may be given several times', collect)
    .option('--prompt <text[:weight]>', 'words to follow, for a model that follows text; several are mixed, by weight', collect)
    .option('--negative-prompt <text[:weight]>', 'words that guidance leads away from', collect);
}

export interface SoundFlags extends OperationFlags {
  readonly count: number;
  readonly resample?: boolean;
}

/** The same for a command that makes some versions of each sound. */
export function addSoundFlags(command: Command, options: DrawFlagOptions = {}): Command {
  return addOperationFlags(command.option('--count <n>', 'versions of each sound', integer(1), 1).option('--resample', "convert files of another rate to the model's"), options);
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

// `melstrom morph`: from one sound, seed, label or prompt to another in even steps.
import type { Command } from 'commander';
import { MelstromError } from '../../base/errors.js';
import { morphSounds, type MorphEnd, type SoundMix } from '../../generation/index.js';
import { integer } from '../arguments.js';
import type { OpenRun } from '../open-run.js';
import { addOperationFlags, labelPart, promptPart, type OperationFlags } from '../operation-flags.js';
import { readSound, runOperation, stemOf } from '../run-operation.js';
import { workersOption } from '../workers-flag.js';

interface MorphFlags extends Omit<OperationFlags, 'steps'> {
  /** Clips, which everywhere else is --count. */
  readonly steps: number;
  readonly samplerSteps?: number;
  readonly rounds: number;
  readonly corrections: number;
  readonly resample?: boolean;
}

/** Between sounds guidance would lead the inversion astray. */
const GUIDANCE_BETWEEN_SOUNDS = 1;

/** Adds the command to the program. */
export function addMorph(program: Command): void {
  const command = program
    .command('morph')
    .description('go from one sound to another in even steps')
    .argument('<run>', 'run folder, or a pipeline folder')
    .argument('<from>', 'seed:N, label:NAME, prompt:TEXT, or a sound file no longer than the slice of the model')
    .argument('<to>', 'the same')
    .option('--steps <n>', 'clips from end to end, both among them', integer(2), 8)
    .option('--rounds <n>', 'times that what lies between is drawn again to make the steps even', integer(0), 3)
    .option('--corrections <n>', 'network calls per step of the inversion of a sound beyond the first', integer(0), 3)
    .option('--resample', "convert files of another rate to the model's")
    .addOption(workersOption());
  addOperationFlags(command, { stepsFlag: '--sampler-steps' }).action(async (run: string, from: string, to: string, { steps: count, samplerSteps, ...rest }: MorphFlags) => {
    const flags = { ...rest, steps: samplerSteps };
    await runOperation({
      name: 'morph', run, flags, command, inversions: count,
      plan: async (open, shared, mix) => {
        const ends = [await readEnd(open, '<from>', from, { ...flags, mix }), await readEnd(open, '<to>', to, { ...flags, mix })];
        const hasSound = ends.some(({ sound }) => sound !== undefined);
        const guidance = flags.guidance ?? (hasSound ? GUIDANCE_BETWEEN_SOUNDS : shared.guidance);
        const clips = morphSounds(open.pipeline, { ...shared, guidance, from: ends[0], to: ends[1], count, seed: flags.seed, rounds: flags.rounds, corrections: flags.corrections });
        const title = [from, to].map((text, index) => (ends[index].sound === undefined ? text.replace(/^\w+:/, '') : stemOf(text))).join(' to ');
        return { clips, seeds: Array.from({ length: count }, (_, index) => ends[index === count - 1 ? 1 : 0].seed ?? flags.seed), titles: Array.from({ length: count }, () => title) };
      },
    });
  });
}

/** An end as it is written; what it says of label and prompt goes before the flags. */
async function readEnd(open: OpenRun, where: string, text: string, { mix, resample }: { readonly mix: SoundMix; readonly resample?: boolean }): Promise<MorphEnd> {
  const [, kind, value] = /^(seed|label|prompt):(.*)$/s.exec(text) ?? [];
  switch (kind) {
    case 'seed': {
      const seed = Number(value);
      if (value.trim() !== '' && Number.isSafeInteger(seed) && seed >= 0) return { seed, mix };
      throw new MelstromError({ kind: 'usage', where, got: `'${text}'`, expected: 'seed: and an integer of at least 0' });
    }
    case 'label':
      return { mix: { ...mix, parts: [labelPart(open.pipeline, where, value)] } };
    case 'prompt':
      return { mix: { ...mix, parts: [promptPart(open.pipeline, where, value)] } };
    default:
      return { sound: await readSound(open, text, { resample }), mix };
  }
}

// `melstrom vary`: new versions of given sounds.
import type { Command } from 'commander';
import { varySounds } from '../../generation/index.js';
import { integer, number, requireFlag } from '../arguments.js';
import { addOperationFlags, mixOfFlags, type OperationFlags } from '../operation-flags.js';
import { readSound, runOperation, stemOf } from '../run-operation.js';

interface VaryFlags extends OperationFlags {
  readonly strength?: number;
  readonly count: number;
  readonly resample?: boolean;
}

/** Adds the command to the program. */
export function addVary(program: Command): void {
  const command = program
    .command('vary')
    .description('draw new versions of given sounds')
    .argument('<run>', 'run folder, or a pipeline folder')
    .argument('<audio...>', 'sound files, no longer than the slice of the model')
    .option('--strength <x>', '0 is the round trip through the autoencoder, 1 ignores the sound', number(0, 1))
    .option('--count <n>', 'versions of each sound', integer(1), 1)
    .option('--resample', "convert files of another rate to the model's");
  addOperationFlags(command).action(async (run: string, files: string[], flags: VaryFlags) => {
    const strength = requireFlag('--strength', flags.strength);
    await runOperation({
      name: 'vary', run, flags, command,
      plan: async (open, shared) => {
        const mix = mixOfFlags(open.pipeline, flags);
        const read = [];
        for (const file of files) read.push(await readSound(open, file, flags));
        const sounds = read.flatMap((sound) => Array.from({ length: flags.count }, () => sound));
        const seeds = sounds.map((_, index) => flags.seed + index);
        return { clips: varySounds(open.pipeline, { ...shared, sounds, seeds, strength, mixes: seeds.map(() => mix) }), seeds, titles: sounds.map(({ file }) => `${stemOf(file!)} vary`) };
      },
    });
  });
}

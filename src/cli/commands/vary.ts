// `melstrom vary`: new versions of given sounds.
import type { Command } from 'commander';
import { varySounds } from '../../generation/index.js';
import { number, requireFlag } from '../arguments.js';
import { seedsOf } from '../draw-flags.js';
import { addSoundFlags, type SoundFlags } from '../operation-flags.js';
import { readSound, runOperation, stemOf } from '../run-operation.js';
import { workersOption } from '../workers-flag.js';

interface VaryFlags extends SoundFlags {
  readonly strength?: number;
}

/** Adds the command to the program. */
export function addVary(program: Command): void {
  const command = program
    .command('vary')
    .description('draw new versions of given sounds')
    .argument('<run>', 'run folder, or a pipeline folder')
    .argument('<audio...>', 'sound files, no longer than the slice of the model')
    .option('--strength <x>', '0 is the round trip through the autoencoder, 1 ignores the sound', number(0, 1))
    .addOption(workersOption());
  addSoundFlags(command).action(async (run: string, files: string[], flags: VaryFlags) => {
    const strength = requireFlag('--strength', flags.strength);
    await runOperation({
      name: 'vary', run, flags, command, inversions: files.length * flags.count,
      plan: async (open, shared, mix) => {
        const read = [];
        for (const file of files) read.push(await readSound(open, file, flags));
        const sounds = read.flatMap((sound) => Array.from({ length: flags.count }, () => sound));
        const seeds = seedsOf(flags, sounds.length);
        return { clips: varySounds(open.pipeline, { ...shared, sounds, seeds, strength, mixes: seeds.map(() => mix) }), seeds, titles: sounds.map(({ file }) => `${stemOf(file!)} vary`) };
      },
    });
  });
}

// `melstrom fill`: part of a sound drawn anew, the rest as it is.
import type { Command } from 'commander';
import { MelstromError } from '../../base/errors.js';
import { fillSounds } from '../../generation/index.js';
import { number } from '../arguments.js';
import { seedsOf } from '../draw-flags.js';
import { addHeedingFlags, type HeedingFlags } from '../heeding-flags.js';
import { addSoundFlags, type SoundFlags } from '../operation-flags.js';
import { readSound, runOperation, stemOf } from '../run-operation.js';

interface FillFlags extends SoundFlags, HeedingFlags {
  readonly from?: number;
  readonly to?: number;
  readonly low?: number;
  readonly high?: number;
  readonly strength: number;
  readonly fade?: number;
}

/** Adds the command to the program. */
export function addFill(program: Command): void {
  const command = program
    .command('fill')
    .description('draw part of a sound anew, a stretch of time or a band of pitch, and leave the rest as it is')
    .argument('<run>', 'run folder, or a pipeline folder')
    .argument('<audio>', 'sound file; for a model of one channel several are mixed down as the run says')
    .option('--from <seconds>', 'start of what is drawn (default: the start of the sound)', number(0))
    .option('--to <seconds>', 'its end; before and behind it every sample stays (default: the end of the sound)', number(0))
    .option('--low <hz>', 'lower edge of what is drawn (default: 0)', number(0))
    .option('--high <hz>', 'upper edge; outside the band the spectrum stays (default: half of the rate)', number(0))
    .option('--strength <x>', '1 draws from noise alone; less keeps something of what was there', number(0, 1), 1)
    .option('--fade <seconds>', 'fading within the borders of a stretch of time (default: half a window of the codec)', number(0));
  addSoundFlags(addHeedingFlags(command), { bitDepth: '32' }).action(async (run: string, file: string, flags: FillFlags) => {
    const { from, to, low, high } = flags;
    if ([from, to, low, high].every((edge) => edge === undefined)) {
      throw new MelstromError({ kind: 'usage', where: 'fill', got: 'no region', expected: 'some of --from, --to, --low and --high', fix: 'Use vary to draw all of a sound anew.' });
    }
    await runOperation({
      name: 'fill', run, flags, command,
      plan: async (open, shared, mix) => {
        const sound = await readSound(open, file, flags);
        const seeds = seedsOf(flags, flags.count);
        const region = { fromSeconds: from, toSeconds: to, lowHz: low, highHz: high };
        const { heedRounds, resamples, detail } = flags;
        const clips = fillSounds(open.pipeline, { ...shared, sounds: seeds.map(() => sound), seeds, region, heedRounds, resamples, detail, holdSeconds: flags.hold, strength: flags.strength, fadeSeconds: flags.fade, mixes: seeds.map(() => mix) });
        return { clips, seeds, titles: seeds.map(() => `${stemOf(file)} fill`) };
      },
    });
  });
}

// `melstrom corpus`: makes the starter corpus, fetches the corpus of real drums.
import { Argument, type Command } from 'commander';
import { writeStarterCorpus } from '../../audio/synth/starter-corpus.node.js';
import { fetchDrumCorpus } from '../../corpus/drums.node.js';
import { integer, requireFlag, requireWritableFolder } from '../arguments.js';
import { createContext } from '../context.js';

/** Adds the command to the program. */
export function addCorpus(program: Command): void {
  program
    .command('corpus')
    .description('make a corpus: starter synthesises audio-samples/starter/, drums fetches and labels real drum hits (about 190 MB)')
    .addArgument(new Argument('<name>', 'which corpus').choices(['starter', 'drums']))
    .option('--out <folder>', 'folder to write')
    .option('--seed <n>', 'seed of the starter corpus', integer(0), 0)
    .option('--force', 'overwrite')
    .action(async (name: 'starter' | 'drums', flags: { out?: string; seed: number; force?: boolean }, command: Command) => {
      const { reporter, print } = createContext(command);
      const folder = requireWritableFolder('--out', requireFlag('--out', flags.out));
      if (name === 'starter') await writeStarterCorpus(folder, { seed: flags.seed, force: flags.force ?? false, reporter });
      else await fetchDrumCorpus(folder, { reporter, force: flags.force ?? false });
      print({ folder }, [folder]);
    });
}

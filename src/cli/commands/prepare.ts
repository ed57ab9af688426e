// `melstrom prepare`: slices a corpus and caches its mel images.
import type { Command } from 'commander';
import { prepareCorpus } from '../../corpus/prepare.node.js';
import { loadConfigWithFlags, type ConfigFlags } from '../config-flags.js';
import { createContext } from '../context.js';
import { collect, requireFlag } from '../arguments.js';
import { workersOption, type WorkersFlag } from '../workers-flag.js';

/** Adds the command to the program. */
export function addPrepare(program: Command): void {
  program
    .command('prepare')
    .description('slice a corpus and cache its mel images; train does this by itself when needed')
    .argument('<folder>', 'folder of sounds; its sub-folders are the labels')
    .option('--config <file>', 'configuration (YAML)')
    .option('--set <key=value>', 'override one key of the configuration; may be repeated', collect)
    .addOption(workersOption())
    .option('--force', 'build the cache again even when it matches')
    .action(async (folder: string, options: ConfigFlags & WorkersFlag & { config?: string; force?: boolean }, command: Command) => {
      const context = createContext(command);
      const config = await loadConfigWithFlags(requireFlag('--config', options.config), { ...options, corpus: folder });
      const corpus = await prepareCorpus({ config, reporter: context.reporter, force: options.force ?? false, workers: options.workers, signal: context.signal });
      const result = { labels: corpus.labels, trainSlices: corpus.sliceCount('train'), validationSlices: corpus.sliceCount('validation') };
      corpus.close();
      context.print(result, [
        `${result.trainSlices} training and ${result.validationSlices} validation slices, ${result.labels.length} labels: ${result.labels.join(', ')}`,
      ]);
    });
}

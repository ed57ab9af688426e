// `melstrom inspect`: preflight of a corpus, before any training.
import type { Command } from 'commander';
import { writeWhole } from '../../audio/write-whole.node.js';
import { describeInspection, inspectCorpus } from '../../corpus/inspect.node.js';
import { requireReadableFolder } from '../arguments.js';
import { createContext } from '../context.js';
import { parseRunConfig, resolveOverrides } from '../../config/run-config.js';
import { loadConfigWithFlags } from '../config-flags.js';
import { describeCost, measureCost } from '../describe-cost.js';
import { requireWritableFile } from '../output.js';
import { workersOption, type WorkersFlag } from '../workers-flag.js';

interface InspectFlags extends WorkersFlag {
  readonly config?: string;
  readonly sheet?: string;
  readonly cost?: boolean;
  readonly force?: boolean;
}

/** Adds the command to the program. */
export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('hours, labels, rates, silence, clipping, bad files, duplicates, and what the codec would lose')
    .argument('<folder>', 'folder of sounds; its sub-folders are the labels')
    .option('--config <file>', 'configuration whose mel and corpus settings apply (default: the defaults)')
    .option('--sheet <png>', 'write a contact sheet of spectrograms')
    .option('--cost', 'also print what the configuration costs: sizes of image and latent, parameters, and the time of the codec on this machine')
    .addOption(workersOption())
    .option('--force', 'overwrite the contact sheet')
    .action(async (folder: string, flags: InspectFlags, command: Command) => {
      const context = createContext(command);
      const path = requireReadableFolder('<folder>', folder);
      const force = flags.force ?? false;
      if (flags.sheet !== undefined) requireWritableFile('--sheet', flags.sheet, force);
      const config =
        flags.config === undefined
          ? resolveOverrides(parseRunConfig('corpus: { path: . }', 'defaults'), [`corpus.path=${JSON.stringify(path)}`])
          : await loadConfigWithFlags(flags.config, { corpus: path });
      const report = await inspectCorpus({ config, reporter: context.reporter, withContactSheet: flags.sheet !== undefined, workers: flags.workers, signal: context.signal });
      if (flags.sheet !== undefined && report.contactSheet !== null) await writeWhole(flags.sheet, report.contactSheet, { force });
      const { contactSheet: _picture, ...figures } = report;
      const cost = flags.cost === true ? measureCost(config, report.labels.filter(({ label }) => label !== null).length) : null;
      context.print({ ...figures, ...(cost && { cost }) }, [...describeInspection(report), ...(cost === null ? [] : describeCost(cost))]);
    });
}

// `melstrom evaluate`: numbers and a page for a trained run: round trips, judge's agreement, silence and level.
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { MelstromError } from '../../base/errors.js';
import { resolveOverrides, stringifyRunConfig } from '../../config/run-config.js';
import { prepareCorpus } from '../../corpus/prepare.node.js';
import { startEngine } from '../../engine/start.node.js';
import { integer, requireReadableFolder, requireWritableFolder } from '../arguments.js';
import { assessRun } from '../assess-run.js';
import { vocoderOption, type VocoderChoice } from '../choose-vocoder.js';
import { createContext } from '../context.js';
import { openRun } from '../open-run.js';
import { refuseExisting, requireReportFolder } from '../output.js';
import { figuresOf, writeReport } from '../write-report.js';

interface EvaluateFlags {
  readonly against?: string;
  readonly out?: string;
  readonly clips: number;
  readonly seed: number;
  readonly vocoder: VocoderChoice;
  readonly force?: boolean;
}

/** Adds the command to the program. */
export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('draw clips for every label and judge them: agreement, silence, levels, round-trip errors; with a page')
    .argument('<run>', 'run folder')
    .option('--against <folder>', 'folder of real sounds (default: the corpus that the run was trained on)')
    .option('--out <folder>', 'folder for the page (default: report/ in the run folder)')
    .option('--clips <n>', 'clips drawn per label', integer(1), 10)
    .option('--seed <n>', 'seed of the first clip', integer(0), 1000)
    .addOption(vocoderOption())
    .option('--force', 'replace an earlier report')
    .action(async (run: string, flags: EvaluateFlags, command: Command) => {
      const { reporter, signal, print } = createContext(command);
      requireReadableFolder('<run>', run);
      const folder = requireWritableFolder('--out', flags.out ?? join(run, 'report'));
      refuseExisting(folder, flags.force ?? false);
      requireReportFolder(folder);
      await startEngine('auto');
      const { pipeline, generation, config: ownConfig } = await openRun(run);
      if (ownConfig === null) {
        throw new MelstromError({ kind: 'usage', where: run, got: 'a pipeline folder without configuration', expected: 'a run folder' });
      }
      const config = flags.against === undefined ? ownConfig : resolveOverrides(ownConfig, [`corpus.path=${JSON.stringify(requireReadableFolder('--against', flags.against))}`, 'corpus.manifest=null', 'corpus.labelsFrom=folder']);
      const corpus = await prepareCorpus({ config, reporter, signal });
      try {
        const assessment = await assessRun({
          pipeline, corpus, generation, source: config.corpus, clipsPerLabel: flags.clips, examplesPerLabel: 3, seed: flags.seed, vocoder: flags.vocoder, reporter, signal,
        });
        const page = await writeReport({
          folder, title: `Melstrom: ${config.name === '' ? basename(resolve(run)) : config.name}`, assessment, details: stringifyRunConfig(config),
          introduction: `Real clips${assessment.isHeldOut ? ' that training did not see' : ''}, their round trips, and clips drawn by the model.`,
        });
        print({ page, ...assessment.figures }, [...figuresOf(assessment).map(({ name, value }) => `${name}: ${value}`), page]);
      } finally {
        corpus.close();
      }
    });
}

// `melstrom evaluate`: numbers and a page for a trained run, or for a folder of clips, whoever made them.
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { MelstromError } from '../../base/errors.js';
import { resolveOverrides, stringifyRunConfig } from '../../config/run-config.js';
import { prepareCorpus } from '../../corpus/prepare.node.js';
import { startEngine } from '../../engine/start.node.js';
import type { Embedding } from '../../evaluation/embedding.js';
import { SET_STYLE, setFigures } from '../../evaluation/set-page.js';
import { integer, requireFlag, requireReadableFolder, requireWritableFolder } from '../arguments.js';
import { assessRun, soundClipsOf } from '../assess-run.js';
import { vocoderOption, type VocoderChoice } from '../choose-vocoder.js';
import { createContext, type CommandContext } from '../context.js';
import { inDrawPrecision, precisionOption, type PrecisionChoice } from '../draw-precision.js';
import { evaluateFolder, requireAgainst } from '../evaluate-folder.js';
import { evaluateSets } from '../evaluate-sets.js';
import { openEmbedding } from '../open-embedding.js';
import { openRun } from '../open-run.js';
import { refuseExisting, requireReportFolder } from '../output.js';
import { listRealSlices, sharedLabels } from '../real-sounds.js';
import { workersOption, type WorkersFlag } from '../workers-flag.js';
import { figuresOf, writeReport } from '../write-report.js';
import { renderSets, setNumbers } from '../write-sets.js';

interface EvaluateFlags extends WorkersFlag {
  readonly against?: string;
  readonly out?: string;
  readonly clips: number;
  readonly seed: number;
  readonly vocoder: VocoderChoice;
  readonly embedding: string;
  readonly config?: string;
  readonly precision?: PrecisionChoice;
  readonly force?: boolean;
}

/** Adds the command to the program. */
export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('judge a run, or a folder of clips: distances from real sounds beside what real sounds score, silence, levels, diversity, copies, label agreement; of a run, round trips too')
    .argument('<run>', 'run folder, from which clips are drawn for every label; or a folder of clips')
    .option('--against <folder>', 'folder of real sounds (default for a run: the corpus that it was trained on)')
    .option('--out <folder>', 'folder for the page (default for a run: report/ in it)')
    .option('--clips <n>', 'of a run: clips drawn per label', integer(1), 10)
    .option('--seed <n>', 'seed of the first clip, and of all that is drawn to compare', integer(0), 1000)
    .option('--embedding <name|file>', 'what clips are compared by: spectral, which needs no download, or a YAML file that describes an ONNX network', 'spectral')
    .option('--config <file>', 'of a folder of clips: configuration whose mel and corpus settings cut and analyse all sounds (default: the clips’ own rate and length)')
    .addOption(vocoderOption())
    .addOption(workersOption())
    .addOption(precisionOption("the run's own"))
    .option('--force', 'replace an earlier report')
    .action(async (run: string, flags: EvaluateFlags, command: Command) => {
      const context = createContext(command);
      requireReadableFolder('<run>', run);
      const isModel = existsSync(join(run, 'config.yaml')) || existsSync(join(run, 'model_index.json'));
      if (!isModel) requireAgainst(run, flags.against);
      const folder = requireWritableFolder('--out', isModel ? (flags.out ?? join(run, 'report')) : requireFlag('--out', flags.out));
      refuseExisting(folder, flags.force ?? false);
      requireReportFolder(folder);
      const against = flags.against === undefined ? undefined : requireReadableFolder('--against', flags.against);
      const embedding = await openEmbedding(flags.embedding);
      if (!isModel) return evaluateFolder({ clips: resolve(run), against: requireAgainst(run, against), config: flags.config, out: folder, seed: flags.seed, embedding, workers: flags.workers }, context);
      if (flags.config !== undefined) throw new MelstromError({ kind: 'usage', where: '--config', got: 'it together with a run', expected: 'a folder of clips', fix: 'Leave it out: a run has its own configuration.' });
      return evaluateRun(run, { ...flags, against, folder, embedding }, context);
    });
}

type RunFlags = Pick<EvaluateFlags, 'against' | 'clips' | 'seed' | 'vocoder' | 'workers' | 'precision'> & { readonly folder: string; readonly embedding: Embedding };

async function evaluateRun(run: string, { against, clips, seed, vocoder, workers, precision, folder, embedding }: RunFlags, { reporter, signal, print }: CommandContext): Promise<void> {
  await startEngine('auto');
  const { pipeline, generation, config: ownConfig } = await openRun(run);
  if (ownConfig === null) {
    throw new MelstromError({ kind: 'usage', where: run, got: 'a pipeline folder without configuration', expected: 'a run folder' });
  }
  const config = against === undefined ? ownConfig : resolveOverrides(ownConfig, [`corpus.path=${JSON.stringify(against)}`, 'corpus.manifest=null', 'corpus.labelsFrom=folder']);
  const corpus = await prepareCorpus({ config, reporter, workers, signal });
  try {
    const assessment = await inDrawPrecision({ config: ownConfig }, { precision }, () => assessRun({
      pipeline, corpus, generation, source: config.corpus, clipsPerLabel: clips, examplesPerLabel: 3, seed, vocoder, workers, reporter, signal,
    }));
    const shared = sharedLabels(pipeline.labels, corpus);
    const drawn = soundClipsOf(assessment, pipeline.mel);
    const areSets = Math.min(drawn.length, listRealSlices(corpus, 'train', shared).length) > 1;
    if (!areSets) reporter.log.warn('a set needs at least 2 clips and 2 real sounds of training: they are not compared as sets');
    const sets = areSets ? await evaluateSets({ clips: drawn, corpus, shared, embedding, seed, source: config.corpus, reporter, signal }) : null;
    const figures = [...figuresOf(assessment), ...(sets === null ? [] : setFigures(sets).filter(({ name }) => name !== 'Silent clips'))];
    const numbers = { ...assessment.figures, sets: sets === null ? null : setNumbers(sets) };
    const page = await writeReport({
      folder, title: `Melstrom: ${config.name === '' ? basename(resolve(run)) : config.name}`, assessment, details: stringifyRunConfig(config),
      introduction: `Real clips${assessment.isHeldOut ? ' that training did not see' : ''}, their round trips, and clips drawn by the model.`,
      beyond: { figures, numbers, style: SET_STYLE, render: async (temporary) => (sets === null ? '' : renderSets(temporary, sets, config.corpus)) },
    });
    print({ page, ...numbers }, [...figures.map(({ name, value }) => `${name}: ${value}`), ...(numbers.sets?.findings ?? []).map(({ text }) => text), page]);
  } finally {
    corpus.close();
  }
}

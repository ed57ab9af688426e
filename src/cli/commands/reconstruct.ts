// `melstrom reconstruct`: the ladder for given files: what codec settings, inverter and autoencoder each lose; with numbers and a page.
import type { Command } from 'commander';
import { inOrder } from '../../base/in-order.js';
import { startEngine } from '../../engine/start.node.js';
import { decimals } from '../../evaluation/page.js';
import { requireFlag, requireReadableFolder, requireWritableFolder } from '../arguments.js';
import { chooseVocoder, vocoderOption, type VocoderChoice } from '../choose-vocoder.js';
import { climbLadder, type Ladder } from '../climb-ladder.js';
import { createContext } from '../context.js';
import { addInverterFlags, withInverterFlags, type InverterFlags } from '../inverter-flags.js';
import { openRun } from '../open-run.js';
import { refuseExisting, requireReportFolder } from '../output.js';
import { workersOption, type WorkersFlag } from '../workers-flag.js';
import { ladderNumbers, writeLadder } from '../write-ladder.js';

/** Adds the command to the program. */
export function addReconstruct(program: Command): void {
  addInverterFlags(program.command('reconstruct'), "the run's own")
    .description('the ladder: original, mel image, inverted, through the autoencoder; which of them limits the sound, in words, numbers and a page')
    .argument('<run>', 'run folder, or a pipeline folder')
    .argument('<files...>', 'sound files')
    .option('--out <folder>', 'folder for the page and the clips')
    .addOption(vocoderOption())
    .addOption(workersOption())
    .option('--force', 'replace the folder')
    .action(async (run: string, files: string[], flags: InverterFlags & WorkersFlag & { out?: string; vocoder: VocoderChoice; force?: boolean }, command: Command) => {
      const { reporter, print } = createContext(command);
      requireReadableFolder('<run>', run);
      const out = requireWritableFolder('--out', requireFlag('--out', flags.out));
      refuseExisting(out, flags.force ?? false);
      requireReportFolder(out);
      await startEngine('auto');
      const { pipeline, generation, config } = await openRun(run);
      const rungs = pipeline.vae === null ? 1 : 2;
      const vocoder = chooseVocoder(pipeline, withInverterFlags(generation, flags), flags.vocoder, { workers: flags.workers, clips: files.length * rungs, frames: pipeline.mel.frames });
      const progress = reporter.startProgress('reconstruct', files.length, 'files');
      const ladders: Ladder[] = [];
      for await (const ladder of inOrder(files, vocoder.lanes ?? 1, (file) => climbLadder(file, { pipeline, vocoder, downmix: config?.corpus.downmix ?? 'mean' }))) {
        ladders.push(ladder);
        progress.update(ladders.length);
      }
      progress.end();
      const numbers = ladderNumbers(ladders);
      const page = await writeLadder(out, ladders, numbers);
      const lines = numbers.files.map(({ name, inversionErrorDb, spectralConvergenceDb, vaeErrorDb, rungs }) => {
        const distances = Object.entries(rungs).map(([rung, figures]) => `${rung} ${figures.logSpectralDb.toFixed(2)}`).join(', ');
        const widths = Object.entries(rungs).flatMap(([rung, { levelDifferenceDb, widthDifferenceDb }]) => (widthDifferenceDb === undefined ? [] : [`${rung} mid ${signed(levelDifferenceDb)}, width ${signed(widthDifferenceDb)}`]));
        return `${name}: log-spectral distance ${distances} dB; mel error: inversion ${inversionErrorDb.toFixed(2)} dB (spectral convergence ${spectralConvergenceDb?.toFixed(1) ?? '–'} dB), autoencoder ${vaeErrorDb?.toFixed(2) ?? '–'} dB${widths.length === 0 ? '' : `; level off: ${widths.join('; ')} dB`}`;
      });
      print({ page, ...numbers }, [...lines, ...numbers.verdict.sentences, page]);
    });
}

function signed(decibels: number): string {
  if (!Number.isFinite(decibels)) return '–';
  const text = decimals(decibels, 2);
  return text.startsWith('−') ? text : `+${text}`;
}

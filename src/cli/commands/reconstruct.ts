// `melstrom reconstruct`: the ladder for given files: original, mel-inverted, through the autoencoder; with numbers and a page.
import { basename, extname, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadMono } from '../../audio/load.node.js';
import { startEngine } from '../../engine/start.node.js';
import { reconstructImage } from '../../generation/reconstruct.js';
import { frameMultiple } from '../../pipeline/pipeline.js';
import { createMelCodec } from '../../spectrogram/mel-codec.js';
import { createGriffinLimVocoder } from '../../vocoder/griffin-lim-vocoder.js';
import { requireFlag, requireReadableFolder, requireWritableFolder } from '../arguments.js';
import { createContext } from '../context.js';
import { addInverterFlags, inverterOptions, withInverterFlags, type InverterFlags } from '../inverter-flags.js';
import { openRun } from '../open-run.js';
import { refuseExisting, requireReportFolder } from '../output.js';
import { ladderFigures, writeLadder, type Ladder } from '../write-ladder.js';

/** Adds the command to the program. */
export function addReconstruct(program: Command): void {
  addInverterFlags(program.command('reconstruct'), "the run's own")
    .description('the ladder: original, mel-inverted, through the autoencoder; numbers and a page')
    .argument('<run>', 'run folder, or a pipeline folder')
    .argument('<files...>', 'sound files')
    .option('--out <folder>', 'folder for the page and the clips')
    .option('--force', 'replace the folder')
    .action(async (run: string, files: string[], flags: InverterFlags & { out?: string; force?: boolean }, command: Command) => {
      const { reporter, print } = createContext(command);
      requireReadableFolder('<run>', run);
      const out = requireWritableFolder('--out', requireFlag('--out', flags.out));
      refuseExisting(out, flags.force ?? false);
      requireReportFolder(out);
      await startEngine('auto');
      const { pipeline, generation, config } = await openRun(run);
      const codec = createMelCodec(pipeline.mel);
      const vocoder = createGriffinLimVocoder(pipeline.mel, inverterOptions(withInverterFlags(generation, flags)));
      const progress = reporter.startProgress('reconstruct', files.length, 'files');
      const ladders: Ladder[] = [];
      const { sampleRateHz, hopSamples } = pipeline.mel;
      const multiple = frameMultiple(pipeline);
      for (const file of files) {
        const signal = await loadMono(resolve(file), { sampleRateHz, downmix: config?.corpus.downmix ?? 'mean' });
        const frames = Math.ceil((1 + Math.floor(signal.length / hopSamples)) / multiple) * multiple;
        const padded = new Float32Array((frames - 1) * hopSamples);
        padded.set(signal.subarray(0, padded.length));
        const image = codec.analyse(padded);
        const decoded = pipeline.vae === null ? null : reconstructImage(pipeline, image);
        ladders.push({
          name: basename(file, extname(file)), image, original: { sampleRateHz, channels: [padded] }, inverted: vocoder.invert(image),
          decoded: decoded === null ? null : { image: decoded, clip: vocoder.invert(decoded) },
        });
        progress.update(ladders.length);
      }
      progress.end();
      const figures = ladders.map((ladder) => ladderFigures(ladder, codec));
      const page = await writeLadder(out, ladders, figures);
      print({ page, files: figures }, [...figures.map((one) => `${one.name}: inversion ${one.inversionErrorDb.toFixed(2)} dB (spectral convergence ${one.spectralConvergenceDb?.toFixed(1) ?? '–'} dB), autoencoder ${one.vaeErrorDb?.toFixed(2) ?? '–'} dB`), page]);
    });
}

// `melstrom demo`: the main job on the starter corpus, sized for two cores: train, generate, judge, and a page to listen to.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Option, type Command } from 'commander';
import { resolveOverrides, stringifyRunConfig } from '../../config/run-config.js';
import { prepareCorpus } from '../../corpus/prepare.node.js';
import { startEngine, type WantedEngine } from '../../engine/start.node.js';
import { trainRun } from '../../training/train.node.js';
import { integer, requireWritableFolder } from '../arguments.js';
import { assessRun } from '../assess-run.js';
import { createPreviews } from '../previews.js';
import { loadConfigWithFlags } from '../config-flags.js';
import { createContext, INTERRUPTED_STATUS } from '../context.js';
import { openRun } from '../open-run.js';
import { duration } from '../terminal.js';
import { figuresOf, writeReport } from '../write-report.js';

const PACKAGE_FOLDER = fileURLToPath(new URL('../../../', import.meta.url));

interface DemoFlags {
  readonly run: string;
  readonly seed: number;
  readonly minutes: number;
  readonly engine: WantedEngine;
}

/** Adds the command to the program. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('train on the starter corpus, generate clips for every label, judge them, and write a page; under ten minutes on two cores')
    .option('--run <folder>', 'run folder; an earlier demonstration there is replaced', 'runs/demo')
    .option('--seed <n>', 'seed of everything', integer(0), 1)
    .option('--minutes <n>', 'minutes of training in all, a third of them for the autoencoder', integer(1), 7)
    .addOption(new Option('--engine <name>', 'engine').choices(['auto', 'tensorflow', 'wasm', 'cpu']).default('auto'))
    .action(async (flags: DemoFlags, command: Command) => {
      const { reporter, signal, print } = createContext(command);
      const startedAt = Date.now();
      const runFolder = requireWritableFolder('--run', flags.run);
      const engine = await startEngine(flags.engine);
      reporter.log.info(`engine ${engine.name} ${engine.version}, ${engine.threads} threads${engine.reason === undefined ? '' : `. ${engine.reason}`}`);
      if (!engine.isNative) reporter.log.info(`training stops after ${flags.minutes} minutes whatever was reached; on this engine that is far fewer steps, so expect rougher sounds`);
      const config = resolveOverrides(await loadConfigWithFlags(join(PACKAGE_FOLDER, 'configs', 'demo.yaml'), { corpus: join(PACKAGE_FOLDER, 'audio-samples') }), [
        `seed=${flags.seed}`,
        `vae.training.maxMinutes=${(flags.minutes * 0.36).toFixed(2)}`,
        `unet.training.maxMinutes=${(flags.minutes * 0.64).toFixed(2)}`,
      ]);
      const corpus = await prepareCorpus({ config, reporter });
      try {
        if (existsSync(join(runFolder, 'state'))) await rm(runFolder, { recursive: true, force: true });
        const trained = await trainRun({ config, corpus, runFolder, stage: 'all', resume: false, reporter, signal, previews: createPreviews(config, corpus) });
        if (trained.status === 'interrupted') {
          process.exitCode = INTERRUPTED_STATUS;
          return;
        }
        const { pipeline } = await openRun(runFolder);
        const assessment = await assessRun({
          pipeline, corpus, generation: config.generation, source: config.corpus, clipsPerLabel: 6, examplesPerLabel: 3, seed: flags.seed * 1000, reporter, signal,
        });
        const page = await writeReport({
          folder: join(runFolder, 'report'), title: 'Melstrom: the demonstration', labels: corpus.labels, assessment, details: stringifyRunConfig(config),
          introduction: 'A VAE and a UNet were trained on the starter corpus on this machine. For each label: real clips that training did not see, their round trips, and clips drawn from noise.',
        });
        print({ page, seconds: (Date.now() - startedAt) / 1000, ...assessment.figures }, [
          '',
          ...figuresOf(assessment).map(({ name, value }) => `${name}: ${value}`),
          '',
          `Done in ${duration(Date.now() - startedAt)}. Listen: open ${page}`,
          'Try next:',
          `  npm run melstrom -- generate ${flags.run} --label ${corpus.labels[0]} --count 8 --seed 7 --out clips`,
          '  npm run melstrom -- inspect <a folder of your own sounds, one sub-folder per label>',
          '  npm run melstrom -- train configs/demo.yaml --corpus <that folder> --run runs/mine',
        ]);
      } finally {
        corpus.close();
      }
    });
}

// `melstrom demo`: the main job on the starter corpus, sized for two cores: train, generate, judge, and a page to listen to.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Option, type Command } from 'commander';
import { parse as parseYaml } from 'yaml';
import { MelstromError } from '../../base/errors.js';
import { resolveOverrides, stringifyRunConfig } from '../../config/run-config.js';
import { prepareCorpus } from '../../corpus/prepare.node.js';
import { startEngine, type WantedEngine } from '../../engine/start.node.js';
import { trainRun } from '../../training/train.node.js';
import { integer, requireWritableFolder, shellQuoted } from '../arguments.js';
import { assessRun } from '../assess-run.js';
import { createPreviews } from '../previews.js';
import { createTrainingReport } from '../training-report.js';
import { loadConfigWithFlags } from '../config-flags.js';
import { createContext, INTERRUPTED_STATUS } from '../context.js';
import { inDrawPrecision } from '../draw-precision.js';
import { fitToTime } from '../fit-to-time.js';
import { readFixedClips } from '../fixed-clips.js';
import { openRun } from '../open-run.js';
import { duration } from '../terminal.js';
import { figuresOf, writeReport } from '../write-report.js';

/** Share of the training time that the autoencoder gets; the UNet gets the rest. */
const VAE_SHARE = 0.4;
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
    .option('--minutes <n>', 'minutes of training in all; steps are set to what this machine does in that time', integer(1), 7)
    .addOption(new Option('--engine <name>', 'engine').choices(['auto', 'tensorflow', 'wasm', 'cpu']).default('auto'))
    .action(async (flags: DemoFlags, command: Command) => {
      const { reporter, signal, print } = createContext(command);
      const startedAt = Date.now();
      const runFolder = requireWritableFolder('--run', flags.run);
      requireOwnRun(runFolder);
      const engine = await startEngine(flags.engine);
      reporter.log.info(`engine ${engine.name} ${engine.version}, ${engine.threads} threads${engine.reason === undefined ? '' : `. ${engine.reason}`}`);
      const base = resolveOverrides(await loadConfigWithFlags(join(PACKAGE_FOLDER, 'configs', 'demo.yaml'), { corpus: join(PACKAGE_FOLDER, 'audio-samples', 'starter') }), [`seed=${flags.seed}`]);
      const config = await fitToTime(base, { minutes: flags.minutes, vaeShare: VAE_SHARE, mayExceedBy: 0.3 }, { reporter });
      const corpus = await prepareCorpus({ config, reporter, signal });
      try {
        const clips = await readFixedClips(corpus, config.corpus);
        if (isEarlierDemo(runFolder)) await rm(runFolder, { recursive: true, force: true });
        const trained = await trainRun({ config, corpus, runFolder, stage: 'all', resume: false, reporter, signal, previews: createPreviews({ config, corpus, clips }), report: createTrainingReport({ runFolder, config, corpus, reporter }) });
        if (trained.status === 'interrupted') {
          process.exitCode = INTERRUPTED_STATUS;
          return;
        }
        const { pipeline } = await openRun(runFolder);
        const assessment = await inDrawPrecision({ config }, {}, () => assessRun({
          pipeline, corpus, generation: config.generation, source: config.corpus, clipsPerLabel: 6, examplesPerLabel: 3, seed: flags.seed * 1000, reporter, signal,
        }));
        const page = await writeReport({
          folder: join(runFolder, 'report'), title: 'Melstrom: the demonstration', assessment, details: stringifyRunConfig(config),
          introduction: 'A VAE and a UNet were trained on the starter corpus on this machine. For each label: real clips that training did not see, their round trips, and clips drawn from noise.',
        });
        print({ page, seconds: (Date.now() - startedAt) / 1000, ...assessment.figures }, [
          '',
          ...figuresOf(assessment).map(({ name, value }) => `${name}: ${value}`),
          '',
          `Done in ${duration(Date.now() - startedAt)}. Listen: open ${page}`,
          'Try next:',
          `  npm run melstrom -- generate ${shellQuoted(flags.run)} --label ${shellQuoted(corpus.labels[0])} --count 8 --seed 7 --out clips`,
          '  npm run melstrom -- inspect <a folder of your own sounds, one sub-folder per label>',
          '  npm run melstrom -- train configs/demo.yaml --corpus <that folder> --run runs/mine',
        ]);
      } finally {
        corpus.close();
      }
    });
}

/** @throws MelstromError when the folder holds anything but an earlier demonstration, which alone is replaced. */
function requireOwnRun(folder: string): void {
  if (!existsSync(folder) || readdirSync(folder).length === 0 || isEarlierDemo(folder)) return;
  throw new MelstromError({ kind: 'usage', where: '--run', got: `'${folder}', which holds other files`, expected: 'a new folder, or an earlier demonstration', fix: 'Choose another folder.' });
}

function isEarlierDemo(folder: string): boolean {
  const path = join(folder, 'config.yaml');
  if (!existsSync(path) || !existsSync(join(folder, 'state'))) return false;
  // Not by our schema: one of another version is replaced too.
  const config = parseYaml(readFileSync(path, 'utf8')) as { name?: unknown; corpus?: { path?: unknown } } | null;
  return config?.name === 'demo' && typeof config.corpus?.path === 'string' && basename(config.corpus.path) === 'starter';
}

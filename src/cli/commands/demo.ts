// `melstrom demo`: the main job on the starter corpus, sized for two cores: train, generate, judge, and a page to listen to.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Option, type Command } from 'commander';
import { parse as parseYaml } from 'yaml';
import { MelstromError } from '../../base/errors.js';
import type { Reporter } from '../../base/logger.js';
import { deriveNetworks } from '../../config/derive.js';
import { resolveOverrides, stringifyRunConfig, type RunConfig } from '../../config/run-config.js';
import { prepareCorpus } from '../../corpus/prepare.node.js';
import { convPrecision, setConvPrecision } from '../../engine/ops/index.js';
import { startEngine, type WantedEngine } from '../../engine/start.node.js';
import { createMeasuredUnet, createMeasuredVae, type MeasuredStep } from '../../training/measured-steps.js';
import { trainRun } from '../../training/train.node.js';
import { integer, requireWritableFolder, shellQuoted } from '../arguments.js';
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
      const config = await fitToTime(base, flags.minutes, reporter);
      const corpus = await prepareCorpus({ config, reporter, signal });
      try {
        if (isEarlierDemo(runFolder)) await rm(runFolder, { recursive: true, force: true });
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

/** Share of the training time that the autoencoder gets; the UNet gets the rest. */
const VAE_SHARE = 0.4;
/** What validation, checkpoints and the full losses cost on top of the bare steps that are timed. */
const OVERHEAD = 1.2;
const FEWEST_STEPS = 20;

/** Sets each stage's steps to what this machine does in the time given, so that the learning rate falls to its end in that time. */
async function fitToTime(config: RunConfig, minutes: number, reporter: Reporter): Promise<RunConfig> {
  const { vaeSeconds, unetSeconds } = await timeSteps(config);
  const stepsIn = (share: number, seconds: number): number => Math.max(FEWEST_STEPS, Math.floor((minutes * 60 * share) / (seconds * OVERHEAD)));
  const vaeSteps = Math.min(config.vae.training.steps, stepsIn(VAE_SHARE, vaeSeconds));
  const unetSteps = Math.min(config.unet.training.steps, stepsIn(1 - VAE_SHARE, unetSeconds));
  reporter.log.info(`speed: ${vaeSeconds.toFixed(2)} s a step of the autoencoder, ${unetSeconds.toFixed(2)} s of the UNet; so ${vaeSteps} and ${unetSteps} steps in about ${minutes} minutes`);
  if (unetSteps < config.unet.training.steps / 4) reporter.log.info('that is far fewer than the configuration asks for: expect rougher sounds than on a faster machine or engine');
  return resolveOverrides(config, [
    `vae.training.steps=${vaeSteps}`,
    `vae.training.maxMinutes=${(minutes * VAE_SHARE * 1.3).toFixed(2)}`,
    `unet.training.steps=${unetSteps}`,
    `unet.training.maxMinutes=${(minutes * (1 - VAE_SHARE) * 1.3).toFixed(2)}`,
  ]);
}

/** Seconds of one step of either network, at the precision of training. */
async function timeSteps(config: RunConfig): Promise<{ vaeSeconds: number; unetSeconds: number }> {
  const { vae, unet, mel, precision } = config;
  const networks = deriveNetworks(config, LABELS);
  const before = convPrecision();
  setConvPrecision(precision);
  try {
    const shape = { melBins: mel.melBins, frames: vae.cropFrames ?? mel.frames };
    return {
      vaeSeconds: await secondsOf(createMeasuredVae(networks.vae, { ...vae, ...shape, discriminator: null }, vae.training)),
      unetSeconds: await secondsOf(createMeasuredUnet(networks.unet, networks.sampleShape, unet.training)),
    };
  } finally {
    setConvPrecision(before);
  }
}

/** After a run that is not counted. Frees the step. */
async function secondsOf(step: MeasuredStep<unknown>): Promise<number> {
  try {
    await step.run();
    const startedAt = performance.now();
    for (let repeat = 0; repeat < TIMED_RUNS; repeat += 1) await step.run();
    return (performance.now() - startedAt) / 1000 / TIMED_RUNS;
  } finally {
    step.dispose();
  }
}

/** About as many as the starter corpus has; a class more or less costs nothing. */
const LABELS = 10;
const TIMED_RUNS = 2;

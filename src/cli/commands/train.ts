// `melstrom train`: trains the VAE, the UNet, the upscaler and the vocoder, or one of them, from one configuration into a run folder.
import { existsSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { MelstromError } from '../../base/errors.js';
import type { RunConfig } from '../../config/run-config.js';
import { prepareCorpus } from '../../corpus/prepare.node.js';
import { startEngine } from '../../engine/start.node.js';
import { refuseCheckpoints, trainRun, type TrainOptions, type TrainResult } from '../../training/train.node.js';
import { requireUpscaler } from '../../training/train-upscaler.node.js';
import { requireVocoder } from '../../training/train-vocoder.node.js';
import { collect, number, requireReadableFolder, requireWritableFolder, shellQuoted } from '../arguments.js';
import { loadConfigWithFlags, type ConfigFlags } from '../config-flags.js';
import { createContext, INTERRUPTED_STATUS } from '../context.js';
import { fitToTime } from '../fit-to-time.js';
import { readFixedClips } from '../fixed-clips.js';
import { createPreviews, createVocoderPreviews } from '../previews.js';
import { profiled } from '../profiling.js';
import { createTrainingReport } from '../training-report.js';
import { workersOption, type WorkersFlag } from '../workers-flag.js';

interface TrainFlags extends ConfigFlags, WorkersFlag {
  readonly stage: TrainOptions['stage'];
  readonly resume?: boolean;
  readonly run?: string;
  readonly minutes?: number;
  readonly profile?: boolean;
  readonly engine: 'auto' | 'tensorflow' | 'wasm' | 'cpu';
}

/** Adds the command to the program. */
export function addTrain(program: Command): void {
  program
    .command('train')
    .description('train the VAE, then the UNet, then upscaler and vocoder where the configuration has them; Ctrl-C saves, --resume goes on exactly where it stopped')
    .argument('<config>', 'configuration (YAML)')
    .addOption(new Option('--stage <stage>', 'what to train').choices(['vae', 'unet', 'upscaler', 'vocoder', 'all']).default('all'))
    .option('--resume', 'go on from the last checkpoint of the run folder')
    .option('--run <folder>', 'run folder (default: runs/<name of the configuration>)')
    .option('--minutes <n>', 'train for about this long: sets the steps of each stage to what this machine does in its part of the time', number(0.1))
    .option('--profile', 'also print where the time went: by kind of operation, engine against host, waiting')
    .option('--corpus <folder>', 'folder of sounds, instead of corpus.path')
    .addOption(workersOption())
    .option('--set <key=value>', 'override one key of the configuration; may be repeated', collect)
    .addOption(new Option('--engine <name>', 'engine').choices(['auto', 'tensorflow', 'wasm', 'cpu']).default('auto'))
    .action(async (configPath: string, options: TrainFlags, command: Command) => {
      const { reporter, signal, print } = createContext(command);
      if (options.corpus !== undefined) requireReadableFolder('--corpus', options.corpus);
      const asked = await loadConfigWithFlags(configPath, options);
      const name = asked.name === '' ? basename(configPath, extname(configPath)) : asked.name;
      const runFolder = requireWritableFolder('--run', options.run ?? join('runs', name));
      if (options.stage === 'upscaler') requireUpscaler(asked);
      if (options.stage === 'vocoder') requireVocoder(asked);
      if (options.minutes !== undefined) requireFittable(asked, options, runFolder);
      if (options.resume !== true) await refuseCheckpoints({ config: asked, runFolder, stage: options.stage });
      const engine = await startEngine(options.engine);
      reporter.log.info(`engine ${engine.name} ${engine.version}${engine.reason === undefined ? '' : ` (${engine.reason})`}`);
      const config = options.minutes === undefined ? asked : await fitToTime(asked, { minutes: options.minutes, vaeShare: vaeShare(asked, options.stage) }, { reporter });
      const corpus = await prepareCorpus({ config, reporter, workers: options.workers, signal });
      try {
        const clips = await readFixedClips(corpus, config.corpus);
        const { value: result, fields, lines } = await profiled({ isOn: options.profile ?? false, reporter, title: 'training' }, (watched) => trainRun({
          config, corpus, runFolder, stage: options.stage, resume: options.resume ?? false, reporter: watched, signal,
          previews: createPreviews({ config, corpus, clips }), vocoderPreviews: createVocoderPreviews({ config, clips }), report: createTrainingReport({ runFolder, config, corpus, reporter }),
        }));
        const next = nextCommand(result, { stage: options.stage, config, isFitted: options.minutes !== undefined });
        print({ ...result, ...fields }, [...lines, `run folder: ${resolve(runFolder)}`, next]);
        if (result.status === 'interrupted') process.exitCode = INTERRUPTED_STATUS;
      } finally {
        corpus.close();
      }
    });
}

/** Time can be shared out between an autoencoder and a UNet that start now. @throws MelstromError (usage) otherwise. */
function requireFittable(config: RunConfig, { stage, resume }: TrainFlags, runFolder: string): void {
  const refuse = (got: string, fix: string): never => {
    throw new MelstromError({ kind: 'usage', where: '--minutes', got, expected: 'a training of autoencoder and UNet that starts now', fix });
  };
  if (resume === true) refuse('--resume too, when the steps are already set', `Resume with the run's own configuration: train ${shellQuoted(join(runFolder, 'config.yaml'))} --resume`);
  if (stage === 'vocoder' || (stage === 'all' && config.vocoder !== null)) refuse('a vocoder to train', 'Train it on its own, by vocoder.training.maxMinutes; --set vocoder=null leaves it out here.');
  if (stage === 'upscaler' || (stage === 'all' && config.upscaler !== null)) refuse('an upscaler to train', 'Set upscaler.training.steps and maxMinutes instead.');
}

/** By the time limits in the configuration where both are set; else a third. */
function vaeShare({ vae, unet, representation }: RunConfig, stage: TrainFlags['stage']): number {
  if (stage === 'unet' || representation === 'pixel' || !vae.trainable) return 0;
  if (stage === 'vae') return 1;
  const [vaeMinutes, unetMinutes] = [vae.training.maxMinutes, unet.training.maxMinutes];
  return vaeMinutes === null || unetMinutes === null ? 1 / 3 : vaeMinutes / (vaeMinutes + unetMinutes);
}

/** What to type next: to go on after an interrupt, to train the other stage, or to listen. */
function nextCommand({ status, runFolder }: TrainResult, { stage, config, isFitted }: Pick<TrainOptions, 'stage' | 'config'> & { readonly isFitted: boolean }): string {
  const isTrained = (name: string): boolean => existsSync(join(runFolder, 'state', name));
  if (status === 'interrupted' && isFitted) return `next: melstrom train ${shellQuoted(join(runFolder, 'config.yaml'))} --run ${shellQuoted(runFolder)} --stage ${stage} --resume goes on exactly where it stopped`;
  if (status === 'interrupted') return 'next: the same command with --resume goes on exactly where it stopped';
  if (stage === 'vae') return 'next: the same command with --stage unet';
  if (stage === 'unet' && !isTrained('upscaler') && config.upscaler !== null) return 'next: the same command with --stage upscaler';
  if (stage === 'vocoder' && !isTrained('unet')) return 'next: the same command with --stage all --resume trains the rest';
  if (stage === 'upscaler' && !isTrained('unet')) return 'next: the same command with --stage unet';
  return `next: melstrom generate ${shellQuoted(runFolder)} --count 8 --out clips`;
}

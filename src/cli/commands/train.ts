// `melstrom train`: trains the VAE, the UNet and the upscaler, or one of them, from one configuration into a run folder.
import { existsSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { prepareCorpus } from '../../corpus/prepare.node.js';
import { startEngine } from '../../engine/start.node.js';
import { refuseCheckpoints, trainRun, type TrainOptions, type TrainResult } from '../../training/train.node.js';
import { requireUpscaler } from '../../training/train-upscaler.node.js';
import { collect, requireReadableFolder, requireWritableFolder, shellQuoted } from '../arguments.js';
import { loadConfigWithFlags, type ConfigFlags } from '../config-flags.js';
import { createContext, INTERRUPTED_STATUS } from '../context.js';
import { createPreviews } from '../previews.js';
import { profiled } from '../profiling.js';

interface TrainFlags extends ConfigFlags {
  readonly stage: TrainOptions['stage'];
  readonly resume?: boolean;
  readonly run?: string;
  readonly profile?: boolean;
  readonly engine: 'auto' | 'tensorflow' | 'wasm' | 'cpu';
}

/** Adds the command to the program. */
export function addTrain(program: Command): void {
  program
    .command('train')
    .description('train the VAE, then the UNet, then the upscaler where the configuration has one; Ctrl-C saves, --resume goes on exactly where it stopped')
    .argument('<config>', 'configuration (YAML)')
    .addOption(new Option('--stage <stage>', 'what to train').choices(['vae', 'unet', 'upscaler', 'all']).default('all'))
    .option('--resume', 'go on from the last checkpoint of the run folder')
    .option('--run <folder>', 'run folder (default: runs/<name of the configuration>)')
    .option('--profile', 'also print where the time went: by kind of operation, engine against host, waiting')
    .option('--corpus <folder>', 'folder of sounds, instead of corpus.path')
    .option('--set <key=value>', 'override one key of the configuration; may be repeated', collect)
    .addOption(new Option('--engine <name>', 'engine').choices(['auto', 'tensorflow', 'wasm', 'cpu']).default('auto'))
    .action(async (configPath: string, options: TrainFlags, command: Command) => {
      const { reporter, signal, print } = createContext(command);
      if (options.corpus !== undefined) requireReadableFolder('--corpus', options.corpus);
      const config = await loadConfigWithFlags(configPath, options);
      const name = config.name === '' ? basename(configPath, extname(configPath)) : config.name;
      const runFolder = requireWritableFolder('--run', options.run ?? join('runs', name));
      if (options.stage === 'upscaler') requireUpscaler(config);
      if (options.resume !== true) await refuseCheckpoints({ config, runFolder, stage: options.stage });
      const engine = await startEngine(options.engine);
      reporter.log.info(`engine ${engine.name} ${engine.version}${engine.reason === undefined ? '' : ` (${engine.reason})`}`);
      const corpus = await prepareCorpus({ config, reporter, signal });
      try {
        const { value: result, fields, lines } = await profiled({ isOn: options.profile ?? false, reporter, title: 'training' }, (watched) =>
          trainRun({ config, corpus, runFolder, stage: options.stage, resume: options.resume ?? false, reporter: watched, signal, previews: createPreviews(config, corpus) }),
        );
        print({ ...result, ...fields }, [...lines, `run folder: ${resolve(runFolder)}`, nextCommand(result, { stage: options.stage, config })]);
        if (result.status === 'interrupted') process.exitCode = INTERRUPTED_STATUS;
      } finally {
        corpus.close();
      }
    });
}

/** What to type next: to go on after an interrupt, to train the other stage, or to listen. */
function nextCommand({ status, runFolder }: TrainResult, { stage, config }: Pick<TrainOptions, 'stage' | 'config'>): string {
  const isTrained = (name: string): boolean => existsSync(join(runFolder, 'state', name));
  if (status === 'interrupted') return 'next: the same command with --resume goes on exactly where it stopped';
  if (stage === 'vae') return 'next: the same command with --stage unet';
  if (stage === 'unet' && !isTrained('upscaler') && config.upscaler !== null) return 'next: the same command with --stage upscaler';
  if (stage === 'upscaler' && !isTrained('unet')) return 'next: the same command with --stage unet';
  return `next: melstrom generate ${shellQuoted(runFolder)} --count 8 --out clips`;
}

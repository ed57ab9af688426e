// `melstrom generate`: draws new clips from a trained run.
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { MelstromError } from '../../base/errors.js';
import type { RunConfig } from '../../config/run-config.js';
import { DEFAULT_OVERLAP, SAMPLER_NAMES, SPACINGS, type NoiseInterval, type SamplerName, type Spacing } from '../../diffusion/index.js';
import { startEngine } from '../../engine/start.node.js';
import type { LengthRequest } from '../../generation/index.js';
import { collect, integer, number, requireFlag, requireReadableFolder, requireWritableFolder } from '../arguments.js';
import { vocoderOption, type VocoderChoice } from '../choose-vocoder.js';
import { createContext, INTERRUPTED_STATUS } from '../context.js';
import { drawClips } from '../draw-clips.js';
import { guidanceIntervalOption, guidanceRescaleOption, levelStepsOption, upscalerStepsOption, warnOfUpscaler } from '../draw-flags.js';
import { inDrawPrecision, precisionOption, type PrecisionChoice } from '../draw-precision.js';
import { addInverterFlags, withInverterFlags, type InverterFlags } from '../inverter-flags.js';
import { openRun } from '../open-run.js';
import { profiled } from '../profiling.js';
import type { Pipeline } from '../../pipeline/pipeline.js';
import { workersOption, type WorkersFlag } from '../workers-flag.js';

export interface GenerateFlags extends InverterFlags, WorkersFlag {
  readonly label?: string;
  readonly fromVaePrior?: boolean;
  readonly prompt?: string[];
  readonly negativePrompt?: string;
  readonly count: number;
  readonly seed: number;
  readonly sampler?: SamplerName | 'scheduler';
  readonly spacing?: Spacing;
  readonly steps?: number;
  readonly upscalerSteps?: number;
  readonly guidance?: number;
  readonly guidanceRescale?: number;
  readonly levelSteps?: number;
  readonly guidanceInterval?: NoiseInterval;
  readonly eta?: number;
  readonly batchSize?: number;
  readonly seconds?: number;
  readonly loop?: boolean;
  readonly bpm?: number;
  readonly bars?: number;
  readonly beatsPerBar?: number;
  readonly overlap?: number;
  readonly resume?: boolean;
  readonly manifest?: boolean;
  readonly vocoder: VocoderChoice;
  readonly out?: string;
  readonly bitDepth: '16' | '24' | '32';
  readonly png?: boolean;
  readonly force?: boolean;
  readonly profile?: boolean;
  readonly precision?: PrecisionChoice;
  readonly engine: 'auto' | 'tensorflow' | 'wasm' | 'cpu';
}

const SAMPLER_HELP = 'sampler; scheduler is what the pipeline\'s scheduler_config.json says (default: the run\'s own; for a pipeline folder, scheduler)';

/** Adds the command to the program. */
export function addGenerate(program: Command): void {
  addInverterFlags(program.command('generate'), "the run's own")
    .description('draw new clips from a trained run; each gets a JSON file beside it that says how it was made')
    .argument('<run>', 'run folder, or a pipeline folder')
    .option('--out <folder>', 'folder for the clips')
    .option('--label <name>', 'label to draw (default: all labels in turn)')
    .option('--prompt <text>', 'what to draw, for a model that follows text; several are drawn in turn', collect)
    .option('--negative-prompt <text>', 'what not to draw: what guidance leads away from')
    .option('--count <n>', 'number of clips', integer(1), 8)
    .option('--seed <n>', 'seed of the first clip; the next ones count up', integer(0), 0)
    .addOption(new Option('--sampler <name>', SAMPLER_HELP).choices([...SAMPLER_NAMES, 'scheduler']))
    .addOption(new Option('--spacing <name>', 'noise levels that a named sampler visits (default: the run\'s own, or trailing)').choices(SPACINGS))
    .option('--steps <n>', 'network calls per clip', integer(1))
    .addOption(upscalerStepsOption())
    .option('--guidance <x>', 'how far label and prompt are pushed; 1 follows them as trained', number(0))
    .addOption(guidanceRescaleOption())
    .addOption(levelStepsOption())
    .addOption(guidanceIntervalOption())
    .option('--eta <x>', 'fresh noise per step of ddim, 0 to 1', number(0, 1))
    .addOption(
      new Option('--from-vae-prior', 'draw from the autoencoder alone, without the UNet: shows what its latent space holds').conflicts(['label', 'prompt', 'negativePrompt', 'sampler', 'spacing', 'steps', 'upscalerSteps', 'guidance', 'guidanceRescale', 'guidanceInterval', 'levelSteps', 'eta']),
    )
    .option('--seconds <t>', 'length of each clip (default: what the model draws at once); a longer one is drawn in windows that are denoised together', number(0))
    .option('--loop', 'clips that go on at their start when they have ended, without a seam')
    .addOption(new Option('--bpm <b>', 'tempo of a loop, which makes it --bars long to the sample').argParser(number(1, 1000)).conflicts('seconds'))
    .addOption(new Option('--bars <n>', 'length of a loop in bars').argParser(number(0)).conflicts('seconds'))
    .option('--beats-per-bar <n>', 'beats in a bar (default: 4)', number(1, 64))
    .option('--overlap <x>', 'share of a window that its neighbour covers too, 0 to 0.9; 0 gives single sounds in a row (default: 0 for a run trained on aligned onsets, else 0.5)', number(0, 0.9))
    .option('--batch-size <n>', 'clips drawn at once, or windows of longer ones', integer(1))
    .addOption(new Option('--resume', 'go on where the same command was stopped: clips that are there stay, the missing ones are drawn').conflicts('force'))
    .option('--manifest', 'also write manifest.csv, a row for each clip with every setting')
    .addOption(vocoderOption())
    .addOption(new Option('--bit-depth <bits>', 'of the WAV files; 32 is float').choices(['16', '24', '32']).default('16'))
    .addOption(workersOption())
    .option('--png', 'also write each clip as a 16-bit mel PNG')
    .option('--force', 'overwrite clips of the same name')
    .option('--profile', 'also print where the time went: by kind of operation, engine against host, waiting')
    .addOption(precisionOption())
    .addOption(new Option('--engine <name>', 'engine').choices(['auto', 'tensorflow', 'wasm', 'cpu']).default('auto'))
    .action(async (run: string, flags: GenerateFlags, command: Command) => {
      const { reporter, signal, print } = createContext(command);
      requireReadableFolder('<run>', run);
      const out = requireWritableFolder('--out', requireFlag('--out', flags.out));
      await startEngine(flags.engine);
      const open = await openRun(run);
      const { pipeline, generation, config } = open;
      const label = flags.label === undefined ? null : labelIndex(pipeline.labels, flags.label);
      const labels = Array.from({ length: flags.count }, (_, index) =>
        pipeline.labels.length === 0 || flags.fromVaePrior === true ? null : (label ?? index % pipeline.labels.length),
      );
      const prompts = promptsOf(pipeline, flags);
      const length = { overlap: defaultOverlap(config), ...definedIn(lengthOf(flags)) };
      const { sampler, spacing, steps, upscalerSteps, guidance, guidanceRescale, guidanceInterval, levelSteps, eta, batchSize } = { ...generation, ...definedIn(flags) };
      if (flags.spacing !== undefined && sampler === 'scheduler') {
        throw new MelstromError({
          kind: 'usage', where: '--spacing', got: flags.spacing, expected: 'none with the scheduler, which has its own', fix: 'Name a --sampler, or leave --spacing out.',
        });
      }
      warnOfUpscaler(open, reporter);
      const { value: drawn, fields, lines } = await profiled({ isOn: flags.profile ?? false, reporter, title: 'generate' }, (watched) => inDrawPrecision(open, flags, () => drawClips({
        pipeline, out, run: resolve(run), labels, prompts, negativePrompt: flags.negativePrompt, firstSeed: flags.seed, length,
        settings: withInverterFlags({ ...generation, sampler, spacing, steps, upscalerSteps, guidance, guidanceRescale, guidanceInterval, levelSteps, eta, batchSize }, flags), isFromVaePrior: flags.fromVaePrior ?? false, vocoder: flags.vocoder, workers: flags.workers,
        bitDepth: Number(flags.bitDepth) as 16 | 24 | 32, png: flags.png ?? false, force: flags.force ?? false,
        resume: flags.resume ?? false, hasManifest: flags.manifest ?? false, reporter: watched, signal,
      })));
      const { files, skippedCount, manifest } = drawn;
      const already = skippedCount === 0 ? '' : `, ${skippedCount} were there already`;
      print({ folder: out, files, skippedCount, manifest, ...fields }, [...lines, `${files.length} clips in ${out}${already}`, ...(manifest === null ? [] : [manifest])]);
      if (signal.aborted) reporter.log.info('Go on with the same command and --resume.');
      if (signal.aborted) process.exitCode = INTERRUPTED_STATUS;
    });
}

/** @throws MelstromError when only a part of a tempo is given, or a tempo without a loop */
function lengthOf({ seconds, loop = false, bpm, bars, beatsPerBar, overlap }: GenerateFlags): LengthRequest {
  const given = Object.entries({ '--bpm': bpm, '--bars': bars, '--beats-per-bar': beatsPerBar }).find(([, value]) => value !== undefined);
  if (given !== undefined && !loop) throw new MelstromError({ kind: 'usage', where: given[0], got: String(given[1]), expected: 'none without --loop', fix: 'Add --loop.' });
  if (given !== undefined && (bpm === undefined || bars === undefined)) {
    throw new MelstromError({ kind: 'usage', where: '--loop', got: `${given[0]} alone`, expected: '--bpm and --bars', fix: 'Give both, or --seconds instead.' });
  }
  const tempo = bpm === undefined || bars === undefined ? undefined : { bpm, bars, ...(beatsPerBar === undefined ? {} : { beatsPerBar }) };
  return { seconds, isLoop: loop, tempo, overlap };
}

/** A run that was trained on single sounds, each at the start of its slice, has nothing to say of what comes before a window. */
export function defaultOverlap(config: RunConfig | null): number {
  return config?.corpus.alignOnset === true ? 0 : DEFAULT_OVERLAP;
}

/** The entries of an object that are given. */
export function definedIn<T extends object>(flags: T): Partial<T> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** @throws MelstromError that lists the labels there are */
export function labelIndex(labels: readonly string[], wanted: string): number {
  const index = labels.indexOf(wanted);
  if (index >= 0) return index;
  throw new MelstromError({
    kind: 'usage', where: '--label', got: `'${wanted}'`,
    expected: labels.length === 0 ? 'no label, since this model was trained without' : `one of ${labels.join(', ')}`,
    fix: 'Leave it out to draw all labels in turn.',
  });
}

/** A prompt for each clip, or none where the model follows no text. @throws MelstromError when one is given without use, or absent */
export function promptsOf({ text }: Pipeline, { prompt, negativePrompt, count }: Pick<GenerateFlags, 'prompt' | 'negativePrompt' | 'count'>): string[] | undefined {
  if (text !== null && prompt === undefined) {
    throw new MelstromError({ kind: 'usage', where: '--prompt', got: 'none', expected: 'what to draw, since this model follows text', fix: "Use --prompt '' to draw without." });
  }
  const [flag, value] = prompt === undefined ? ['--negative-prompt', negativePrompt] : ['--prompt', prompt[0]];
  if (text === null && value !== undefined) {
    throw new MelstromError({ kind: 'usage', where: flag, got: `'${value}'`, expected: 'no prompt, since this model follows no text', fix: 'Use --label, or leave it out.' });
  }
  return prompt && Array.from({ length: count }, (_, index) => prompt[index % prompt.length]);
}

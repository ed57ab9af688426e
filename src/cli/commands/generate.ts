// `melstrom generate`: draws new clips from a trained run.
import { Option, type Command } from 'commander';
import { MelstromError } from '../../base/errors.js';
import { SAMPLER_NAMES, SPACINGS, type SamplerName, type Spacing } from '../../diffusion/index.js';
import { startEngine } from '../../engine/start.node.js';
import { collect, integer, number, requireFlag, requireReadableFolder, requireWritableFolder } from '../arguments.js';
import { createContext, INTERRUPTED_STATUS } from '../context.js';
import { drawClips } from '../draw-clips.js';
import { openRun } from '../open-run.js';
import { profiled } from '../profiling.js';
import type { Pipeline } from '../../pipeline/pipeline.js';

export interface GenerateFlags {
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
  readonly eta?: number;
  readonly batchSize?: number;
  readonly out?: string;
  readonly bitDepth: '16' | '24' | '32';
  readonly png?: boolean;
  readonly force?: boolean;
  readonly profile?: boolean;
  readonly engine: 'auto' | 'tensorflow' | 'wasm' | 'cpu';
}

const SAMPLER_HELP = 'sampler; scheduler is what the pipeline\'s scheduler_config.json says (default: the run\'s own; for a pipeline folder, scheduler)';

/** Adds the command to the program. */
export function addGenerate(program: Command): void {
  program
    .command('generate')
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
    .option('--upscaler-steps <n>', 'calls of the upscaler per clip, for a model that draws a small image first (default: as many as --steps)', integer(1))
    .option('--guidance <x>', 'how far label and prompt are pushed; 1 follows them as trained', number(0))
    .option('--eta <x>', 'fresh noise per step of ddim, 0 to 1', number(0, 1))
    .addOption(
      new Option('--from-vae-prior', 'draw from the autoencoder alone, without the UNet: shows what its latent space holds').conflicts(['label', 'prompt', 'negativePrompt', 'sampler', 'spacing', 'steps', 'upscalerSteps', 'guidance', 'eta']),
    )
    .option('--batch-size <n>', 'clips drawn at once', integer(1))
    .addOption(new Option('--bit-depth <bits>', 'of the WAV files; 32 is float').choices(['16', '24', '32']).default('16'))
    .option('--png', 'also write each clip as a 16-bit mel PNG')
    .option('--force', 'overwrite clips of the same name')
    .option('--profile', 'also print where the time went: by kind of operation, engine against host, waiting')
    .addOption(new Option('--engine <name>', 'engine').choices(['auto', 'tensorflow', 'wasm', 'cpu']).default('auto'))
    .action(async (run: string, flags: GenerateFlags, command: Command) => {
      const { reporter, signal, print } = createContext(command);
      requireReadableFolder('<run>', run);
      const out = requireWritableFolder('--out', requireFlag('--out', flags.out));
      await startEngine(flags.engine);
      const { pipeline, generation } = await openRun(run);
      const label = flags.label === undefined ? null : labelIndex(pipeline.labels, flags.label);
      const labels = Array.from({ length: flags.count }, (_, index) =>
        pipeline.labels.length === 0 || flags.fromVaePrior === true ? null : (label ?? index % pipeline.labels.length),
      );
      const prompts = promptsOf(pipeline, flags);
      const { sampler, spacing, steps, upscalerSteps, guidance, eta, batchSize } = { ...generation, ...definedOf(flags) };
      if (flags.spacing !== undefined && sampler === 'scheduler') {
        throw new MelstromError({
          kind: 'usage', where: '--spacing', got: flags.spacing, expected: 'none with the scheduler, which has its own', fix: 'Name a --sampler, or leave --spacing out.',
        });
      }
      if (pipeline.upscaler?.unet === null) reporter.log.warn('the upscaler is not trained yet: the small image is enlarged as it is; train with --stage upscaler');
      const { value: files, fields, lines } = await profiled({ isOn: flags.profile ?? false, reporter, title: 'generate' }, (watched) => drawClips({
        pipeline, out, labels, prompts, negativePrompt: flags.negativePrompt, firstSeed: flags.seed,
        settings: { ...generation, sampler, spacing, steps, upscalerSteps, guidance, eta, batchSize }, isFromVaePrior: flags.fromVaePrior ?? false,
        bitDepth: Number(flags.bitDepth) as 16 | 24 | 32, png: flags.png ?? false, force: flags.force ?? false, reporter: watched, signal,
      }));
      print({ folder: out, files, ...fields }, [...lines, `${files.length} clips in ${out}`]);
      if (signal.aborted) process.exitCode = INTERRUPTED_STATUS;
    });
}

function labelIndex(labels: readonly string[], wanted: string): number {
  const index = labels.indexOf(wanted);
  if (index >= 0) return index;
  throw new MelstromError({
    kind: 'usage', where: '--label', got: `'${wanted}'`,
    expected: labels.length === 0 ? 'no label, since this model was trained without' : `one of ${labels.join(', ')}`,
    fix: 'Leave it out to draw all labels in turn.',
  });
}

/** A prompt for each clip, or none where the model follows no text. @throws MelstromError when one is given without use, or absent */
function promptsOf({ text }: Pipeline, { prompt, negativePrompt, count }: GenerateFlags): string[] | undefined {
  if (text !== null && prompt === undefined) {
    throw new MelstromError({ kind: 'usage', where: '--prompt', got: 'none', expected: 'what to draw, since this model follows text', fix: "Use --prompt '' to draw without." });
  }
  const [flag, value] = prompt === undefined ? ['--negative-prompt', negativePrompt] : ['--prompt', prompt[0]];
  if (text === null && value !== undefined) {
    throw new MelstromError({ kind: 'usage', where: flag, got: `'${value}'`, expected: 'no prompt, since this model follows no text', fix: 'Use --label, or leave it out.' });
  }
  return prompt && Array.from({ length: count }, (_, index) => prompt[index % prompt.length]);
}

function definedOf({ sampler, spacing, steps, upscalerSteps, guidance, eta, batchSize }: GenerateFlags): Partial<GenerateFlags> {
  return Object.fromEntries(Object.entries({ sampler, spacing, steps, upscalerSteps, guidance, eta, batchSize }).filter(([, value]) => value !== undefined));
}

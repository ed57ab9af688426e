// `melstrom import`: turns a folder that the diffusers library made into a pipeline folder.
import { Option, type Command } from 'commander';
import { startEngine } from '../../engine/start.node.js';
import { savePipeline } from '../../pipeline/folder.node.js';
import { importPipeline, type ImportReport } from '../../pipeline/import.node.js';
import { requireFlag, requireWritableFolder } from '../arguments.js';
import { createContext } from '../context.js';
import { DTYPES, type DtypeName } from '../dtypes.js';
import { readMelFrom } from '../mel-from.js';
import { requirePipelineOutput } from '../output.js';

interface ImportFlags {
  readonly out?: string;
  readonly melFrom?: string;
  readonly channels: 'repeat' | 'adapt';
  readonly dtype: DtypeName;
  readonly variant?: string;
  readonly partial?: boolean;
  readonly force?: boolean;
}

/** Adds the command to the program. */
export function addImport(program: Command): void {
  program
    .command('import')
    .description('turn a folder of the diffusers library into a pipeline folder, and say what was taken, what was left out and why')
    .argument('<folder>', 'folder of a pipeline (DDPM, DDIM, LDM, AudioDiffusion, StableDiffusion, AudioLDM or ours), or of an AutoencoderKL or UNet2DModel alone')
    .option('--out <folder>', 'pipeline folder to write')
    .option('--mel-from <path>', 'configuration, run or pipeline folder whose mel settings to take (default: the folder\'s own, else the defaults at the networks\' size)')
    .addOption(new Option('--channels <rule>', 'networks for several image channels: repeat the spectrogram in all, or adapt the first and last convolution to one').choices(['repeat', 'adapt']).default('repeat'))
    .addOption(new Option('--dtype <name>', 'of the weights written').choices(Object.keys(DTYPES)).default('float32'))
    .option('--variant <name>', 'weights of a variant, such as fp16 in diffusion_pytorch_model.fp16.safetensors')
    .option('--partial', 'take the weights that fit, start the others anew, and list them')
    .option('--force', 'replace an earlier pipeline folder')
    .action(async (folder: string, flags: ImportFlags, command: Command) => {
      const { print } = createContext(command);
      const out = requireWritableFolder('--out', requireFlag('--out', flags.out));
      requirePipelineOutput(out, { source: folder, force: flags.force ?? false });
      const mel = flags.melFrom === undefined ? undefined : await readMelFrom(flags.melFrom);
      await startEngine('auto');
      const { pipeline, report } = await importPipeline(folder, { channels: flags.channels, variant: flags.variant ?? null, isPartial: flags.partial ?? false, mel });
      await savePipeline(out, pipeline, { dtype: DTYPES[flags.dtype] });
      print({ folder: out, ...report }, [...describe(report), `pipeline folder: ${out}`]);
    });
}

function describe({ className, taken, leftOut, mel, melReason, notes, weights }: ImportReport): string[] {
  const partial = Object.entries(weights).flatMap(([part, report]) =>
    Object.entries(report).flatMap(([why, names]) => (names.length === 0 ? [] : [`${part}: ${names.length} ${why}: ${names.join(', ')}`])),
  );
  return [
    `found: ${className}`,
    ...taken.map((part) => `taken: ${part}`),
    ...leftOut.map(({ part, reason }) => `left out: ${part}: ${reason}`),
    `mel: ${mel.melBins} bins × ${mel.frames} frames at ${mel.sampleRateHz} Hz, hop ${mel.hopSamples}, ${mel.floorDb} to ${mel.ceilingDb} dB (${melReason})`,
    ...notes.map((note) => `note: ${note}`),
    ...partial,
  ];
}

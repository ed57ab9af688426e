// The rows of `bench`: what is measured against what, and which ratio must be reached. Measures nothing.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MelstromError } from '../../base/errors.js';
import type { RunConfig } from '../../config/run-config.js';
import type { StepSettings } from '../../training/measured-steps.js';
import type { JobPlan } from './job.js';

export const ROW_GROUPS = ['unet', 'vae', 'sampling', 'generate', 'mel', 'prepare', 'invert', 'wasm', 'checkpointing'] as const;
export type RowGroup = (typeof ROW_GROUPS)[number];

interface RowHead {
  readonly group: RowGroup;
  readonly name: string;
  readonly peer: string;
  readonly reach: number;
  readonly aim: number;
}

/** Two jobs measured in turn. */
export interface JobRow extends RowHead {
  readonly kind: 'jobs';
  readonly ours: JobPlan;
  readonly theirs: JobPlan;
  /** What does the peer's side: Python, or ourselves on another engine. */
  readonly program: 'python' | 'melstrom';
  readonly unit: 'ms' | 's';
  /** Largest relative difference of the two first results, with its reason; null where they are not comparable. */
  readonly tolerance: number | null;
  readonly needsBfloat16: boolean;
  /** Prints the peak of memory, and the time of the first run after start. */
  readonly hasMemory: boolean;
  readonly hasFirstRun: boolean;
  /** Prints the share of time in convolutions and matrix products. */
  readonly hasShare: boolean;
  /** Compressed sounds are made first. */
  readonly needsSounds?: { readonly files: number; readonly seconds: number };
}

/** `generate` from the command line against a script, each from the start of its process. */
export interface GenerateRow extends RowHead {
  readonly kind: 'generate';
  readonly plan: JobPlan<'sample'>;
  /** Prints the time from the start of the process to the first denoising step. */
  readonly hasFirstStep: boolean;
}

export type BenchRow = JobRow | GenerateRow;

/** Of memory, for all rows alike: ours over the peer's. */
export const MEMORY_LIMITS = { reach: 1, aim: 0.7 } as const;

/** Rounding of float32 in another order over a hundred layers, and of bfloat16. */
const FLOAT32_TOLERANCE = 1e-3;
const BFLOAT16_TOLERANCE = 3e-2;
/** Edges of pieces that the peer analyses one by one. */
const PIECES_TOLERANCE = 1e-2;
/** Griffin-Lim starts from random phases: only the level of its sound can be compared. */
const LEVEL_TOLERANCE = 0.1;

export const DRUMS = fileURLToPath(new URL('../../../configs/drums.yaml', import.meta.url));
export const DEMO = fileURLToPath(new URL('../../../configs/demo.yaml', import.meta.url));

/** Changes to the drum configuration that make the medium UNet: latents of 32 × 32. */
const MEDIUM = ['mel.melBins=128', 'mel.frames=128', 'unet.network.block_out_channels=[128, 256, 384]', 'unet.network.layers_per_block=2'] as const;

/** Slices of 6 s. */
const LONG = ['mel.frames=512'] as const;

/** Of all training steps alike. */
export function settingsFor(batchSize: number): StepSettings {
  return { batchSize, learningRate: 1e-4, beta1: 0.9, beta2: 0.99, weightDecay: 0.01, gradientClip: 1, emaDecay: 0.999 };
}

/** How much work a row is. */
interface Amounts {
  readonly stepsOfDdim: number;
  readonly stepsOfGenerate: number;
  readonly clips: number;
  readonly secondsOfAnalysis: number;
  readonly files: number;
}

const WHOLE: Amounts = { stepsOfDdim: 50, stepsOfGenerate: 30, clips: 16, secondsOfAnalysis: 3600, files: 360 };
const QUICK: Amounts = { stepsOfDdim: 2, stepsOfGenerate: 2, clips: 2, secondsOfAnalysis: 60, files: 3 };

export interface RowOptions {
  /** The drum configuration. */
  readonly drums: RunConfig;
  /** Where sounds are put. */
  readonly folder: string;
  /** Far less work, to see that every row works. Default false. */
  readonly isQuick?: boolean;
}

/** All rows, in the order of the table. */
export function createRows({ drums, folder, isQuick = false }: RowOptions): BenchRow[] {
  const amounts = isQuick ? QUICK : WHOLE;
  return [...unetRows(), ...vaeRows(drums), ...samplingRows(amounts), ...signalRows(drums, folder, amounts), wasmRow(), checkpointingRow()];
}

const STEP = { kind: 'jobs', unit: 'ms', program: 'python', hasMemory: true, hasFirstRun: false, hasShare: true, needsBfloat16: false } as const;

/** Precision of ours and of theirs, and what must be reached. */
const PRECISIONS = [
  { title: 'float32', ours: 'float32', theirs: 'float32', reach: 1, aim: 1.15 },
  { title: 'bfloat16', ours: 'bfloat16', theirs: 'bfloat16', reach: 0.85, aim: 1.05 },
  { title: 'as shipped, against float32', ours: 'auto', theirs: 'float32', reach: 1.6, aim: 2.2 },
] as const;

function unetRows(): JobRow[] {
  const sizes = [{ size: 'small', overrides: [] }, { size: 'medium', overrides: MEDIUM }] as const;
  return sizes.flatMap(({ size, overrides }) => PRECISIONS.map(({ title, ours, theirs, reach, aim }): JobRow => {
    const plan = { job: 'unet-step', config: DRUMS, overrides, settings: settingsFor(8) } as const;
    return {
      ...STEP, group: 'unet', name: `UNet training step, ${size}, ${title}`, peer: 'UNet2DModel', reach, aim, ours: { ...plan, precision: ours }, theirs: { ...plan, precision: theirs },
      tolerance: ours === 'float32' ? FLOAT32_TOLERANCE : BFLOAT16_TOLERANCE, needsBfloat16: ours === 'bfloat16', hasFirstRun: size === 'small' && ours === 'float32',
    };
  }));
}

function vaeRows({ vae }: RunConfig): JobRow[] {
  return [null, vae.discriminator].flatMap((discriminator) => PRECISIONS.slice(0, 2).map(({ title, ours, theirs, reach, aim }): JobRow => {
    const plan = { job: 'vae-step', config: DRUMS, overrides: [], settings: settingsFor(vae.training.batchSize), loss: vae.loss, discriminator } as const;
    return {
      ...STEP, group: 'vae', name: `VAE training step, ${discriminator === null ? 'without' : 'with'} discriminator, ${title}`, peer: 'AutoencoderKL', reach, aim,
      ours: { ...plan, precision: ours }, theirs: { ...plan, precision: theirs }, tolerance: ours === 'float32' ? FLOAT32_TOLERANCE : BFLOAT16_TOLERANCE, needsBfloat16: ours === 'bfloat16',
    };
  }));
}

const DRAWING = { job: 'sample', config: DRUMS, overrides: [], guidance: 3 } as const;

function samplingRows({ stepsOfDdim, stepsOfGenerate, clips }: Amounts): BenchRow[] {
  const limits = { float32: { reach: 1.15, tolerance: FLOAT32_TOLERANCE }, bfloat16: { reach: 0.85, tolerance: BFLOAT16_TOLERANCE } } as const;
  const rows = (['float32', 'bfloat16'] as const).map((precision): BenchRow => {
    const plan = { ...DRAWING, clips, steps: stepsOfDdim, precision } as const;
    return { ...STEP, ...limits[precision], group: 'sampling', unit: 's', name: `${stepsOfDdim} steps of DDIM, ${clips} clips, guidance, ${precision}`, peer: 'DDIMScheduler', aim: 1.4, ours: plan, theirs: plan, needsBfloat16: precision === 'bfloat16' };
  });
  const wholes = ([['float32', 'float32'], ['auto', 'as shipped, against float32']] as const).map(([precision, title]): BenchRow => ({
    kind: 'generate', group: 'generate', name: `generate, cold start to ${clips} WAV, ${stepsOfGenerate} steps, ${title}`, peer: 'diffusers, librosa', reach: 1.5, aim: 3,
    plan: { ...DRAWING, clips, steps: stepsOfGenerate, precision }, hasFirstStep: precision === 'auto',
  }));
  return [...rows, ...wholes];
}

function signalRows({ mel }: RunConfig, folder: string, { secondsOfAnalysis, files, clips }: Amounts): JobRow[] {
  const common = { ...STEP, unit: 's', hasMemory: false, hasShare: false } as const;
  const sounds = join(folder, 'sounds');
  const analysis = (library: 'librosa' | 'torchaudio') => ({ job: 'mel', mel, seconds: secondsOfAnalysis, library }) as const;
  const inversion = { job: 'invert', mel, seconds: 3, clips, iterations: 32 } as const;
  const preparation = { job: 'prepare', mel, config: DEMO, overrides: [`mel.melBins=${mel.melBins}`, `mel.frames=${mel.frames}`, `corpus.path=${JSON.stringify(sounds)}`], sounds } as const;
  return [
    { ...common, group: 'mel', name: `mel analysis of ${secondsOfAnalysis} s`, peer: 'librosa', reach: 2, aim: 5, ours: analysis('librosa'), theirs: analysis('librosa'), tolerance: PIECES_TOLERANCE },
    { ...common, group: 'mel', name: `mel analysis of ${secondsOfAnalysis} s`, peer: 'torchaudio', reach: 1, aim: 2, ours: analysis('torchaudio'), theirs: analysis('torchaudio'), tolerance: PIECES_TOLERANCE },
    {
      ...common, group: 'prepare', name: `prepare, ${files * 10} s of FLAC, Ogg and MP3`, peer: 'soundfile, soxr, librosa', reach: 1.2, aim: 3, ours: preparation, theirs: preparation,
      tolerance: LEVEL_TOLERANCE, needsSounds: { files, seconds: 10 },
    },
    { ...common, group: 'invert', name: `mel to sound, ${clips} clips of 3 s, NNLS and 32 iterations`, peer: 'librosa', reach: 3, aim: 10, ours: inversion, theirs: inversion, tolerance: LEVEL_TOLERANCE },
  ];
}

/** The demonstration's UNet, which those without the native engine train. */
function wasmRow(): JobRow {
  const plan = { job: 'unet-step', config: DEMO, overrides: [], settings: settingsFor(8), precision: 'float32' } as const;
  return {
    ...STEP, group: 'wasm', name: 'UNet training step of the demonstration, wasm engine', peer: 'tensorflow engine', program: 'melstrom', reach: 0, aim: 0.25,
    ours: { ...plan, engine: 'wasm' }, theirs: { ...plan, engine: 'tensorflow' }, tolerance: FLOAT32_TOLERANCE,
  };
}

/** What gradient checkpointing costs in time and saves in memory, of a network whose images are long: beside itself, its first loss the same to the last bit. */
function checkpointingRow(): JobRow {
  const plan = { job: 'unet-step', config: DRUMS, settings: settingsFor(8), precision: 'float32' } as const;
  return {
    ...STEP, group: 'checkpointing', name: 'UNet training step, small, 512 frames, with gradient checkpointing', peer: 'without', program: 'melstrom', reach: 0.6, aim: 0.75, tolerance: 0,
    ours: { ...plan, overrides: [...LONG, 'unet.training.gradientCheckpointing=true'] }, theirs: { ...plan, overrides: LONG },
  };
}

/** Groups named in a flag such as `unet,vae`. @throws MelstromError (usage) that names the known ones */
export function parseRowGroups(text: string): RowGroup[] {
  const names = text.split(',').map((name) => name.trim()).filter((name) => name !== '');
  const unknown = names.find((name) => !(ROW_GROUPS as readonly string[]).includes(name));
  if (names.length === 0 || unknown !== undefined) {
    throw new MelstromError({ kind: 'usage', where: '--rows', got: `'${unknown ?? text}'`, expected: `some of ${ROW_GROUPS.join(', ')}, with commas between`, fix: 'Correct it, or leave the flag out for all rows.' });
  }
  return ROW_GROUPS.filter((group) => names.includes(group));
}

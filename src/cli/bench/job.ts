// What one side of a bench row is asked to do, and the lines in which it answers. Both sides, ours and the peers', speak this.
import type { WantedEngine } from '../../engine/start.node.js';
import type { ConvPrecision } from '../../engine/ops/index.js';
import type { MelSettings } from '../../config/mel.js';
import type { DiscriminatorConfig, VaeLossConfig } from '../../config/training.js';
import type { StepSettings } from '../../training/measured-steps.js';

/** Asked of every job. */
interface Common {
  /** A folder for what one side hands to the other: weights, inputs, sounds. */
  readonly folder: string;
  readonly threads: number;
  readonly engine: WantedEngine;
  /** A turn repeats a run until it has lasted this long. */
  readonly turnMilliseconds: number;
  /** The peer's networks are to run on the GPU, as ours do there by themselves. Default false. */
  readonly isOnGpu?: boolean;
}

interface Networks {
  readonly precision: ConvPrecision | 'auto';
  /** A configuration file, and changes to it in the form of --set. */
  readonly config: string;
  readonly overrides: readonly string[];
}

/** Job by name. What ours reads from the configuration is told to the peer beside it. */
export interface JobFields {
  'unet-step': Networks & { readonly settings: StepSettings };
  'vae-step': Networks & { readonly settings: StepSettings; readonly loss: VaeLossConfig; readonly discriminator: DiscriminatorConfig | null };
  sample: Networks & { readonly steps: number; readonly guidance: number; readonly clips: number; /** Images are a steady hiss, not the hard noise of first weights. */ readonly isCalm?: boolean };
  mel: { readonly mel: MelSettings; readonly seconds: number; readonly library: 'librosa' | 'torchaudio' };
  invert: { readonly mel: MelSettings; readonly seconds: number; readonly clips: number; readonly iterations: number };
  'make-sounds': { readonly sounds: string; readonly files: number; readonly seconds: number };
  'large-corpus': { readonly config: string; readonly overrides: readonly string[] };
  prepare: { readonly mel: MelSettings; readonly config: string; readonly overrides: readonly string[]; readonly sounds: string };
}

export type JobName = keyof JobFields;
export type Job<N extends JobName = JobName> = { [K in N]: { readonly job: K } & Common & JobFields[K] }[N];
/** A job as a row has it, before it is known where and how long it runs. */
export type JobPlan<N extends JobName = JobName> = { [K in N]: { readonly job: K; readonly engine?: WantedEngine } & JobFields[K] }[N];

/** What the first run came to. */
export interface JobFacts {
  /** A number that both sides must agree on: a loss, the size of what was drawn. null where there is none. */
  readonly value: number | null;
  /** Values in all networks that the job uses; null where it uses none. */
  readonly parameters: number | null;
  readonly threads: number;
  /** Names and versions of what does the work. */
  readonly versions: string;
}

/** A job set up in this process. */
export interface RunningJob {
  readonly facts: Omit<JobFacts, 'value'>;
  /** Too long to be run a second time before it is timed. Default false. */
  readonly isOnce?: boolean;
  /** Returns the value of the facts. */
  run(): Promise<number | null> | number | null;
}

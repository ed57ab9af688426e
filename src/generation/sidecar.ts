// What is written beside each clip: everything needed to draw it again. Knows no file.
import type { DownmixRule } from '../audio/downmix.js';
import type { NoiseInterval } from '../diffusion/guidance.js';
import type { ConvPrecision } from '../nn/operations.js';
import type { InversionReport } from '../vocoder/inversion-report.js';

/** Where a clip was among those drawn with it: a network rounds otherwise in another batch, and the last bits follow. */
export interface BatchPlace {
  /** Clips that were drawn at once at most. */
  readonly limit: number;
  /** Clips that this batch had. */
  readonly size: number;
  /** Position of the clip in it, from 0. */
  readonly index: number;
}

/** The file that an operation started from. */
export interface InputFile {
  /** Path from the folder of the clip. */
  readonly file: string;
  readonly sha256: string;
  /** How its channels were made one. */
  readonly downmix: DownmixRule;
}

/** What an extension was told. */
export interface Extension {
  /** The sound that was extended; null where it came from no file. */
  readonly input: InputFile | null;
  /** What was added. */
  readonly seconds: number;
  readonly isBefore: boolean;
  /** This, `detail` and `fadeSeconds` are absent from records of versions that knew resampling alone. */
  readonly heedRounds?: number;
  readonly resamples: number;
  readonly detail?: number;
  /** Absent from records of versions that did not hold. */
  readonly holdSeconds?: number;
  /** Part of the margin over which the given sound fades. */
  readonly fadeSeconds?: number;
  /** What of the given sound has changed, at the join. */
  readonly marginSeconds: number;
}

/** How a clip was made. Operations other than `generate` add what they were told. */
export interface Sidecar {
  /** What made it, by the name under which `regenerate` knows how to do it again. */
  readonly operation: string;
  /** null: drawn without a label, or the model has none. */
  readonly label: string | null;
  /** null: the model follows no text. */
  readonly prompt: string | null;
  readonly negativePrompt: string | null;
  readonly seed: number;
  /** A sampler's name; the reference's class where the pipeline's own scheduler was used; `vae-prior` for the autoencoder alone. */
  readonly sampler: string;
  /** Noise levels of a named sampler; null where it has none to choose. */
  readonly spacing: string | null;
  readonly steps: number;
  /** The small image was drawn in `steps`, then the whole one in these, 0 where the upscaler was not trained yet; null: the model draws the whole image at once. */
  readonly upscaler: { readonly factor: number; readonly steps: number } | null;
  /** null where there is no label or text to follow. */
  readonly guidance: number | null;
  readonly guidanceRescale: number;
  /** Shares of noise between which it was guided. */
  readonly guidanceInterval: NoiseInterval;
  /** Steps without guidance that told how loud the clip is to be; 0: as loud as guidance made it. */
  readonly levelSteps: number;
  /** null for samplers that have none. */
  readonly eta: number | null;
  readonly vocoder: string;
  /** Of the convolutions and matrix products of UNet and autoencoder. Records without it are of float32. */
  readonly precision: ConvPrecision;
  /** How near the vocoder came to the image that was drawn. */
  readonly inversion?: InversionReport;
  readonly frameCount: number;
  readonly sampleRateHz: number;
  readonly durationSeconds: number;
  /** Whether the clip goes on at its start when it has ended, and how long it was to be. */
  readonly isLoop: boolean;
  readonly tempo: { readonly bpm: number; readonly bars: number; readonly beatsPerBar: number } | null;
  /** Least share of a window that its neighbour covered too; null: drawn in one window. */
  readonly overlap: number | null;
  /** What an `extend` was told; absent for other operations. */
  readonly extension?: Extension;
  readonly batch: BatchPlace;
  /** Hashes: of the weights by SHA-256, of the mel codec as in its images, and by SHA-256 of what else of the pipeline is heard: labels, noise, scheduler. */
  readonly hashes: { readonly model: string; readonly codec: string; readonly settings: string };
  readonly engine: { readonly name: string; readonly tensorflowJs: string };
  readonly version: string;
}

/** The content of a clip's JSON file: how it was made, and how it was written. */
export interface ClipRecord extends Sidecar {
  /** Name of the WAV file beside it. */
  readonly file: string;
  /** Folder of the run, from the folder of this file; null where it was not told. */
  readonly run: string | null;
  readonly bitDepth: 16 | 24 | 32;
  /** Unit: dB, 0 or negative: how far the clip was turned down because its peak was beyond full scale. */
  readonly gainDb: number;
  /** SHA-256 of the WAV file. */
  readonly sha256: string;
}

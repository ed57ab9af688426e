// What lies in a pipeline folder, before any weight is read. Types, and the choice of mel settings; knows no file.
import { z } from 'zod';
import { MelstromError } from '../base/errors.js';
import type { AutoencoderKLConfig } from '../config/autoencoder-kl.js';
import { unetDownsampling, vaeDownsampling } from '../config/derive.js';
import type { DiffusionConfig } from '../config/diffusion.js';
import type { SchedulerSettings } from '../diffusion/scheduler-settings.js';
import { defaultMelSettings, type MelSettings } from '../config/mel.js';
import { configurationError, problemsOf } from '../config/problems.js';
import type { Unet2dConfig } from '../config/unet-2d.js';
import { slaneyMel, suggestMel } from '../spectrogram/suggest-mel.js';
import type { Representation, VaeKind } from './pipeline.js';
import type { AnyUnetConfig } from './unet-classes.js';
import type { FoundVocoder } from './vocoder-folder.node.js';

/** A network with its configuration, and the folder of its weights. */
export interface FoundNetwork<C> {
  readonly config: C;
  readonly folder: string;
}

/** A part that is not taken, and why. */
export interface LeftOut {
  readonly part: string;
  readonly reason: string;
}

export interface FoundPipeline {
  readonly folder: string;
  /** As model_index.json calls it. */
  readonly className: string;
  readonly representation: Representation;
  readonly vaeKind: VaeKind;
  readonly vae: FoundNetwork<AutoencoderKLConfig> | null;
  readonly unet: FoundNetwork<AnyUnetConfig> | null;
  /** null where the UNet draws the whole image; its network is null while it is not trained. */
  readonly upscaler: { readonly factor: 2 | 4; readonly network: FoundNetwork<Unet2dConfig> | null } | null;
  /** null where there is none of ours. */
  readonly vocoder: FoundVocoder | null;
  /** Whether the folder has a tokenizer and a text encoder that can be run. */
  readonly hasText: boolean;
  /** Names of the UNet's classes by row. */
  readonly labels: readonly string[];
  /** Whether the row after the last label stands for no label; otherwise every row is a label. */
  readonly hasNullClass: boolean;
  /** null where the folder says nothing of it. */
  readonly diffusion: DiffusionConfig | null;
  /** How the folder samples; null where it does not say. */
  readonly scheduler: SchedulerSettings | null;
  /** null where the folder says nothing of sound. */
  readonly mel: MelSettings | null;
  /** Where the mel settings come from, in words. */
  readonly melReason: string;
  /** What is diffused is (latent - shift) · scale. */
  readonly latentScale: number;
  readonly latentShift: number;
  readonly leftOut: readonly LeftOut[];
}

/** Rows and columns of the images that networks were made for, or null where their configurations do not say. */
export function imageSizeOf({ vae, unet }: Pick<FoundPipeline, 'vae' | 'unet'>): readonly [number, number] | null {
  const size = unet?.config.sample_size ?? null;
  const factor = vae === null ? 1 : vaeDownsampling(vae.config);
  if (size !== null) return typeof size === 'number' ? [size * factor, size * factor] : [size[0] * factor, size[1] * factor];
  const own = vae?.config.sample_size ?? null;
  if (own === null) return null;
  return typeof own === 'number' ? [own, own] : [own[0], own[1]];
}

/** The settings for networks that say nothing of sound: the defaults at the networks' size, as far as they have one that can be halved evenly. */
export function melForNetworks(found: Pick<FoundPipeline, 'vae' | 'unet'>): { readonly mel: MelSettings; readonly reason: string } {
  const multiple = (found.vae === null ? 1 : vaeDownsampling(found.vae.config)) * (found.unet === null ? 1 : unetDownsampling(found.unet.config));
  const size = imageSizeOf(found);
  const rounded = (value: number): number => Math.max(1, Math.round(value / multiple)) * multiple;
  const [melBins, frames] = (size ?? [defaultMelSettings.melBins, defaultMelSettings.frames]).map(rounded);
  const mel = suggestMel({ melBins: Math.min(melBins, 1024), frames });
  const from = size === null ? 'the defaults' : `the defaults at the networks' ${size[0]} × ${size[1]}`;
  return { mel, reason: `${from}, since the folder says nothing of sound` };
}

const audioDiffusionMel = z.looseObject({
  x_res: z.int().min(1).default(256),
  y_res: z.int().min(1).default(256),
  sample_rate: z.int().min(1000).default(22_050),
  n_fft: z.int().min(64).default(2048),
  hop_length: z.int().min(1).default(512),
  top_db: z.number().positive().default(80),
});

/**
 * The settings of audio-diffusion's `Mel`. It sets the loudest cell of every slice to white; here the level is kept.
 *
 * @throws MelstromError of kind 'configuration' that names what does not fit
 */
export function fromAudioDiffusionMel(raw: unknown, where: string): { readonly mel: MelSettings; readonly reason: string } {
  const read = audioDiffusionMel.safeParse(raw);
  if (!read.success) throw configurationError(where, problemsOf(audioDiffusionMel, raw, read.error.issues));
  const { x_res: frames, y_res: melBins, sample_rate: sampleRateHz, n_fft: fftSize, hop_length: hopSamples, top_db: rangeDb } = read.data;
  if (!Number.isInteger(Math.log2(fftSize))) throw new MelstromError({ kind: 'configuration', where: `${where}: n_fft`, got: String(fftSize), expected: 'a power of two' });
  const mel = slaneyMel({ sampleRateHz, fftSize, hopSamples, melBins, frames, rangeDb });
  return { mel, reason: `the folder's own, with floor ${mel.floorDb} dB and ceiling ${mel.ceilingDb} dB: its images are white where a slice is loudest, ours where a sine is at full scale` };
}

/** The settings nearest to AudioLDM's spectrograms, whose values are logarithms of magnitudes and not decibels of power between a floor and a ceiling. */
export function audioLdmMel(): { readonly mel: MelSettings; readonly reason: string } {
  const mel = slaneyMel({ sampleRateHz: 16_000, fftSize: 1024, hopSamples: 160, melBins: 64, frames: 1024 });
  return { mel, reason: "AudioLDM's rate, transform, hop and mel bins, in decibels: its networks see other values until they are retrained" };
}

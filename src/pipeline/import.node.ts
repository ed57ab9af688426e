// Turns a folder that the diffusers library made, or one of ours, into a pipeline, and says what it took and what it left.
import { diffusionSchema } from '../config/diffusion.js';
import type { MelSettings } from '../config/mel.js';
import { monoMel } from '../config/mel-layout.js';
import type { LoadReport } from '../nn/index.js';
import type { AutoencoderKL, Unet2d } from '../models/index.js';
import type { AnyUnet } from './any-unet.js';
import { hasSeveralChannels, type ChannelRule } from './channel-rule.js';
import { findPipeline } from './find-pipeline.node.js';
import { melForNetworks, type FoundPipeline, type LeftOut } from './found-pipeline.js';
import { openUnet, openUpscaler, openVae, type OpenNetworkOptions } from './open-networks.node.js';
import { createPipeline, type Pipeline } from './pipeline.js';
import { readText } from './text-folder.node.js';
import type { TextConditioner } from './text.js';
import { isConditionConfig, unetClassOf } from './unet-classes.js';
import { codecHash } from '../spectrogram/codec-identity.js';
import { openVocoder } from './vocoder-folder.node.js';
import type { VocoderNetwork } from '../vocoder/vocoder-network.js';

export interface ImportOptions extends OpenNetworkOptions {
  /** Mel settings to take instead of the folder's, with where they come from in words. */
  readonly mel?: { readonly mel: MelSettings; readonly reason: string };
}

export interface ImportReport {
  readonly className: string;
  /** Parts that were taken, in words. */
  readonly taken: readonly string[];
  readonly leftOut: readonly LeftOut[];
  readonly mel: MelSettings;
  readonly melReason: string;
  /** What was changed on the way, in words. */
  readonly notes: readonly string[];
  /** What a partial load left out, by part; empty lists unless it was asked for. */
  readonly weights: Readonly<Record<string, LoadReport>>;
}

/**
 * Reads a folder as a pipeline. Memory: the caller disposes the pipeline.
 *
 * @throws MelstromError when a part is damaged, its weights do not fit, or the parts do not fit one another
 */
export async function importPipeline(folder: string, options: ImportOptions = {}): Promise<{ readonly pipeline: Pipeline; readonly report: ImportReport }> {
  const found = await findPipeline(folder);
  const { channels = 'repeat' } = options;
  const { mel, reason } = options.mel ?? (found.mel === null ? melForNetworks(found) : { mel: found.mel, reason: found.melReason });
  const newLabels = found.hasNullClass || found.labels.length === 0 ? null : found.labels;
  const weights: Record<string, LoadReport> = {};
  let [vae, unet, text, upscaling]: [AutoencoderKL | null, AnyUnet | null, TextConditioner | null, Unet2d | null] = [null, null, null, null];
  let vocoder: VocoderNetwork | null = null;
  try {
    if (found.vae !== null) {
      const opened = openVae(found.vae, options);
      vae = opened.network;
      weights.vae = opened.report;
    }
    if (found.unet !== null) {
      const opened = openUnet({ ...found, unet: found.unet }, { ...options, newLabels });
      unet = opened.network;
      weights.unet = opened.report;
    }
    if (found.upscaler?.network) {
      const opened = openUpscaler(found.upscaler.network, options);
      upscaling = opened.network;
      weights.upscaler = opened.report;
    }
    if (found.vocoder !== null && codecHash(found.vocoder.mel) === codecHash(monoMel(mel))) vocoder = openVocoder(found.vocoder);
    if (found.hasText) text = await readText(found.folder, options);
    const { representation, vaeKind, labels, latentScale, latentShift } = found;
    const diffusion = found.diffusion ?? diffusionSchema.parse({});
    const pipeline = createPipeline({ mel, representation, vaeKind, labels, diffusion, scheduler: found.scheduler ?? undefined, vae, unet, text, upscaler: found.upscaler && { factor: found.upscaler.factor, unet: upscaling }, vocoder, latentScale, latentShift });
    const report = { className: found.className, taken: takenOf({ ...found, vocoder: vocoder && found.vocoder }), leftOut: found.leftOut, mel, melReason: reason, notes: notesOf(found, channels), weights };
    return { pipeline, report };
  } catch (error) {
    vae?.dispose();
    unet?.dispose();
    text?.encoder.dispose();
    upscaling?.dispose();
    vocoder?.vocos.dispose();
    throw error;
  }
}

function takenOf({ vae, unet, upscaler, vocoder, diffusion, hasText }: FoundPipeline): string[] {
  return [
    ...(vae === null ? [] : [`autoencoder (AutoencoderKL, ${vae.config.in_channels} image channels, ${vae.config.latent_channels} latent channels)`]),
    ...(unet === null ? [] : [`UNet (${unetClassOf(unet.config)}, ${unet.config.in_channels} channels in, ${unet.config.out_channels} out)`]),
    ...(upscaler?.network ? [`upscaler (UNet2DModel, from images ${upscaler.factor} times smaller)`] : []),
    ...(vocoder === null ? [] : [`vocoder (Vocos, ${vocoder.config.num_layers} blocks of ${vocoder.config.dim} channels)`]),
    ...(hasText ? ['tokenizer and text encoder (CLIPTextModel)'] : []),
    ...(diffusion === null ? [] : [`scheduler (${diffusion.predictionType}, ${diffusion.trainTimesteps} timesteps)`]),
  ];
}

function notesOf(found: FoundPipeline, channels: ChannelRule): string[] {
  const outer = found.representation === 'latent' ? found.vae : found.unet;
  const notes: string[] = [];
  if (outer !== null && hasSeveralChannels(outer.config) && found.mel?.channels !== 2) {
    notes.push(channels === 'repeat'
      ? `spectrograms stand in all ${outer.config.in_channels} channels, and the answer is their mean`
      : `the first convolution is summed over its ${outer.config.in_channels} channels, the last one averaged: one channel from here on`);
  }
  if (!found.hasNullClass && found.labels.length > 0) notes.push(`the table of ${found.labels.length} classes has one more row, their mean, which stands for no label`);
  if (found.unet !== null && isConditionConfig(found.unet.config) && !found.hasText) notes.push('the UNet attends to a condition that nothing here makes: its weights are kept, but it cannot draw');
  if (found.diffusion === null) notes.push('no scheduler in the folder: the default noise process');
  return notes;
}

// The trained parts of a generator, together with what is needed to use them. Knows no file.
import { MelstromError } from '../base/errors.js';
import { inpaintingChannels, isForInpainting, sizeMultiple, upscalerChannels, vaeDownsampling } from '../config/derive.js';
import type { DiffusionConfig } from '../config/diffusion.js';
import type { MelSettings } from '../config/mel.js';
import { imageChannels, monoMel } from '../config/mel-layout.js';
import { defaultScheduler, type SchedulerSettings } from '../diffusion/scheduler-settings.js';
import type { AutoencoderKL, Unet2d } from '../models/index.js';
import { assertSameCodec } from '../spectrogram/codec-identity.js';
import type { VocoderNetwork } from '../vocoder/vocoder-network.js';
import type { AnyUnet } from './any-unet.js';
import { checkText, type TextConditioner } from './text.js';

/** Latents, or the spectrogram's own cells, are what is diffused. */
export type Representation = 'latent' | 'pixel';
/** `plain` uses the posterior's mean alone. */
export type VaeKind = 'kl' | 'plain';

/** What draws the whole image after the UNet has drawn one that is averaged down. */
export interface Upscaler {
  /** How many times smaller the UNet's image is, in rows and in columns. */
  readonly factor: 2 | 4;
  /** Sees the noisy image and the enlarged small one. null while it is not trained: the small image is enlarged as it is then. */
  readonly unet: Unet2d | null;
}

/** The parts of a pipeline. */
export interface PipelineParts {
  readonly mel: MelSettings;
  readonly representation: Representation;
  readonly vaeKind: VaeKind;
  /** Class i is labels[i]; class labels.length stands for no label. */
  readonly labels: readonly string[];
  readonly diffusion: DiffusionConfig;
  /** How it is sampled when no sampler is named. Default DPM-Solver++ 2M, or for flow Euler. */
  readonly scheduler?: SchedulerSettings;
  /** null exactly when the representation is pixel. One for several image channels sees a mel image in all of them, and is heard as their mean. */
  readonly vae: AutoencoderKL | null;
  /** null while only the autoencoder is trained. On pixels it may be one for several channels, as the autoencoder may. */
  readonly unet: AnyUnet | null;
  /** What reads prompts for a UNet that attends to text; null for one that does not. Default null. */
  readonly text?: TextConditioner | null;
  /** For pixels alone; null where the UNet draws the whole image. Default null. */
  readonly upscaler?: Upscaler | null;
  /** What turns its images into sound, of stereo sound mid and side; null leaves that to the classical inverter. Default null. */
  readonly vocoder?: VocoderNetwork | null;
  /** What is diffused is (latent - latentShift) · latentScale, of about unit deviation. Measured from data. Default 1. */
  readonly latentScale?: number;
  /** Default 0. */
  readonly latentShift?: number;
}

/** Memory: owns the networks; `dispose` frees them. */
export interface Pipeline extends Required<PipelineParts> {
  dispose(): void;
}

/** Shape of one item of what is diffused: [rows, columns, channels]. */
export type SampleShape = readonly [number, number, number];

/**
 * Puts parts together after checking that they fit one another.
 *
 * @throws MelstromError that names the two parts that do not fit
 */
export function createPipeline(parts: PipelineParts): Pipeline {
  const pipeline: Pipeline = {
    ...parts,
    scheduler: parts.scheduler ?? defaultScheduler(parts.diffusion),
    latentScale: parts.latentScale ?? 1,
    latentShift: parts.latentShift ?? 0,
    text: parts.text ?? null,
    upscaler: parts.upscaler ?? null,
    vocoder: parts.vocoder ?? null,
    dispose() {
      parts.vae?.dispose();
      parts.unet?.dispose();
      parts.text?.encoder.dispose();
      parts.upscaler?.unet?.dispose();
      parts.vocoder?.vocos.dispose();
    },
  };
  checkRepresentation(pipeline);
  checkStereo(pipeline);
  checkScale(pipeline);
  checkScheduler(pipeline);
  checkUpscaler(pipeline);
  checkUnet(pipeline);
  if (pipeline.text !== null) checkText(pipeline.text, pipeline.unet);
  if (pipeline.vocoder !== null) assertSameCodec(pipeline.vocoder.mel, monoMel(pipeline.mel), 'pipeline: vocoder');
  return Object.freeze(pipeline);
}

/** The class that stands for no label, or null when the UNet has no classes. */
export function nullClassOf({ labels, unet }: Pick<Pipeline, 'labels' | 'unet'>): number | null {
  return unet === null || unet.config.num_class_embeds === null ? null : labels.length;
}

/** Frames of an image are a multiple of this, so that every level of every network halves evenly. */
export function frameMultiple({ vae, unet, upscaler }: Pick<Pipeline, 'vae' | 'unet' | 'upscaler'>): number {
  const whole = upscaler && { factor: upscaler.factor, network: upscaler.unet?.config ?? null };
  return sizeMultiple({ vae: vae?.config ?? null, unet: unet?.config ?? null, upscaler: whole });
}

/**
 * The shape of one item of what the UNet diffuses. Where there is an upscaler, that is the small image.
 *
 * @param frameCount of the image, a multiple of frameMultiple; default the slice's length that the networks were trained on
 */
export function sampleShape(pipeline: Pick<Pipeline, 'vae' | 'unet' | 'mel' | 'upscaler'>, frameCount = pipeline.mel.frames): SampleShape {
  const { vae, mel, upscaler } = pipeline;
  const multiple = frameMultiple(pipeline);
  if (frameCount % multiple !== 0 || mel.melBins % multiple !== 0 || frameCount < 1) {
    throw misfit('mel', `${mel.melBins} mel bins and ${frameCount} frames`, `multiples of ${multiple}, which the networks halve down to`);
  }
  const factor = vae === null ? (upscaler?.factor ?? 1) : vaeDownsampling(vae.config);
  return [mel.melBins / factor, frameCount / factor, vae === null ? imageChannels(mel) : vae.config.latent_channels];
}

function checkRepresentation({ representation, vae }: Pipeline): void {
  if (representation === 'latent' && vae === null) throw misfit('vae', 'none', 'an autoencoder, since latents are diffused');
  if (representation === 'pixel' && vae !== null) throw misfit('vae', 'an autoencoder', 'none, since the spectrogram itself is diffused');
  if (vae !== null && vae.config.in_channels !== vae.config.out_channels) {
    throw misfit('vae: in_channels and out_channels', `${vae.config.in_channels} and ${vae.config.out_channels}`, '1 and 1, as a mel image has, or any other number twice');
  }
}

/** Networks for images of several channels take one channel of sound in all of them; two channels of sound make an image of three, no more and no less. */
function checkStereo({ mel, vae }: Pipeline): void {
  if (mel.channels !== 2) return;
  const alone = 'since the mel settings are of two channels of sound';
  if (vae !== null && vae.config.in_channels !== imageChannels(mel)) throw misfit('vae: in_channels', String(vae.config.in_channels), `${imageChannels(mel)}, ${alone}`);
}

function checkScale({ latentScale, latentShift }: Pipeline): void {
  if (!Number.isFinite(latentScale) || latentScale <= 0) throw misfit('vae: scaling_factor', String(latentScale), 'a finite number above 0');
  if (!Number.isFinite(latentShift)) throw misfit('vae: shift_factor', String(latentShift), 'a finite number');
}

function checkScheduler({ scheduler, diffusion }: Pipeline): void {
  const isFlow = diffusion.predictionType === 'flow';
  if (isFlow !== (scheduler.kind === 'flow')) throw misfit('scheduler', scheduler.kind, isFlow ? 'flow, as the network answers' : `one for ${diffusion.predictionType}`);
}

function checkUnet(pipeline: Pipeline): void {
  const { unet, labels } = pipeline;
  const [, , channels] = sampleShape(pipeline);
  if (unet === null) return;
  const { in_channels: inChannels, out_channels: outChannels, num_class_embeds: classes } = unet.config;
  const isRepeated = pipeline.vae === null && channels === 1 && inChannels === outChannels; // a UNet for images of several channels
  if (!isRepeated && !(isForInpainting(unet.config) && outChannels === channels) && (inChannels !== channels || outChannels !== channels)) {
    throw misfit('unet: in_channels and out_channels', `${inChannels} and ${outChannels}`, `${channels}, the channels of what is diffused, or ${inpaintingChannels(channels)} and ${channels} of a UNet for inpainting`);
  }
  if (classes !== null && classes !== labels.length + 1) {
    throw misfit('unet: num_class_embeds', String(classes), `${labels.length + 1}: ${labels.length} labels and one for no label`);
  }
  if (classes === null && labels.length > 0) throw misfit('unet: num_class_embeds', 'null', `${labels.length + 1}, since there are labels`);
}

function checkUpscaler({ mel, representation, upscaler, labels }: Pipeline): void {
  if (upscaler === null) return;
  if (representation === 'latent') throw misfit('upscaler', 'one', 'none, since latents are diffused');
  if (upscaler.factor !== 2 && upscaler.factor !== 4) throw misfit('upscaler: factor', String(upscaler.factor), '2 or 4');
  if (upscaler.unet === null) return;
  const { in_channels: inChannels, out_channels: outChannels, num_class_embeds: classes } = upscaler.unet.config;
  const wanted = upscalerChannels(mel);
  if (inChannels !== wanted.in_channels || outChannels !== wanted.out_channels) {
    throw misfit('upscaler: in_channels and out_channels', `${inChannels} and ${outChannels}`, `${wanted.in_channels} and ${wanted.out_channels}: the noisy image and the enlarged small one, and the answer`);
  }
  if (classes !== null && classes !== labels.length + 1) {
    throw misfit('upscaler: num_class_embeds', String(classes), `${labels.length + 1}: ${labels.length} labels and one for no label`);
  }
}

function misfit(where: string, got: string, expected: string): MelstromError {
  return new MelstromError({ kind: 'checkpoint', where: `pipeline: ${where}`, got, expected });
}

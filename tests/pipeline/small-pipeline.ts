// Small untrained pipelines of every kind, for tests of what is built around networks.
import { autoencoderKlSchema } from '../../src/config/autoencoder-kl.js';
import { diffusionSchema, type DiffusionConfig } from '../../src/config/diffusion.js';
import { melSchema } from '../../src/config/mel.js';
import { imageChannels } from '../../src/config/mel-layout.js';
import { unet2dSchema, type Unet2dConfig } from '../../src/config/unet-2d.js';
import { createAutoencoderKL, createUnet2d } from '../../src/models/index.js';
import { createPipeline, type AnyUnet, type Pipeline, type PipelineParts } from '../../src/pipeline/index.js';

export const SMALL_MEL = Object.freeze(melSchema.parse({ melBins: 8, frames: 16, fftSize: 256, windowSamples: 256, hopSamples: 64, sampleRateHz: 8000, minHz: 60, maxHz: 4000 }));

/** The same in stereo. */
export const SMALL_STEREO_MEL = Object.freeze(melSchema.parse({ ...SMALL_MEL, channels: 2 }));

export interface SmallOptions extends Partial<Omit<PipelineParts, 'vae' | 'unet' | 'diffusion'>> {
  readonly hasUnet?: boolean;
  readonly diffusion?: Partial<DiffusionConfig>;
  readonly unetNetwork?: Partial<Unet2dConfig>;
  /** In place of a UNet of unetNetwork. */
  readonly unet?: AnyUnet;
}

/** 8 mel bins by 16 frames; latents of 4 by 8 by 3. Memory: the caller disposes. */
export function smallPipeline(options: SmallOptions = {}): Pipeline {
  const { hasUnet = true, representation = 'latent', labels = ['kick', 'Snäre / drum'], diffusion = {}, unetNetwork = {}, unet, mel = SMALL_MEL, ...rest } = options;
  const ofImage = imageChannels(mel);
  const blocks = { down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'], up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'] };
  const vaeConfig = autoencoderKlSchema.parse({ ...blocks, block_out_channels: [4, 8], norm_num_groups: 2, latent_channels: 3, in_channels: ofImage, out_channels: ofImage });
  const channels = representation === 'latent' ? 3 : ofImage;
  const unetConfig = unet2dSchema.parse({
    in_channels: channels, out_channels: channels, block_out_channels: [8, 8], norm_num_groups: 2, attention_head_dim: 4, layers_per_block: 1,
    down_block_types: ['DownBlock2D', 'AttnDownBlock2D'], up_block_types: ['AttnUpBlock2D', 'UpBlock2D'], num_class_embeds: labels.length + 1, ...unetNetwork,
  });
  return createPipeline({
    mel,
    vaeKind: 'kl',
    latentScale: 1.7,
    latentShift: 0.25,
    ...rest,
    representation,
    labels,
    diffusion: diffusionSchema.parse(diffusion),
    vae: representation === 'latent' ? createAutoencoderKL(vaeConfig, { seed: 1 }) : null,
    unet: unet ?? (hasUnet ? createUnet2d(unetConfig, { seed: 2 }) : null),
  });
}

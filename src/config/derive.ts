// What the rest of a configuration implies for its networks. Knows no network, only the reference's keys.
import type { AutoencoderKLConfig } from './autoencoder-kl.js';
import type { RunConfig } from './schema.js';
import type { Unet2dConfig } from './unet-2d.js';

interface Blocks {
  readonly block_out_channels: readonly number[];
}

/** How many times smaller a latent is than its image, per axis: every block but the last halves. */
export function vaeDownsampling({ block_out_channels: blocks }: Blocks): number {
  return 2 ** (blocks.length - 1);
}

/** How many times smaller the innermost level of a UNet is than its input, per axis: every block but the last halves. */
export function unetDownsampling({ block_out_channels: blocks }: Blocks): number {
  return 2 ** (blocks.length - 1);
}

/** The networks' configurations with nothing left to derive. */
export interface DerivedNetworks {
  readonly vae: AutoencoderKLConfig;
  readonly unet: Unet2dConfig;
  /** Shape: [rows, columns, channels] of what the UNet denoises: the latent, or the image itself. */
  readonly sampleShape: readonly [number, number, number];
}

/**
 * Fills in what is null: channels and size of what the UNet denoises, and one class per label plus one for no label, unless the UNet
 * keeps the classes of an initial pipeline.
 *
 * @param labelCount labels of the corpus; the index labelCount stands for no label
 */
export function deriveNetworks({ mel, representation, vae, unet, initialPipeline }: RunConfig, labelCount: number): DerivedNetworks {
  const isLatent = representation === 'latent';
  const factor = isLatent ? vaeDownsampling(vae.network) : 1;
  const channels = isLatent ? vae.network.latent_channels : 1;
  const hasKeptClasses = initialPipeline !== null && unet.classTable === 'keep'; // none are none then
  const size = [mel.melBins / factor, mel.frames / factor] as const;
  return {
    vae: vae.network as AutoencoderKLConfig,
    unet: {
      ...(unet.network as Unet2dConfig),
      in_channels: unet.network.in_channels ?? channels,
      out_channels: unet.network.out_channels ?? channels,
      sample_size: unet.network.sample_size ?? [...size],
      num_class_embeds: unet.network.num_class_embeds ?? (hasKeptClasses ? null : labelCount + 1),
    },
    sampleShape: [...size, channels],
  };
}

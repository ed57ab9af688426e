// What the rest of a configuration implies for its networks. Knows no network, only the reference's keys.
import type { AutoencoderKLConfig } from './autoencoder-kl.js';
import type { MelSettings } from './mel.js';
import { imageChannels } from './mel-layout.js';
import type { RunConfig } from './schema.js';
import type { Unet2dConfig } from './unet-2d.js';
import type { Unet2dConditionConfig } from './unet-2d-condition.js';

interface Blocks {
  readonly block_out_channels: readonly number[];
}

/** How many times smaller a latent is than its image, per axis: every block but the last halves. */
export function vaeDownsampling({ block_out_channels: blocks }: Blocks): number {
  return 2 ** (blocks.length - 1);
}

/** The channels that a UNet for inpainting sees of a sample of so many: noisy sample, mask and kept sample, as Stable Diffusion's do. */
export function inpaintingChannels(channels: number): number {
  return 2 * channels + 1;
}

/** Whether a UNet sees what is kept. */
export function isForInpainting({ in_channels: inChannels, out_channels: outChannels }: { readonly in_channels: number | null; readonly out_channels: number | null }): boolean {
  return inChannels !== null && outChannels !== null && inChannels === inpaintingChannels(outChannels);
}

/** How many times smaller the innermost level of a UNet is than its input, per axis: every block but the last halves. */
export function unetDownsampling({ block_out_channels: blocks }: Blocks): number {
  return 2 ** (blocks.length - 1);
}

/** The channels of an upscaler: the noisy image and the enlarged small one, and its answer. */
export function upscalerChannels(mel: Pick<MelSettings, 'channels'>): { readonly in_channels: number; readonly out_channels: number } {
  const count = imageChannels(mel);
  return { in_channels: 2 * count, out_channels: count };
}

/**
 * Rows and columns of an image are a multiple of this, so that every level of every network halves evenly.
 *
 * @param upscaler the network that works on the whole image, with the factor by which the UNet's is smaller
 */
export function sizeMultiple({ vae, unet, upscaler }: { readonly vae: Blocks | null; readonly unet: Blocks | null; readonly upscaler: { readonly factor: number; readonly network: Blocks | null } | null }): number {
  const small = (vae === null ? 1 : vaeDownsampling(vae)) * (unet === null ? 1 : unetDownsampling(unet)) * (upscaler?.factor ?? 1);
  return Math.max(small, upscaler?.network ? unetDownsampling(upscaler.network) : 1); // both are powers of two
}

/** The networks' configurations with nothing left to derive. */
export interface DerivedNetworks {
  readonly vae: AutoencoderKLConfig;
  readonly unet: Unet2dConfig;
  /** The UNet that attends to text, where it is configured; `unet` has no meaning then. */
  readonly conditionUnet: Unet2dConditionConfig | null;
  /** The network that draws the whole image where the UNet draws a smaller one; null where it does not. */
  readonly upscaler: Unet2dConfig | null;
  /** Shape: [rows, columns, channels] of what the UNet denoises: the latent, the image itself, or the image averaged down. */
  readonly sampleShape: readonly [number, number, number];
}

/**
 * Fills in what is null: channels and size of what the UNet denoises, the autoencoder's image channels where sound is stereo, and one class per label plus one for no label, unless the UNet
 * keeps the classes of an initial pipeline. Without labels there are no classes.
 *
 * @param labelCount labels of the corpus; where there are any, the index labelCount stands for no label
 */
export function deriveNetworks({ mel, representation, vae, unet, upscaler, initialPipeline }: RunConfig, labelCount: number): DerivedNetworks {
  const isLatent = representation === 'latent';
  const factor = isLatent ? vaeDownsampling(vae.network) : (upscaler?.factor ?? 1);
  const channels = isLatent ? vae.network.latent_channels : imageChannels(mel);
  const hasKeptClasses = initialPipeline !== null && unet.classTable === 'keep'; // none are none then
  const size = [mel.melBins / factor, mel.frames / factor] as const;
  const derived = <C extends Derivable>(network: C): C => ({
    ...network,
    in_channels: network.in_channels ?? ((unet.inpaintingShare ?? 0) > 0 ? inpaintingChannels(channels) : channels),
    out_channels: network.out_channels ?? channels,
    sample_size: network.sample_size ?? [...size],
  });
  const hasNewClasses = initialPipeline !== null && unet.classTable === 'new';
  const withNewClasses = (network: Unet2dConditionConfig): Unet2dConditionConfig => (hasNewClasses ? { ...network, class_embed_type: null, num_class_embeds: labelCount + 1 } : network);
  const network = derived(unet.network as Unet2dConfig);
  const derivedUnet = { ...network, num_class_embeds: network.num_class_embeds ?? (hasKeptClasses || labelCount === 0 ? null : labelCount + 1) };
  const conditionUnet = unet.conditionNetwork === null ? null : withNewClasses(derived(unet.conditionNetwork as Unet2dConditionConfig));
  const { num_class_embeds: classes } = conditionUnet ?? derivedUnet;
  return {
    vae: (mel.channels === 1 ? vae.network : { ...vae.network, in_channels: imageChannels(mel), out_channels: imageChannels(mel) }) as AutoencoderKLConfig,
    unet: derivedUnet,
    conditionUnet,
    upscaler: upscaler === null ? null : deriveUpscaler(upscaler.network as Unet2dConfig, { mel, classes }),
    sampleShape: [...size, channels],
  };
}

/** Noisy image and enlarged small one in, answer out; the classes of the first UNet. */
function deriveUpscaler(network: Unet2dConfig, { mel, classes }: { mel: MelSettings; classes: number | null }): Unet2dConfig {
  return {
    ...network, ...upscalerChannels(mel),
    sample_size: network.sample_size ?? [mel.melBins, mel.frames], num_class_embeds: network.num_class_embeds ?? classes,
  };
}

type Derivable = Pick<Unet2dConfig, 'in_channels' | 'out_channels' | 'sample_size'>;

/** The keys of the UNet that is configured, of whichever class. */
export function chosenUnet<N, C>({ network, conditionNetwork }: { readonly network: N; readonly conditionNetwork: C | null }): N | C {
  return conditionNetwork ?? network;
}

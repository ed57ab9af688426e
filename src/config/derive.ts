// What the rest of a configuration implies for its networks. Knows no network, only the reference's keys.
import type { AutoencoderKLConfig } from './autoencoder-kl.js';
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

/** How many times smaller the innermost level of a UNet is than its input, per axis: every block but the last halves. */
export function unetDownsampling({ block_out_channels: blocks }: Blocks): number {
  return 2 ** (blocks.length - 1);
}

/** The networks' configurations with nothing left to derive. */
export interface DerivedNetworks {
  readonly vae: AutoencoderKLConfig;
  readonly unet: Unet2dConfig;
  /** The UNet that attends to text, where it is configured; `unet` has no meaning then. */
  readonly conditionUnet: Unet2dConditionConfig | null;
  /** Shape: [rows, columns, channels] of what the UNet denoises: the latent, or the image itself. */
  readonly sampleShape: readonly [number, number, number];
}

/**
 * Fills in what is null: channels and size of what the UNet denoises, and one class per label plus one for no label, unless the UNet
 * keeps the classes of an initial pipeline. Without labels there are no classes.
 *
 * @param labelCount labels of the corpus; where there are any, the index labelCount stands for no label
 */
export function deriveNetworks({ mel, representation, vae, unet, initialPipeline }: RunConfig, labelCount: number): DerivedNetworks {
  const isLatent = representation === 'latent';
  const factor = isLatent ? vaeDownsampling(vae.network) : 1;
  const channels = isLatent ? vae.network.latent_channels : 1;
  const hasKeptClasses = initialPipeline !== null && unet.classTable === 'keep'; // none are none then
  const size = [mel.melBins / factor, mel.frames / factor] as const;
  const derived = <C extends Derivable>(network: C): C => ({
    ...network,
    in_channels: network.in_channels ?? channels,
    out_channels: network.out_channels ?? channels,
    sample_size: network.sample_size ?? [...size],
  });
  const hasNewClasses = initialPipeline !== null && unet.classTable === 'new';
  const withNewClasses = (network: Unet2dConditionConfig): Unet2dConditionConfig => (hasNewClasses ? { ...network, class_embed_type: null, num_class_embeds: labelCount + 1 } : network);
  const network = derived(unet.network as Unet2dConfig);
  return {
    vae: vae.network as AutoencoderKLConfig,
    unet: { ...network, num_class_embeds: network.num_class_embeds ?? (hasKeptClasses || labelCount === 0 ? null : labelCount + 1) },
    conditionUnet: unet.conditionNetwork === null ? null : withNewClasses(derived(unet.conditionNetwork as Unet2dConditionConfig)),
    sampleShape: [...size, channels],
  };
}

type Derivable = Pick<Unet2dConfig, 'in_channels' | 'out_channels' | 'sample_size'>;

/** The keys of the UNet that is configured, of whichever class. */
export function chosenUnet<N, C>({ network, conditionNetwork }: { readonly network: N; readonly conditionNetwork: C | null }): N | C {
  return conditionNetwork ?? network;
}

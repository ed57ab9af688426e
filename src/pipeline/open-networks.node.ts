// Networks with their weights from a pipeline folder, under a rule for channels and for classes. Knows no corpus.
import { inpaintingChannels, isForInpainting } from '../config/derive.js';
import type { Unet2dConfig } from '../config/unet-2d.js';
import { createAutoencoderKL, createUnet2d, type AutoencoderKL, type Unet2d } from '../models/index.js';
import { changedSource, loadReference, type LoadReport, type ParameterTree, type TensorSource } from '../nn/index.js';
import type { AnyUnet } from './any-unet.js';
import { channelRuleConfig, channelRuleSource, UNET_OUTER_LAYERS, VAE_OUTER_LAYERS, type ChannelRule } from './channel-rule.js';
import { withClassTable } from './class-table.js';
import { openWeights, type OpenWeightsOptions } from './component-files.node.js';
import type { FoundNetwork, FoundPipeline } from './found-pipeline.js';
import { createAnyUnet, embeddingWidth } from './unet-classes.js';

export interface OpenNetworkOptions extends OpenWeightsOptions {
  /** For networks that see images of several channels. Default `repeat`, which leaves weights as they are. */
  readonly channels?: ChannelRule;
  /** Takes what fits and reports the rest; the rest starts as a new network would. Default false. */
  readonly isPartial?: boolean;
}

export interface Opened<N> {
  /** Memory: the caller disposes. */
  readonly network: N;
  readonly report: LoadReport;
}

type FoundVae = NonNullable<FoundPipeline['vae']>;

/** The configuration that the autoencoder has under a rule. */
export function vaeConfigUnder({ config, folder }: FoundVae, channels: ChannelRule): FoundVae['config'] {
  return channelRuleConfig(config, channels, folder);
}

/** @throws MelstromError when the weights do not fit and a partial load is not asked for */
export function openVae(found: FoundVae, options: OpenNetworkOptions = {}): Opened<AutoencoderKL> {
  const { channels = 'repeat', isPartial = false } = options;
  const vae = createAutoencoderKL(vaeConfigUnder(found, channels), { seed: isPartial ? 0 : null });
  return load(vae, found.folder, { options, change: (source) => channelRuleSource(source, channels, VAE_OUTER_LAYERS) });
}

export interface OpenUnetOptions extends OpenNetworkOptions {
  /** Gives the UNet a table of classes with one row for each of these and one for no label; null leaves its classes as they are. Default null. */
  readonly newLabels?: readonly string[] | null;
  /** Gives a UNet that lacks them inputs for a mask and what is kept, of weight 0: it answers as before until it is trained. Default false. */
  readonly isForInpainting?: boolean;
}

type FoundUnet = Pick<FoundPipeline, 'labels' | 'hasNullClass' | 'representation'> & { readonly unet: NonNullable<FoundPipeline['unet']> };

/** The configuration that the UNet has under the rules. */
export function unetConfigUnder({ unet, representation }: FoundUnet, { channels = 'repeat', newLabels = null, isForInpainting: isWanted = false }: OpenUnetOptions): FoundUnet['unet']['config'] {
  const { config, folder } = unet;
  const ruled = representation === 'pixel' ? channelRuleConfig(config, channels, folder) : config;
  const widened = isWanted && ruled.out_channels !== null ? { ...ruled, in_channels: inpaintingChannels(ruled.out_channels) } : ruled;
  return newLabels === null ? widened : { ...widened, class_embed_type: null, num_class_embeds: newLabels.length + 1 };
}

/** @throws MelstromError when the weights do not fit and a partial load is not asked for */
export function openUnet(found: FoundUnet, options: OpenUnetOptions = {}): Opened<AnyUnet> {
  const { channels = 'repeat', newLabels = null, isPartial = false } = options;
  const config = unetConfigUnder(found, options);
  const width = embeddingWidth(config);
  const change = (source: TensorSource): TensorSource => {
    const ruled = found.representation === 'pixel' ? channelRuleSource(source, channels, UNET_OUTER_LAYERS) : source;
    const widened = isForInpainting(config) && !isForInpainting(found.unet.config) ? withMoreInputs(ruled, config.in_channels!) : ruled;
    return newLabels === null ? widened : withClassTable(widened, { oldLabels: found.labels, hasOldNullRow: found.hasNullClass, newLabels, width });
  };
  return load(createAnyUnet(config, { seed: isPartial ? 0 : null }), found.unet.folder, { options, change });
}

/** The first convolution with inputs more, which weigh nothing. */
function withMoreInputs(source: TensorSource, inputs: number): TensorSource {
  const name = `${UNET_OUTER_LAYERS.first}.weight`;
  return changedSource(source, new Map([[name, {
    shape: ([outer, , ...kernel]) => [outer, inputs, ...kernel],
    apply(values, [outer, own, height, width]) {
      const wide = new Float32Array(outer * inputs * height * width);
      for (let output = 0; output < outer; output += 1) wide.set(values.subarray(output * own * height * width, (output + 1) * own * height * width), output * inputs * height * width);
      return wide;
    },
  }]]));
}

/** @throws MelstromError when the weights do not fit and a partial load is not asked for */
export function openUpscaler({ config, folder }: FoundNetwork<Unet2dConfig>, options: OpenNetworkOptions = {}): Opened<Unet2d> {
  return load(createUnet2d(config, { seed: options.isPartial ? 0 : null }), folder, { options, change: (source) => source });
}

interface Network {
  readonly parameters: ParameterTree;
  dispose(): void;
}

/** Loads weights on their way through a change; a network that they do not fit is freed. */
function load<N extends Network>(network: N, folder: string, { options, change }: { options: OpenNetworkOptions; change: (source: TensorSource) => TensorSource }): Opened<N> {
  try {
    const source = openWeights(folder, options);
    try {
      return { network, report: loadReference(network.parameters, change(source), { isPartial: options.isPartial }) };
    } finally {
      source.close();
    }
  } catch (error) {
    network.dispose();
    throw error;
  }
}

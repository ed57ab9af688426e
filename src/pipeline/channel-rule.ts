// How networks for images of several channels come to work on spectrograms, which have one. Changes weights on their way; knows no file.
import { MelstromError } from '../base/errors.js';
import { changedSource, type TensorChange, type TensorSource } from '../nn/index.js';

/**
 * `repeat`: the network stays as it is; it sees the spectrogram in all its channels and its answer is the mean of them.
 * `adapt`: the network becomes one of a single channel: its first convolution is summed over its input channels, its last one is
 * averaged over its output channels. Both give the same answers until training moves the weights, since convolution is linear.
 */
export type ChannelRule = 'repeat' | 'adapt';

interface ImageChannels {
  readonly in_channels: number | null;
  readonly out_channels: number | null;
}

/** The layers that see the image's channels. */
interface OuterLayers {
  readonly first: string;
  readonly last: string;
}

export const VAE_OUTER_LAYERS: OuterLayers = Object.freeze({ first: 'encoder.conv_in', last: 'decoder.conv_out' });
export const UNET_OUTER_LAYERS: OuterLayers = Object.freeze({ first: 'conv_in', last: 'conv_out' });

/** Whether a rule is needed at all: whether the network is for images of more than one channel. */
export function hasSeveralChannels({ in_channels: inChannels, out_channels: outChannels }: ImageChannels): boolean {
  return inChannels !== 1 || outChannels !== 1;
}

/**
 * The configuration under a rule.
 *
 * @param where names the configuration in errors
 * @throws MelstromError when channels in and out differ, so that no rule fits
 */
export function channelRuleConfig<C extends ImageChannels>(config: C, rule: ChannelRule, where: string): C {
  const { in_channels: inChannels, out_channels: outChannels } = config;
  if (inChannels !== outChannels) {
    throw new MelstromError({ kind: 'checkpoint', where: `${where}: in_channels and out_channels`, got: `${inChannels} and ${outChannels}`, expected: 'the same number, of which a spectrogram can take the place' });
  }
  return rule === 'repeat' ? config : { ...config, in_channels: 1, out_channels: 1 };
}

/** The weights under a rule. Sums and means are taken in double precision and rounded once. */
export function channelRuleSource(source: TensorSource, rule: ChannelRule, { first, last }: OuterLayers): TensorSource {
  if (rule === 'repeat') return source;
  return changedSource(source, new Map<string, TensorChange>([
    [`${first}.weight`, { shape: ([outer, , ...kernel]) => [outer, 1, ...kernel], apply: (values, shape) => reduceAxis(values, shape, { axis: 1, isMean: false }) }],
    [`${last}.weight`, { shape: ([, ...rest]) => [1, ...rest], apply: (values, shape) => reduceAxis(values, shape, { axis: 0, isMean: true }) }],
    [`${last}.bias`, { shape: () => [1], apply: (values, shape) => reduceAxis(values, shape, { axis: 0, isMean: true }) }],
  ]));
}

/** Sum or mean over one axis, which becomes 1 long. */
function reduceAxis(values: Float32Array, shape: readonly number[], { axis, isMean }: { axis: number; isMean: boolean }): Float32Array {
  const length = shape[axis];
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const outer = values.length / (length * inner);
  return Float32Array.from({ length: outer * inner }, (_, index) => {
    const start = Math.floor(index / inner) * length * inner + (index % inner);
    let sum = 0;
    for (let item = 0; item < length; item += 1) sum += values[start + item * inner];
    return isMean ? sum / length : sum;
  });
}

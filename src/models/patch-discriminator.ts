// The critic of the autoencoder's training: for each patch of an image, how real it looks. Knows no loss.
import * as tf from '@tensorflow/tfjs';
import { requireInteger, requireShape } from '../base/checks.js';
import { createConv2d, createGroupNorm } from '../nn/layers.js';
import { ParameterTree, scopeOf } from '../nn/parameters.js';
import type { NetworkOptions } from './autoencoder-kl.js';

export interface PatchDiscriminatorConfig {
  readonly inChannels: number;
  /** Channels of the first layer; doubled by each further one, up to eight times. A multiple of 8. */
  readonly channels: number;
  /** Layers that halve. Each doubles the side of the patch that is judged; 3 give 70 cells. */
  readonly layers: number;
}

export interface PatchDiscriminator {
  readonly config: PatchDiscriminatorConfig;
  readonly parameters: ParameterTree;
  /** Shape: [B, M, N, inChannels] -> [B, patch rows, patch columns, 1]: scores, higher for what looks real. */
  forward(image: tf.Tensor4D): tf.Tensor4D;
  dispose(): void;
}

const SLOPE = 0.2;
const CHANNELS_PER_GROUP = 8;

/**
 * Source: Isola et al., "Image-to-image translation with conditional adversarial networks" (2017), appendix 6.1.2, with
 * group instead of batch normalisation, so that items of a batch do not see each other.
 */
export function createPatchDiscriminator(config: PatchDiscriminatorConfig, { seed }: NetworkOptions): PatchDiscriminator {
  const { inChannels, channels, layers } = config;
  requireInteger('discriminator: layers', layers, { min: 1, max: 8 });
  requireInteger('discriminator: channels / 8', channels / CHANNELS_PER_GROUP, { min: 1, fix: 'Use a multiple of 8.' });
  const parameters = new ParameterTree(seed);
  const root = scopeOf(parameters);
  const steps: ((x: tf.Tensor4D) => tf.Tensor4D)[] = [];
  let width = inChannels;
  for (let layer = 0; layer <= layers; layer += 1) {
    const outChannels = channels * 2 ** Math.min(layer, 3);
    const scope = root.at('layers', layer);
    const isFirst = layer === 0;
    steps.push(createConv2d(scope.at('conv'), { inChannels: width, outChannels, kernelSize: 4, stride: layer < layers ? 2 : 1, padding: [1, 1], hasBias: isFirst }));
    if (!isFirst) steps.push(createGroupNorm(scope.at('norm'), { channels: outChannels, groups: outChannels / CHANNELS_PER_GROUP, epsilon: 1e-5, silu: false }));
    steps.push((x) => tf.leakyRelu(x, SLOPE));
    width = outChannels;
  }
  steps.push(createConv2d(root.at('conv_out'), { inChannels: width, outChannels: 1, kernelSize: 4, padding: [1, 1] }));

  return {
    config,
    parameters,
    forward(image) {
      requireShape('discriminator: image', image.shape, [null, null, null, inChannels]);
      return steps.reduce((value, step) => step(value), image);
    },
    dispose: () => parameters.dispose(),
  };
}

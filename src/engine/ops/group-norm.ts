// Group normalisation with an optional SiLU after it, as one operation with one gradient.
import * as tf from '@tensorflow/tfjs';
import { requireInteger, requireShape } from '../../base/checks.js';
import { MelstromError } from '../../base/errors.js';
import { groupNormComposed, groupNormGradientComposed } from './_group-norm-composed.js';
import { defineOperation } from './define-operation.js';
import { attribute, hasNativeKernel, requireTensorflow } from './native-kernels.js';

/** `groups` divides the channels; `epsilon` is added to the variance; `silu` multiplies the result by its own sigmoid. */
export interface GroupNormOptions {
  readonly groups: number;
  readonly epsilon: number;
  readonly silu: boolean;
}

function nativeAttributes({ groups, epsilon, silu }: GroupNormOptions) {
  return [attribute.int('groups', groups), attribute.float('epsilon', epsilon), attribute.bool('silu', silu)];
}

const runGroupNorm = defineOperation<GroupNormOptions>({
  name: 'GroupNorm',
  saveInputs: ['x', 'gamma', 'beta'],
  saveOutputs: [false, true, true],
  forward: ({ x, gamma, beta }, options) =>
    hasNativeKernel('GroupNorm')
      ? requireTensorflow().executeMultipleOutputs('MelstromGroupNorm', nativeAttributes(options), [x, gamma, beta], 3)
      : groupNormComposed(x as tf.Tensor4D, gamma, beta, options),
  gradient: (dy, saved, options) => {
    const [x, gamma, beta, mean, inverseDeviation] = saved;
    const [dx, dGamma, dBeta] = hasNativeKernel('GroupNorm')
      ? requireTensorflow().executeMultipleOutputs('MelstromGroupNormGrad', nativeAttributes(options), [dy, x, gamma, beta, mean, inverseDeviation], 3)
      : tf.tidy(() => groupNormGradientComposed(dy, { x: x as tf.Tensor4D, gamma, beta, mean, inverseDeviation }, options));
    return { x: () => dx, gamma: () => dGamma, beta: () => dBeta };
  },
});

/**
 * Normalises each group of channels of each item to mean 0 and variance 1, then scales and shifts each channel.
 *
 * Shape: x [B, H, W, C], gamma [C], beta [C] -> [B, H, W, C].
 * Source: Wu and He, "Group normalization" (2018); equal to PyTorch's GroupNorm on the same channels.
 * @throws MelstromError when the groups do not divide the channels.
 */
export function groupNorm(x: tf.Tensor4D, gamma: tf.Tensor, beta: tf.Tensor, options: GroupNormOptions): tf.Tensor4D {
  const channels = x.shape[3];
  requireInteger('groupNorm: groups', options.groups, { min: 1, max: channels });
  if (channels % options.groups !== 0) {
    throw new MelstromError({
      kind: 'usage',
      where: 'groupNorm: groups',
      got: String(options.groups),
      expected: `a divisor of the ${channels} channels`,
    });
  }
  requireShape('groupNorm: gamma', gamma.shape, [channels]);
  requireShape('groupNorm: beta', beta.shape, [channels]);
  const [y, mean, inverseDeviation] = runGroupNorm({ x, gamma, beta }, options);
  mean.dispose();
  inverseDeviation.dispose();
  return y as tf.Tensor4D;
}

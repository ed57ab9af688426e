// Group normalisation with an optional SiLU after it, as one operation with one gradient.
import * as tf from '@tensorflow/tfjs';
import { requireInteger, requireShape } from '../../base/checks.js';
import { MelstromError } from '../../base/errors.js';
import { groupNormComposed, groupNormGradientComposed } from './_group-norm-composed.js';
import { defineOperation } from './define-operation.js';
import { formatAttribute } from './_half-tensors.js';
import { attribute, hasNativeKernel, requireTensorflow, type OpAttribute } from './native-kernels.js';

/** `groups` divides the channels; `epsilon` is added to the variance; `silu` multiplies the result by its own sigmoid. */
export interface GroupNormOptions {
  readonly groups: number;
  readonly epsilon: number;
  readonly silu: boolean;
}

/** What both native kernels are told; `isHalf` is the format of the forward's result and of the gradient that comes in. */
export function groupNormAttributes({ groups, epsilon, silu }: GroupNormOptions, isHalf: boolean): OpAttribute[] {
  return [formatAttribute(isHalf), attribute.int('groups', groups), attribute.float('epsilon', epsilon), attribute.bool('silu', silu)];
}

const runGroupNorm = defineOperation<GroupNormOptions>({
  name: 'GroupNorm',
  saveInputs: ['x', 'gamma', 'beta'],
  saveOutputs: [false, true, true],
  forward: ({ x, gamma, beta }, options) =>
    hasNativeKernel('GroupNorm')
      ? requireTensorflow().executeMultipleOutputs('MelstromGroupNorm', groupNormAttributes(options, false), [x, gamma, beta], 3)
      : groupNormComposed(x as tf.Tensor4D, gamma, beta, options),
  gradient: (dy, saved, options) => {
    const [x, gamma, beta, mean, inverseDeviation] = saved;
    const [dx, dGamma, dBeta] = hasNativeKernel('GroupNorm')
      ? requireTensorflow().executeMultipleOutputs('MelstromGroupNormGrad', groupNormAttributes(options, false), [dy, x, gamma, beta, mean, inverseDeviation], 3)
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
  requireGroups(x, gamma, beta, options);
  const [y, mean, inverseDeviation] = runGroupNorm({ x, gamma, beta }, options);
  mean.dispose();
  inverseDeviation.dispose();
  return y as tf.Tensor4D;
}

export function requireGroups(x: tf.Tensor4D, gamma: tf.Tensor, beta: tf.Tensor, { groups }: GroupNormOptions): void {
  const channels = x.shape[3];
  requireInteger('groupNorm: groups', groups, { min: 1, max: channels });
  if (channels % groups !== 0) {
    throw new MelstromError({ kind: 'usage', where: 'groupNorm: groups', got: String(groups), expected: `a divisor of the ${channels} channels` });
  }
  requireShape('groupNorm: gamma', gamma.shape, [channels]);
  requireShape('groupNorm: beta', beta.shape, [channels]);
}

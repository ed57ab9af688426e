// Group normalisation, SiLU and convolution as one operation: what lies between them stays in the convolution's number format.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../../base/checks.js';
import { isSamePadded, isUnpadded, resolveGeometry, type ConvGeometry, type ConvPadding } from './_conv2d-geometry.js';
import { usesHalf } from './_conv2d-tensorflow.js';
import { convolveFloat, inputGradientFloat, kernelGradientFloat } from './_float-products.js';
import { convolveHalf, inputGradientHalf, kernelGradientHalf } from './_half-products.js';
import { halveGradientByItem, runRaw } from './_half-tensors.js';
import { addTimeEmbedding } from './add-time-embedding.js';
import { channelSum } from './channel-sum.js';
import { conv2d } from './conv2d.js';
import { defineOperation } from './define-operation.js';
import { groupNorm, groupNormAttributes, requireGroups, type GroupNormOptions } from './group-norm.js';
import { attribute, hasNativeKernel } from './native-kernels.js';

export interface NormConv2dInputs {
  /** Shape: [B, H, W, Cin]. */
  readonly x: tf.Tensor4D;
  /** Scale and shift of the normalisation. Shape: [Cin] each. */
  readonly gamma: tf.Tensor;
  readonly beta: tf.Tensor;
  /** Shape: [kh, kw, Cin, Cout]. */
  readonly kernel: tf.Tensor4D;
  /** Shape: [Cout]. */
  readonly bias: tf.Tensor;
  /** Added to the result. Shape: [B, H, W, Cout]. */
  readonly residual?: tf.Tensor4D;
  /** Added to every row and column of its item. Shape: [B, Cout]. */
  readonly embedding?: tf.Tensor2D;
}

interface Attributes extends GroupNormOptions {
  readonly geometry: ConvGeometry;
  readonly isHalf: boolean;
}

/** Outputs: the result in float32; what was convolved, in the convolution's format; mean and inverse deviation of each group. */
const runNormConv2d = defineOperation<Attributes>({
  name: 'NormConv2d',
  saveInputs: ['x', 'gamma', 'beta', 'kernel'],
  saveOutputs: [false, true, true, true],
  forward: ({ x, gamma, beta, kernel, bias, residual, embedding }, attributes) => {
    const { geometry, isHalf } = attributes;
    const [hidden, mean, inverse] = runRaw('MelstromGroupNorm', groupNormAttributes(attributes, isHalf), [x, gamma, beta], 3);
    const addends = { bias, residual, embedding };
    const y = isHalf ? convolveHalf(hidden, kernel, geometry, addends) : convolveFloat(hidden, kernel, geometry, addends);
    return [y, hidden, mean, inverse];
  },
  gradient: (dy, [x, gamma, beta, kernel, hidden, mean, inverse], attributes) => {
    const { geometry, isHalf } = attributes;
    const [dx, dGamma, dBeta, dKernel, dBias, dEmbedding] = tf.tidy(() => {
      const { half, sum, itemSums } = isHalf ? halveGradientByItem(dy) : floatSums(dy);
      const filter = isHalf ? kernelGradientHalf(hidden, half, geometry) : kernelGradientFloat(hidden, dy, geometry);
      const dHidden = isHalf ? inputGradientHalf(half, kernel, geometry, { isHalf }) : inputGradientFloat(dy, kernel, geometry);
      const norm = runRaw('MelstromGroupNormGrad', groupNormAttributes(attributes, isHalf), [dHidden, x, gamma, beta, mean, inverse], 3);
      return [...norm, filter, sum, itemSums];
    });
    return {
      x: () => dx,
      gamma: () => dGamma,
      beta: () => dBeta,
      kernel: () => dKernel,
      bias: () => dBias,
      residual: () => dy.clone(),
      embedding: () => dEmbedding,
    };
  },
});

/**
 * Normalises, applies SiLU on request, convolves with stride 1, then adds bias, residual and embedding.
 *
 * Shape: x [B, H, W, Cin] -> [B, H', W', Cout].
 * @throws MelstromError when the groups do not divide the channels, or shapes do not fit.
 */
export function normConv2d(inputs: NormConv2dInputs, options: GroupNormOptions & { readonly padding: ConvPadding }): tf.Tensor4D {
  const { x, gamma, beta, kernel, bias, residual, embedding } = inputs;
  const { padding, groups, epsilon, silu } = options;
  const norm = { groups, epsilon, silu };
  const geometry = resolveGeometry(x.shape, kernel.shape, { stride: 1, padding });
  if (!hasNativeKernel('GroupNorm') || !(isUnpadded(geometry) || isSamePadded(geometry))) {
    return tf.tidy(() => {
      const convolved = conv2d(groupNorm(x, gamma, beta, norm), kernel, bias, { padding, residual });
      return embedding === undefined ? convolved : addTimeEmbedding(convolved, embedding);
    });
  }
  requireGroups(x, gamma, beta, norm);
  requireShape('normConv2d: x', x.shape, [null, null, null, kernel.shape[2]]);
  requireShape('normConv2d: bias', bias.shape, [kernel.shape[3]]);
  if (residual !== undefined) requireShape('normConv2d: residual', residual.shape, geometry.outputShape);
  if (embedding !== undefined) requireShape('normConv2d: embedding', embedding.shape, [x.shape[0], kernel.shape[3]]);
  const given: Record<string, tf.Tensor> = { x, gamma, beta, kernel, bias };
  if (residual !== undefined) given.residual = residual;
  if (embedding !== undefined) given.embedding = embedding;
  const [y, ...kept] = runNormConv2d(given, { ...norm, geometry, isHalf: usesHalf(geometry) });
  tf.dispose(kept);
  return y as tf.Tensor4D;
}

function floatSums(dy: tf.Tensor): { half: tf.Tensor; sum: tf.Tensor; itemSums: tf.Tensor } {
  return { half: dy, sum: channelSum(dy), itemSums: runRaw('MelstromChannelSum', [attribute.bool('per_item', true)], [dy])[0] };
}

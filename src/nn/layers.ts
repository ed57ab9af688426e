// The layers with parameters that networks are made of. Each maker adds its parameters to a scope and returns the function.
import * as tf from '@tensorflow/tfjs';
import { addBias, conv2d, depthwiseConv1d, groupNorm, layerNorm, linear, matMul, normConv2d } from '../engine/ops/index.js';
import { normal, ones, uniformByFanIn, zeros, type Initialiser } from './initialisers.js';
import type { ParameterScope } from './parameters.js';

export interface ConvLayerOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Rows and columns of the kernel alike. */
  readonly kernelSize: number;
  /** Default 1. */
  readonly stride?: number;
  /** Zeros before and after rows and columns alike: [before, after]. */
  readonly padding: readonly [number, number];
  /** Default true. */
  readonly hasBias?: boolean;
}

/** Shape: [B, H, W, inChannels] -> [B, H', W', outChannels]; the residual, of the result's shape, is added to it. */
export type ConvLayer = (x: tf.Tensor4D, residual?: tf.Tensor4D) => tf.Tensor4D;

/** A two-dimensional convolution. Parameters: weight, bias. */
export function createConv2d(scope: ParameterScope, options: ConvLayerOptions): ConvLayer {
  const { stride = 1, padding, hasBias = true } = options;
  const kernel = addKernel(scope, options);
  const bias = hasBias ? addConvBias(scope, options) : null;
  return (x, residual) => conv2d(x, kernel, bias, { stride, padding: [padding, padding], residual });
}

interface ConvSizes {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: number;
}

function addKernel(scope: ParameterScope, { inChannels, outChannels, kernelSize }: ConvSizes): tf.Tensor4D {
  const initialise = uniformByFanIn(inChannels * kernelSize * kernelSize);
  return scope.add('weight', { shape: [kernelSize, kernelSize, inChannels, outChannels], layout: 'conv', initialise }) as unknown as tf.Tensor4D;
}

function addConvBias(scope: ParameterScope, { inChannels, outChannels, kernelSize }: ConvSizes): tf.Tensor {
  return scope.add('bias', { shape: [outChannels], layout: 'plain', initialise: uniformByFanIn(inChannels * kernelSize * kernelSize) });
}

export interface Conv1dLayerOptions {
  readonly channels: number;
  /** Odd; as many zeros at either end as keep the length. */
  readonly kernelSize: number;
  /** Of the kernel; the bias starts at 0. */
  readonly initialise: Initialiser;
}

/** A convolution over time. Parameters: weight, bias. Shape: [B, N, inChannels] -> [B, N, channels]. */
export function createConv1d(scope: ParameterScope, { inChannels, channels, kernelSize, initialise }: Conv1dLayerOptions & { readonly inChannels: number }) {
  const kernel = scope.add('weight', { shape: [kernelSize, inChannels, channels], layout: 'conv1d', initialise });
  const bias = scope.add('bias', { shape: [channels], layout: 'plain', initialise: zeros });
  const zerosAround = (kernelSize - 1) / 2;
  return (x: tf.Tensor3D): tf.Tensor3D => {
    const [batch, frames] = x.shape;
    const image = tf.reshape(x, [batch, 1, frames, inChannels]) as tf.Tensor4D;
    const convolved = conv2d(image, tf.expandDims<tf.Tensor4D>(kernel, 0), bias, { padding: [[0, 0], [zerosAround, zerosAround]] });
    return tf.reshape(convolved, [batch, frames, channels]);
  };
}

/** A convolution over time of every channel by itself. Parameters: weight, bias. Shape: [B, N, channels], kept. */
export function createDepthwiseConv1d(scope: ParameterScope, { channels, kernelSize, initialise }: Conv1dLayerOptions) {
  const kernel = scope.add('weight', { shape: [kernelSize, 1, channels], layout: 'conv1d', initialise });
  const bias = scope.add('bias', { shape: [channels], layout: 'plain', initialise: zeros });
  return (x: tf.Tensor3D): tf.Tensor3D => addBias(depthwiseConv1d(x, tf.reshape(kernel, [kernelSize, channels])), bias);
}

export interface LinearOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Default true. */
  readonly hasBias?: boolean;
  /** Of the weight, with a bias that starts at 0. Default: uniform by the number of inputs, the bias too. */
  readonly initialise?: Initialiser;
}

/** A matrix product over the last axis. Parameters: weight, bias. Shape: [..., inChannels] -> [..., outChannels]. */
export function createLinear(scope: ParameterScope, { inChannels, outChannels, hasBias = true, initialise }: LinearOptions) {
  const byFanIn = uniformByFanIn(inChannels);
  const weight = scope.add('weight', { shape: [inChannels, outChannels], layout: 'linear', initialise: initialise ?? byFanIn });
  const bias = hasBias ? scope.add('bias', { shape: [outChannels], layout: 'plain', initialise: initialise === undefined ? byFanIn : zeros }) : null;
  return <T extends tf.Tensor>(x: T): T => {
    const y = linear(tf.reshape(x, [-1, inChannels]) as tf.Tensor2D, weight, bias);
    return tf.reshape(y, [...x.shape.slice(0, -1), outChannels]) as T;
  };
}

export interface GroupNormLayerOptions {
  readonly channels: number;
  readonly groups: number;
  readonly epsilon: number;
  /** Whether SiLU follows. */
  readonly silu: boolean;
}

/** Group normalisation with scale and shift per channel. Parameters: weight, bias. Shape: [B, H, W, channels], kept. */
export function createGroupNorm(scope: ParameterScope, { channels, groups, epsilon, silu }: GroupNormLayerOptions) {
  const { gamma, beta } = groupNormParameters(scope, channels);
  return (x: tf.Tensor4D): tf.Tensor4D => groupNorm(x, gamma, beta, { groups, epsilon, silu });
}

function groupNormParameters(scope: ParameterScope, channels: number): { gamma: tf.Tensor; beta: tf.Tensor } {
  const gamma = scope.add('weight', { shape: [channels], layout: 'plain', initialise: ones });
  const beta = scope.add('bias', { shape: [channels], layout: 'plain', initialise: zeros });
  return { gamma, beta };
}

export interface NormConvOptions extends Omit<GroupNormLayerOptions, 'channels'> {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: number;
  readonly padding: readonly [number, number];
}

/** The two layers as one, and each alone for what has to happen between them. */
export interface NormConvLayer {
  /** Shape: x [B, H, W, inChannels], residual [B, H', W', outChannels], embedding [B, outChannels] -> [B, H', W', outChannels]. */
  (x: tf.Tensor4D, extras?: { readonly residual?: tf.Tensor4D; readonly embedding?: tf.Tensor2D }): tf.Tensor4D;
  readonly normalise: (x: tf.Tensor4D) => tf.Tensor4D;
  readonly convolve: ConvLayer;
}

/** Group normalisation, SiLU on request, and a convolution. Parameters: weight and bias in either scope. */
export function createNormConv(scopes: { readonly norm: ParameterScope; readonly conv: ParameterScope }, options: NormConvOptions): NormConvLayer {
  const { padding, groups, epsilon, silu } = options;
  const norm = groupNormParameters(scopes.norm, options.inChannels);
  const conv = { kernel: addKernel(scopes.conv, options), bias: addConvBias(scopes.conv, options) };
  const settings = { groups, epsilon, silu, padding: [padding, padding] as const };
  return Object.assign(
    (x: tf.Tensor4D, extras: { residual?: tf.Tensor4D; embedding?: tf.Tensor2D } = {}) => normConv2d({ x, ...norm, ...conv, ...extras }, settings),
    {
      normalise: (x: tf.Tensor4D) => groupNorm(x, norm.gamma, norm.beta, { groups, epsilon, silu }),
      convolve: (x: tf.Tensor4D, residual?: tf.Tensor4D) => conv2d(x, conv.kernel, conv.bias, { padding: settings.padding, residual }),
    },
  );
}

/** Layer normalisation over the last axis. Parameters: weight, bias. Shape: [..., channels], kept. */
export function createLayerNorm(scope: ParameterScope, { channels, epsilon }: { readonly channels: number; readonly epsilon: number }) {
  const gamma = scope.add('weight', { shape: [channels], layout: 'plain', initialise: ones });
  const beta = scope.add('bias', { shape: [channels], layout: 'plain', initialise: zeros });
  return <T extends tf.Tensor>(x: T): T => layerNorm(x, gamma, beta, { epsilon });
}

/**
 * A table of vectors. Parameter: weight. Shape: indices [B] in [0, rows) -> [B, width]; an index out of range gives zeros.
 * Picked by a matrix product, because not every engine has the gradient of gathering rows.
 */
export function createEmbedding(scope: ParameterScope, { rows, width }: { readonly rows: number; readonly width: number }) {
  const table = scope.add('weight', { shape: [rows, width], layout: 'plain', initialise: normal(1) });
  return (indices: tf.Tensor1D): tf.Tensor2D => {
    // tf.oneHot refuses a table of one row, and asked for float32, wasm would write an integer's bits.
    const isRow = tf.equal(tf.expandDims(tf.cast(indices, 'int32'), 1), tf.range(0, rows, 1, 'int32'));
    return matMul(tf.cast(isRow, 'float32'), table) as tf.Tensor2D;
  };
}

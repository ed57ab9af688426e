// A vocoder in the shape of Vocos: ConvNeXt blocks at frame rate, then a spectrum whose inverse transform is the sound. Knows no loss and no codec.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import type { VocosConfig } from '../config/vocoder.js';
import { checkpointed } from '../nn/checkpoint.js';
import { normal, type Initialiser } from '../nn/initialisers.js';
import { createConv1d, createDepthwiseConv1d, createLayerNorm, createLinear } from '../nn/layers.js';
import { gelu } from '../nn/operations.js';
import { ParameterTree, scopeOf, type ParameterScope } from '../nn/parameters.js';
import { createInverseStft, hannWindow } from './_inverse-stft.js';
import type { NetworkOptions } from './autoencoder-kl.js';

/** A straight line from mel image values to logarithms of magnitudes: what an image says of them by itself. */
export interface MagnitudePrior {
  /** Shape: [M, F]. */
  readonly weights: Float32Array;
  /** Shape: [F]. */
  readonly bias: Float32Array;
}

/** Memory: `parameters` owns the variables; results are the caller's, best freed by tf.tidy around the call. */
export interface Vocos {
  readonly config: VocosConfig;
  readonly parameters: ParameterTree;
  /** Frames to either side that a frame of the spectrum depends on. */
  readonly contextFrames: number;
  /** Shape: mel [B, N, M] -> [B, N, F], of the unscaled transform. A frame whose every cell is -1 gives zeros. */
  magnitudes(mel: tf.Tensor3D): tf.Tensor3D;
  /** Real parts then imaginary parts of such magnitudes with phases. Only where config.predicts is spectrum. Shape: mel [B, N, M] -> [B, N, 2·F]. */
  spectrum(mel: tf.Tensor3D): tf.Tensor3D;
  /** Only where config.predicts is spectrum. Shape: mel [B, N, M] -> sound [B, (N - 1)·hop_length]. */
  forward(mel: tf.Tensor3D): tf.Tensor2D;
  dispose(): void;
}

export interface VocosOptions extends NetworkOptions {
  /** Needed when config.mel_prior is true. */
  readonly prior?: MagnitudePrior;
}

const KERNEL_SIZE = 7;
const EPSILON = 1e-6;
const START = normal(0.02);
/** So small that what comes out at first is the prior. */
const NEARLY_NOTHING = normal(0.002);

/**
 * Creates the network.
 *
 * Source: Siuzdak, "Vocos: closing the gap between time-domain and Fourier-based neural vocoders" (2023), section 3; names and arithmetic
 * of vocos 0.1, VocosBackbone without adaptive normalisation and ISTFTHead, whose feature extractor is not part of it. A network that predicts
 * magnitudes has the backbone and half of the head; that is ours.
 */
export function createVocos(config: VocosConfig, { seed, prior }: VocosOptions): Vocos {
  const { input_channels: melBins, dim, num_layers: count, n_fft: size, win_length: windowLength, predicts } = config;
  const parameters = new ParameterTree(seed);
  const root = scopeOf(parameters);
  const backbone = root.at('backbone');
  const bins = size / 2 + 1;
  const embed = createConv1d(backbone.at('embed'), { inChannels: melBins, channels: dim, kernelSize: KERNEL_SIZE, initialise: START });
  const norm = createLayerNorm(backbone.at('norm'), { channels: dim, epsilon: EPSILON });
  const blocks = Array.from({ length: count }, (_, index) => checkpointed<tf.Tensor3D, object>(backbone.at('convnext', index), [], (scope) => createConvNextBlock(scope, config)));
  const finalNorm = createLayerNorm(backbone.at('final_layer_norm'), { channels: dim, epsilon: EPSILON });
  const hasPhases = predicts === 'spectrum';
  const toSpectrum = createLinear(root.at('head', 'out'), { inChannels: dim, outChannels: hasPhases ? 2 * bins : bins, ...(!hasPhases && { initialise: NEARLY_NOTHING }) });
  if (hasPhases) root.at('head', 'istft').add('window', { shape: [windowLength], layout: 'plain', initialise: hannWindow, isTrainable: false }); // the reference keeps it in its files
  const invert = hasPhases ? createInverseStft(config) : null;

  const headOf = (mel: tf.Tensor3D): tf.Tensor3D => {
    requireShape('vocos: mel', mel.shape, [null, null, melBins]);
    return toSpectrum(finalNorm(blocks.reduce((value, block) => block(value, {}), norm(embed(mel))))); // [B, N, dim] -> [B, N, F or 2·F]
  };
  const magnitudesOf = (mel: tf.Tensor3D, logMagnitude: tf.Tensor): tf.Tensor3D => {
    const whole = config.mel_prior ? tf.add(logMagnitude, priorOf(mel, prior!, bins)) : logMagnitude;
    return tf.mul(tf.exp(tf.minimum(whole, Math.log(config.max_magnitude))), sounding(mel));
  };
  const spectrum = (mel: tf.Tensor3D): tf.Tensor3D => {
    if (!hasPhases) throw new MelstromError({ kind: 'internal', where: 'vocos: spectrum', got: `a network that predicts ${predicts}`, expected: 'one that predicts a spectrum' });
    const [logMagnitude, phase] = tf.split(headOf(mel), [bins, bins], 2);
    const heard = magnitudesOf(mel, logMagnitude);
    return tf.concat([tf.mul(heard, tf.cos(phase)), tf.mul(heard, tf.sin(phase))], 2) as tf.Tensor3D;
  };
  return {
    config, parameters, spectrum,
    contextFrames: ((KERNEL_SIZE - 1) / 2) * (count + 1),
    magnitudes: (mel) => magnitudesOf(mel, hasPhases ? tf.slice(headOf(mel), [0, 0, 0], [-1, -1, bins]) : headOf(mel)),
    forward: (mel) => invert!(spectrum(mel)), // the argument is made first, and says what is wrong
    dispose: () => parameters.dispose(),
  };
}

/** 1 where the image has any sound, 0 in frames of silence. Shape: [B, N, M] -> [B, N, 1]. */
function sounding(mel: tf.Tensor3D): tf.Tensor {
  return tf.cast(tf.greater(tf.max(mel, 2, true), -1), 'float32');
}

/** Depthwise convolution, normalisation, two linear layers with a GELU between, scale, add. Parameters: dwconv, norm, pwconv1, pwconv2, gamma. */
function createConvNextBlock(scope: ParameterScope, { dim, intermediate_dim: inner, layer_scale_init_value: scale }: VocosConfig): (x: tf.Tensor3D) => tf.Tensor3D {
  const mix = createDepthwiseConv1d(scope.at('dwconv'), { channels: dim, kernelSize: KERNEL_SIZE, initialise: START });
  const norm = createLayerNorm(scope.at('norm'), { channels: dim, epsilon: EPSILON });
  const expand = createLinear(scope.at('pwconv1'), { inChannels: dim, outChannels: inner, initialise: START });
  const contract = createLinear(scope.at('pwconv2'), { inChannels: inner, outChannels: dim, initialise: START });
  const gamma = scope.add('gamma', { shape: [dim], layout: 'plain', initialise: constant(scale) });
  return (x) => tf.add(x, tf.mul(contract(gelu(expand(norm(mix(x))))), gamma));
}

function constant(value: number): Initialiser {
  return (count) => new Float32Array(count).fill(value);
}

/** Shape: [B, N, M] -> [B, N, F]. In float32 whatever the precision of training: a share of 1/250 would be heard as a wrong level. */
function priorOf(mel: tf.Tensor3D, { weights, bias }: MagnitudePrior, bins: number): tf.Tensor3D {
  const [batch, frames, melBins] = mel.shape;
  const flat = tf.matMul(tf.reshape(mel, [batch * frames, melBins]), tf.tensor2d(weights, [melBins, bins]));
  return tf.reshape(tf.add(flat, tf.tensor1d(bias)), [batch, frames, bins]);
}

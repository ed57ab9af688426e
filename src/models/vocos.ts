// A vocoder in the shape of Vocos: ConvNeXt blocks at frame rate, then a spectrum whose inverse transform is the sound. Knows no loss and no codec.
import * as tf from '@tensorflow/tfjs';
import { requireShape } from '../base/checks.js';
import type { VocosConfig } from '../config/vocoder.js';
import { checkpointed } from '../nn/checkpoint.js';
import { normal, type Initialiser } from '../nn/initialisers.js';
import { createConv1d, createDepthwiseConv1d, createLayerNorm, createLinear } from '../nn/layers.js';
import { gelu } from '../nn/operations.js';
import { ParameterTree, scopeOf, type ParameterScope } from '../nn/parameters.js';
import { cellContextFrames, createCellNetwork } from './_cell-network.js';
import { createInverseStft, hannWindow } from './_inverse-stft.js';
import { changed, startFeatures } from './_start-spectrum.js';
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
  /**
   * Shape: mel [B, N, M] -> [B, N, 2·F], real parts then imaginary parts, of the unscaled transform. A frame whose every cell is -1 gives zeros.
   *
   * @param start needed exactly when config.from_inverter is true: the spectrum to begin at, of the shape of the result
   */
  spectrum(mel: tf.Tensor3D, start?: tf.Tensor3D): tf.Tensor3D;
  /** Shape: mel [B, N, M] -> sound [B, (N - 1)·hop_length]. */
  forward(mel: tf.Tensor3D, start?: tf.Tensor3D): tf.Tensor2D;
  dispose(): void;
}

export interface VocosOptions extends NetworkOptions {
  /** Needed when config.mel_prior is true and config.from_inverter is not. */
  readonly prior?: MagnitudePrior;
}

const KERNEL_SIZE = 7;
const EPSILON = 1e-6;
const START = normal(0.02);
/** So small that what comes out at first is what went in. */
const NEARLY_NOTHING = normal(0.002);

/**
 * Creates the network.
 *
 * Source: Siuzdak, "Vocos: closing the gap between time-domain and Fourier-based neural vocoders" (2023), section 3; names and arithmetic
 * of vocos 0.1, VocosBackbone without adaptive normalisation and ISTFTHead, whose feature extractor is not part of it. With from_inverter
 * a second embedding is added to the first, and the head changes a spectrum instead of making one: that is ours; and so is the network of cells
 * that stands in place of both where config.mixing asks for it.
 */
export function createVocos(config: VocosConfig, options: VocosOptions): Vocos {
  return config.from_inverter && config.mixing === 'cells' ? createOfCells(config, options) : createOfFrames(config, options);
}

/** Whatever the image, it has no say but where it is silent: the spectrum to begin at has been made from it. */
function createOfCells(config: VocosConfig, { seed }: NetworkOptions): Vocos {
  const { input_channels: melBins, n_fft: size } = config;
  const parameters = new ParameterTree(seed);
  const change = createCellNetwork(scopeOf(parameters).at('cells'), config);
  const invert = createInverseStft(config);
  const spectrum = (mel: tf.Tensor3D, start?: tf.Tensor3D): tf.Tensor3D => {
    requireShape('vocos: mel', mel.shape, [null, null, melBins]);
    requireShape('vocos: start', start?.shape ?? [], [...mel.shape.slice(0, 2), size + 2]);
    return tf.mul(changed(start!, change(start!)), sounding(mel));
  };
  return { config, parameters, contextFrames: cellContextFrames(config), spectrum, forward: (mel, start) => invert(spectrum(mel, start)), dispose: () => parameters.dispose() };
}

function createOfFrames(config: VocosConfig, { seed, prior }: VocosOptions): Vocos {
  const { input_channels: melBins, dim, num_layers: count, n_fft: size, win_length: windowLength } = config;
  const parameters = new ParameterTree(seed);
  const root = scopeOf(parameters);
  const backbone = root.at('backbone');
  const embed = createConv1d(backbone.at('embed'), { inChannels: melBins, channels: dim, kernelSize: KERNEL_SIZE, initialise: START });
  const bins = size / 2 + 1;
  const embedStart = config.from_inverter ? createLinear(backbone.at('embed_start'), { inChannels: 3 * bins, outChannels: dim, initialise: START }) : null;
  const norm = createLayerNorm(backbone.at('norm'), { channels: dim, epsilon: EPSILON });
  const blocks = Array.from({ length: count }, (_, index) => checkpointed<tf.Tensor3D, object>(backbone.at('convnext', index), [], (scope) => createConvNextBlock(scope, config)));
  const finalNorm = createLayerNorm(backbone.at('final_layer_norm'), { channels: dim, epsilon: EPSILON });
  const toSpectrum = createLinear(root.at('head', 'out'), { inChannels: dim, outChannels: size + 2, ...(config.from_inverter && { initialise: NEARLY_NOTHING }) });
  root.at('head', 'istft').add('window', { shape: [windowLength], layout: 'plain', initialise: hannWindow, isTrainable: false }); // the reference keeps it in its files
  const invert = createInverseStft(config);

  const spectrum = (mel: tf.Tensor3D, start?: tf.Tensor3D): tf.Tensor3D => {
    requireShape('vocos: mel', mel.shape, [null, null, melBins]);
    if (config.from_inverter) requireShape('vocos: start', start?.shape ?? [], [...mel.shape.slice(0, 2), 2 * bins]);
    const embedded = embedStart === null ? embed(mel) : tf.add<tf.Tensor3D>(embed(mel), embedStart(startFeatures(start!, config)));
    const hidden = finalNorm(blocks.reduce((value, block) => block(value, {}), norm(embedded)));
    const [logMagnitude, phase] = tf.split(toSpectrum(hidden), [bins, bins], 2); // [B, N, dim] -> twice [B, N, F]
    if (embedStart !== null) return tf.mul(changed(start!, { logGain: logMagnitude, turn: phase }), sounding(mel));
    const whole = config.mel_prior ? tf.add(logMagnitude, priorOf(mel, prior!, bins)) : logMagnitude;
    const magnitude = tf.exp(tf.minimum(whole, Math.log(config.max_magnitude)));
    const heard = tf.mul(magnitude, sounding(mel));
    return tf.concat([tf.mul(heard, tf.cos(phase)), tf.mul(heard, tf.sin(phase))], 2) as tf.Tensor3D;
  };
  const contextFrames = ((KERNEL_SIZE - 1) / 2) * (count + 1) + (config.from_inverter ? 1 : 0); // the first frame of a start is seen with the phase before it
  return { config, parameters, contextFrames, spectrum, forward: (mel, start) => invert(spectrum(mel, start)), dispose: () => parameters.dispose() };
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

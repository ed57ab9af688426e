// Convolutions and matrix products of bfloat16 tensors, summed in float32: by our own kernel where the processor has AMX tiles, else by
// TensorFlow's operations. A kernel or weight comes in as float32 and is rounded on the way.
import type * as tf from '@tensorflow/tfjs';
import { isSamePadded, type ConvGeometry } from './_conv2d-geometry.js';
import { convolve, inputGradient, kernelGradient } from './_conv2d-raw.js';
import { addTo, addendInputs, formatAttribute, runRaw, toFloat, toHalf, type Addends } from './_half-tensors.js';
import { attribute } from './native-kernels.js';
import { hasTiles } from './precision.js';

/** A convolution, of the geometry that both gradients are told too. Shapes as in conv2d, result in float32. */
export function convolveHalf(x: tf.Tensor, kernel: tf.Tensor, geometry: ConvGeometry, addends: Addends): tf.Tensor {
  if (isOurs(geometry)) return multiplyOnTiles(x, kernel, { addends });
  return addTo(convolve(x, toHalf(kernel), geometry, true), true, addends);
}

/** The gradient of a convolution's input, in bfloat16 on request. */
export function inputGradientHalf(dy: tf.Tensor, kernel: tf.Tensor, geometry: ConvGeometry, { isHalf }: { isHalf: boolean }): tf.Tensor {
  if (isOurs(geometry)) return multiplyOnTiles(dy, kernel, { isTurned: true, isHalf });
  const gradient = inputGradient(dy, toHalf(kernel), geometry, true);
  return isHalf ? gradient : toFloat(gradient);
}

/** The gradient of a convolution's kernel, in float32. */
export function kernelGradientHalf(x: tf.Tensor, dy: tf.Tensor, geometry: ConvGeometry): tf.Tensor {
  if (isOurs(geometry)) return kernelGradientOnTiles(x, dy, geometry.kernelShape[0]);
  return toFloat(kernelGradient(dy, x, geometry, true));
}

/** x·weight with what is added. Shape: x [N, Cin], weight [Cin, Cout] -> [N, Cout]. */
export function multiplyHalf(x: tf.Tensor, weight: tf.Tensor, addends: Addends): tf.Tensor {
  if (fitsTiles(weight.shape[0], weight.shape[1]!)) return multiplyOnTiles(x, weight, { addends });
  return addTo(runProduct([x, toHalf(weight)], {}), true, addends);
}

/** The gradient of the first factor, in float32. Shape: dy [N, Cout], weight [Cin, Cout] -> [N, Cin]. */
export function factorGradientHalf(dy: tf.Tensor, weight: tf.Tensor): tf.Tensor {
  return fitsTiles(weight.shape[0], weight.shape[1]!) ? multiplyOnTiles(dy, weight, { isTurned: true }) : toFloat(runProduct([dy, toHalf(weight)], { transposeB: true }));
}

/** The gradient of the weight, in float32. Shape: x [N, Cin], dy [N, Cout] -> [Cin, Cout]. */
export function weightGradientHalf(x: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  return fitsTiles(x.shape[1]!, dy.shape[1]!) ? kernelGradientOnTiles(x, dy, 1) : toFloat(runProduct([x, dy], { transposeA: true }));
}

/** What our kernel does: square kernels of odd size, stride 1, the size kept. */
function isOurs(geometry: ConvGeometry): boolean {
  const { kernelShape: [height, width, inputs, outputs], stride } = geometry;
  return fitsTiles(inputs, outputs) && stride === 1 && height === width && height % 2 === 1 && isSamePadded(geometry);
}

/** A block of tiles is so wide; channels are filled up with zeros to whole blocks. */
const BLOCK = 32;
/** With more of them in vain TensorFlow's operations are faster. */
const MOST_FILLED = 1.5;

function fitsTiles(inputs: number, outputs: number): boolean {
  const filled = (channels: number): number => Math.ceil(channels / BLOCK) * BLOCK;
  return hasTiles() && filled(inputs) * filled(outputs) <= MOST_FILLED * inputs * outputs;
}

interface TileOptions {
  readonly addends?: Addends;
  /** The gradient of the input instead. */
  readonly isTurned?: boolean;
  /** The result in bfloat16. */
  readonly isHalf?: boolean;
}

function multiplyOnTiles(x: tf.Tensor, kernel: tf.Tensor, { addends = {}, isTurned = false, isHalf = false }: TileOptions): tf.Tensor {
  const { tensors, attributes } = addendInputs(addends);
  const { type, value } = formatAttribute(isHalf);
  return runRaw('MelstromConv2DHalf', [{ name: 'To', type, value }, ...attributes, attribute.bool('turned', isTurned)], [x, kernel, ...tensors])[0];
}

function kernelGradientOnTiles(x: tf.Tensor, dy: tf.Tensor, size: number): tf.Tensor {
  return runRaw('MelstromConv2DHalfKernelGrad', [attribute.int('size', size)], [x, dy])[0];
}

function runProduct(factors: readonly tf.Tensor[], { transposeA = false, transposeB = false }: { transposeA?: boolean; transposeB?: boolean }): tf.Tensor {
  return runRaw('MatMul', [formatAttribute(true), attribute.bool('transpose_a', transposeA), attribute.bool('transpose_b', transposeB)], factors)[0];
}

// Convolution and its gradients from tfjs operations that every engine has (wasm lacks the filter gradient's kernel).
import * as tf from '@tensorflow/tfjs';
import { isUnpadded, paddedShape, type ConvGeometry } from './_conv2d-geometry.js';

/** The tensors of one convolution. */
export interface ConvOperands {
  readonly x: tf.Tensor4D;
  readonly kernel: tf.Tensor4D;
  readonly bias: tf.Tensor | null;
  readonly residual: tf.Tensor | null;
}

export function convolveComposed({ x, kernel, bias, residual }: ConvOperands, geometry: ConvGeometry): tf.Tensor4D {
  let y = tf.conv2d(padInput(x, geometry), kernel, geometry.stride, 'valid');
  if (bias !== null) y = tf.add(y, bias);
  if (residual !== null) y = tf.add(y, residual);
  return y;
}

/** Gradient of x: the transposed convolution, with the padding cut off. */
export function inputGradientComposed(dy: tf.Tensor4D, kernel: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  const padded = tf.conv2dTranspose(dy, kernel, paddedShape(geometry), geometry.stride, 'valid');
  return tf.slice(padded, [0, geometry.rows[0], geometry.columns[0], 0], geometry.inputShape);
}

/** Gradient of the kernel: one matrix product per position in the kernel. */
export function kernelGradientComposed(dy: tf.Tensor4D, x: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  const { kernelShape, outputShape, stride } = geometry;
  const [kernelHeight, kernelWidth, inputChannels, outputChannels] = kernelShape;
  const [batch, height, width] = outputShape;
  const padded = padInput(x, geometry);
  const flatGradient = tf.reshape(dy, [batch * height * width, outputChannels]) as tf.Tensor2D;
  const products: tf.Tensor[] = [];
  for (let row = 0; row < kernelHeight; row += 1) {
    for (let column = 0; column < kernelWidth; column += 1) {
      const begin = [0, row, column, 0];
      const end = [batch, row + (height - 1) * stride + 1, column + (width - 1) * stride + 1, inputChannels];
      const seen = stride === 1 ? tf.slice(padded, begin, [batch, height, width, inputChannels]) : tf.stridedSlice(padded, begin, end, [1, stride, stride, 1]);
      const flatSeen = tf.reshape(seen, [batch * height * width, inputChannels]) as tf.Tensor2D;
      products.push(tf.matMul(flatSeen, flatGradient, true, false)); // [Cin, Cout]
    }
  }
  return tf.reshape(tf.stack(products), kernelShape);
}

/** The input with its zeros around it. */
export function padInput(x: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  return isUnpadded(geometry) ? x : tf.pad4d(x, [[0, 0], [...geometry.rows], [...geometry.columns], [0, 0]]);
}

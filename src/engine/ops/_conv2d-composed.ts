// Convolution and its gradients from tfjs operations that every engine has (wasm lacks the filter gradient's kernel).
import * as tf from '@tensorflow/tfjs';
import { isUnpadded, type ConvGeometry } from './_conv2d-geometry.js';

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

/** Gradient of x: the convolution of dy, spread out by the stride, with the kernel turned about. (wasm takes ten times as long to convolve transposed.) */
export function inputGradientComposed(dy: tf.Tensor4D, kernel: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  const { inputShape, kernelShape, rows, columns, stride } = geometry;
  const spread = spreadOut(dy, stride);
  const along = (axis: 0 | 1, before: number): { zeros: [number, number]; begin: number } => {
    const reach = kernelShape[axis] - 1;
    const first = Math.max(0, reach - before);
    return { zeros: [first, Math.max(0, inputShape[axis + 1] + before - spread.shape[axis + 1]!)], begin: before + first - reach };
  };
  const [down, across] = [along(0, rows[0]), along(1, columns[0])];
  const dx: tf.Tensor4D = tf.conv2d(tf.pad4d(spread, [[0, 0], down.zeros, across.zeros, [0, 0]]), turnAbout(kernel), 1, 'valid');
  return tf.slice(dx, [0, down.begin, across.begin, 0], inputShape);
}

/** Zeros between rows and columns: as many as a stride leaves out, and none behind the last. */
function spreadOut(dy: tf.Tensor4D, stride: number): tf.Tensor4D {
  if (stride === 1) return dy;
  const [batch, height, width, channels] = dy.shape;
  const apart = tf.pad4d(tf.reshape(dy, [batch * height, 1, width, channels]), [[0, 0], [0, stride - 1], [0, 0], [0, 0]]);
  const both = tf.pad4d(tf.reshape(apart, [batch * height * stride, width, 1, channels]), [[0, 0], [0, 0], [0, stride - 1], [0, 0]]);
  const spread: tf.Tensor4D = tf.reshape(both, [batch, height * stride, width * stride, channels]);
  return tf.slice(spread, [0, 0, 0, 0], [batch, (height - 1) * stride + 1, (width - 1) * stride + 1, channels]);
}

/** Gradient of the kernel: one matrix product per position in the kernel, of factors that are laid out for it (wasm is slow at others). */
export function kernelGradientComposed(dy: tf.Tensor4D, x: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  const { kernelShape, outputShape, stride } = geometry;
  const [kernelHeight, kernelWidth, inputChannels, outputChannels] = kernelShape;
  const [batch, height, width] = outputShape;
  const planes = splitPlanes(padInput(x, geometry), stride);
  const flatGradient = tf.reshape(dy, [batch * height * width, outputChannels]) as tf.Tensor2D;
  const products: tf.Tensor[] = [];
  for (let row = 0; row < kernelHeight; row += 1) {
    for (let column = 0; column < kernelWidth; column += 1) {
      const plane = planes(row % stride, column % stride);
      const seen = tf.slice(plane, [0, 0, Math.floor(row / stride), Math.floor(column / stride)], [inputChannels, batch, height, width]);
      products.push(tf.matMul(tf.reshape(seen, [inputChannels, batch * height * width]), flatGradient)); // [Cin, Cout]
    }
  }
  return tf.reshape(tf.stack(products), kernelShape);
}

/** Every so many rows and columns of an image, from a row and a column on, each cut once. Shape: [B, H, W, C] -> [C, B, H/stride, W/stride], rounded up. */
function splitPlanes(image: tf.Tensor4D, stride: number): (row: number, column: number) => tf.Tensor4D {
  const [batch, height, width, channels] = image.shape;
  const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const whole = stride === 1 ? image : tf.pad4d(image, [[0, 0], [0, rows * stride - height], [0, columns * stride - width], [0, 0]]);
  const cut = (row: number, column: number): tf.Tensor4D => {
    const someRows = tf.slice(tf.reshape(whole, [batch * rows, stride, columns * stride, channels]), [0, row, 0, 0], [batch * rows, 1, columns * stride, channels]);
    const some = tf.slice(tf.reshape(someRows, [batch * rows * columns, stride, channels]), [0, column, 0], [batch * rows * columns, 1, channels]);
    return tf.transpose(tf.reshape(some, [batch, rows, columns, channels]), [3, 0, 1, 2]);
  };
  const planes = new Map<number, tf.Tensor4D>();
  return (row, column) => {
    const place = row * stride + column;
    const plane = planes.get(place) ?? (stride === 1 ? tf.transpose(image, [3, 0, 1, 2]) : cut(row, column));
    planes.set(place, plane);
    return plane;
  };
}

/** The kernel with rows and columns in reverse, and its channels exchanged. */
function turnAbout(kernel: tf.Tensor4D): tf.Tensor4D {
  const [height, width, inputChannels, outputChannels] = kernel.shape;
  const turned = tf.concat(tf.split(tf.reshape(kernel, [height * width, inputChannels, outputChannels]), height * width).reverse());
  return tf.reshape(tf.transpose(turned, [0, 2, 1]), [height, width, outputChannels, inputChannels]);
}

/** The input with its zeros around it. */
export function padInput(x: tf.Tensor4D, geometry: ConvGeometry): tf.Tensor4D {
  return isUnpadded(geometry) ? x : tf.pad4d(x, [[0, 0], [...geometry.rows], [...geometry.columns], [0, 0]]);
}

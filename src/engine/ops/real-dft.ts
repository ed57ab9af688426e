// The discrete Fourier transform of real frames and its inverse, each the other's gradient but for a factor per bin.
import * as tf from '@tensorflow/tfjs';
import { requireInteger } from '../../base/checks.js';
import { COMPLEX64, formatAttribute, runRaw } from './_half-tensors.js';
import { defineOperation } from './define-operation.js';
import { attribute, requireTensorflow, tensorflowBackend, type OpAttribute } from './native-kernels.js';

interface DftAttributes {
  /** Samples of a frame, even. */
  readonly size: number;
}

const runRealDft = defineOperation<DftAttributes>({
  name: 'RealDft',
  saveInputs: [],
  forward: ({ x }, { size }) => transform(x, size),
  gradient: (dy, _, { size }) => ({ x: () => tf.tidy(() => invert(tf.mul(dy, binFactors(size, (share) => size / share)), size)) }),
});

const runInverseRealDft = defineOperation<DftAttributes>({
  name: 'InverseRealDft',
  saveInputs: [],
  forward: ({ x }, { size }) => invert(x, size),
  gradient: (dy, _, { size }) => ({ x: () => tf.tidy(() => tf.mul(transform(dy, size), binFactors(size, (share) => share / size))) }),
});

/**
 * The transform of each row: real parts, then imaginary parts, of frequencies 0 to half of the size. Always in float32.
 *
 * Shape: x [R, size] -> [R, 2·F], F = size/2 + 1.
 */
export function realDft(x: tf.Tensor2D): tf.Tensor2D {
  const size = x.shape[1];
  requireInteger('realDft: half of the size', size / 2, { min: 1 });
  return runRealDft({ x }, { size })[0] as tf.Tensor2D;
}

/** The frames whose transforms these are; the imaginary parts of the lowest and the highest frequency count for nothing. Shape: [R, 2·F] -> [R, 2·(F - 1)]. */
export function inverseRealDft(x: tf.Tensor2D): tf.Tensor2D {
  const size = x.shape[1] - 2;
  requireInteger('inverseRealDft: half of the size', size / 2, { min: 1 });
  return runInverseRealDft({ x }, { size })[0] as tf.Tensor2D;
}

/** A fast transform where the engine has one, else a matrix product. */
function transform(x: tf.Tensor, size: number): tf.Tensor {
  if (tensorflowBackend() === null) return tf.matMul(x, tf.tensor2d(cosinesAndSines(size), [size + 2, size]), false, true);
  const [spectrum] = runRaw('RFFT', complexAttributes(), [x, [size]]);
  const parts = ['Real', 'Imag'].map((part) => runRaw(part, [attribute.dtype('T', COMPLEX64), attribute.dtype('Tout', requireTensorflow().binding.TF_FLOAT)], [spectrum])[0]);
  return runRaw('ConcatV2', concatAttributes(), [...parts, [1]])[0];
}

function invert(x: tf.Tensor, size: number): tf.Tensor {
  const bins = size / 2 + 1;
  if (tensorflowBackend() === null) return tf.matMul(tf.mul(x, binFactors(size, (share) => share / size)), tf.tensor2d(cosinesAndSines(size), [size + 2, size]));
  const [re, im] = tf.split(x, [bins, bins], 1);
  const [spectrum] = runRaw('Complex', [formatAttribute(false), attribute.dtype('Tout', COMPLEX64)], [re, im]);
  return runRaw('IRFFT', complexAttributes(), [spectrum, [size]])[0];
}

function complexAttributes(): OpAttribute[] {
  return [attribute.dtype('Treal', requireTensorflow().binding.TF_FLOAT), attribute.dtype('Tcomplex', COMPLEX64)];
}

function concatAttributes(): OpAttribute[] {
  return [attribute.int('N', 2), formatAttribute(false), attribute.dtype('Tidx', requireTensorflow().binding.TF_INT32)];
}

/** One factor per real and imaginary part. @param factor of how many frequencies a bin stands for: itself, and its mirror image where it has one */
function binFactors(size: number, factor: (share: 1 | 2) => number): tf.Tensor2D {
  const bins = size / 2 + 1;
  return tf.tensor2d(Float32Array.from({ length: 2 * bins }, (_, index) => factor(index % bins === 0 || index % bins === bins - 1 ? 1 : 2)), [1, 2 * bins]);
}

const kept = new Map<number, Float32Array>();

/** Rows of cosines, then of negative sines. Shape: [2·F, size]. Memory: kept for every size that was asked for. */
function cosinesAndSines(size: number): Float32Array {
  const known = kept.get(size);
  if (known !== undefined) return known;
  const bins = size / 2 + 1;
  const cosines = Float64Array.from({ length: size }, (_, index) => Math.cos((2 * Math.PI * index) / size));
  const sines = Float64Array.from({ length: size }, (_, index) => -Math.sin((2 * Math.PI * index) / size));
  const matrix = new Float32Array(2 * bins * size);
  for (let bin = 0; bin < bins; bin += 1) {
    for (let sample = 0; sample < size; sample += 1) {
      const turn = (bin * sample) % size;
      matrix[bin * size + sample] = cosines[turn];
      matrix[(bins + bin) * size + sample] = bin === 0 || bin === bins - 1 ? 0 : sines[turn];
    }
  }
  kept.set(size, matrix);
  return matrix;
}

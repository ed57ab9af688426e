// The inverse short-time Fourier transform on tensors, differentiable: frames, window, overlap and add. Knows no network.
import * as tf from '@tensorflow/tfjs';
import { inverseRealDft } from '../nn/operations.js';

export interface InverseStftSettings {
  readonly n_fft: number;
  readonly hop_length: number;
  /** Samples under the window, in the middle of n_fft. */
  readonly win_length: number;
}

/** The periodic Hann window. Shape: [count]. */
export function hannWindow(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => Math.sin((Math.PI * index) / count) ** 2);
}

/**
 * Creates the least-squares inverse of a centred transform with a periodic Hann window.
 *
 * Shape: [B, N, 2·F], real parts then imaginary parts -> [B, (N - 1)·hop_length]. Memory: for use inside tf.tidy or a gradient.
 * Source: agrees with torch.istft(center=True).
 */
export function createInverseStft({ n_fft: size, hop_length: hop, win_length: windowLength }: InverseStftSettings): (spectrum: tf.Tensor3D) => tf.Tensor2D {
  const window = new Float32Array(size);
  window.set(hannWindow(windowLength), Math.floor((size - windowLength) / 2));
  const pieces = Math.ceil(size / hop); // that a frame covers, of one hop each
  return (spectrum) => {
    const [batch, frames] = spectrum.shape;
    const flat = tf.reshape(spectrum, [batch * frames, size + 2]) as tf.Tensor2D;
    const windowed = tf.mul(inverseRealDft(flat), tf.tensor2d(window, [1, size])); // [B*N, size]
    const whole = tf.reshape(tf.pad(windowed, [[0, 0], [0, pieces * hop - size]]), [batch, frames, pieces * hop]) as tf.Tensor3D;
    const shifted = Array.from({ length: pieces }, (_, piece) => tf.pad(tf.slice(whole, [0, 0, piece * hop], [batch, frames, hop]), [[0, 0], [piece, pieces - 1 - piece], [0, 0]]));
    const sum = tf.reshape(tf.addN(shifted), [batch, (frames + pieces - 1) * hop]);
    const length = (frames - 1) * hop;
    return tf.mul(tf.slice(sum, [0, size / 2], [batch, length]), tf.tensor2d(inverseEnvelope(window, { hop, frames, length }), [1, length])) as tf.Tensor2D;
  };
}

/** One over the sum of squared windows over each sample that is kept. */
function inverseEnvelope(window: Float32Array, { hop, frames, length }: { hop: number; frames: number; length: number }): Float32Array {
  const centre = window.length / 2;
  const sums = new Float64Array(length);
  for (let frame = 0; frame < frames; frame += 1) {
    const start = frame * hop - centre;
    const end = Math.min(window.length, length - start);
    for (let index = Math.max(0, -start); index < end; index += 1) sums[start + index] += window[index] ** 2;
  }
  return Float32Array.from(sums, (sum) => 1 / sum);
}

// The short-time Fourier transform on tensors, differentiable, for losses. Knows no loss.
import * as tf from '@tensorflow/tfjs';
import { centredHannWindow, fullScaleFactor } from '../dsp/windows.js';
import { realDft } from '../nn/operations.js';

export interface TensorStftSettings {
  /** Samples per transform, even. */
  readonly fftSize: number;
  readonly hopSamples: number;
  /** Samples under the window. */
  readonly windowSamples: number;
}

/**
 * Creates a function from sound to power, scaled so that a full-scale sine reads 1 at its bin. Frames are centred; beyond either end there
 * is silence.
 *
 * Shape: [B, T] -> [B, N, F], N = 1 + floor(T / hopSamples). Memory: for use inside tf.tidy or a gradient.
 */
export function createPowerStft({ fftSize, hopSamples, windowSamples }: TensorStftSettings): (sound: tf.Tensor2D) => tf.Tensor3D {
  const window = centredHannWindow(windowSamples, fftSize);
  const scale = fullScaleFactor(window);
  const scaled = Float32Array.from(window, (value) => value * scale);
  const pieces = Math.ceil(fftSize / hopSamples); // that a frame covers, of one hop each
  const bins = fftSize / 2 + 1;
  return (sound) => {
    const [batch, samples] = sound.shape;
    const frames = 1 + Math.floor(samples / hopSamples);
    const length = (frames + pieces - 1) * hopSamples;
    const before = fftSize / 2;
    const padded = tf.pad(sound, [[0, 0], [before, Math.max(0, length - before - samples)]]);
    const hops = tf.reshape(tf.slice(padded, [0, 0], [batch, length]), [batch, frames + pieces - 1, hopSamples]) as tf.Tensor3D;
    const whole = tf.concat(Array.from({ length: pieces }, (_, piece) => tf.slice(hops, [0, piece, 0], [batch, frames, hopSamples])), 2); // [B, N, pieces·hop]
    const framed = tf.reshape(tf.slice(whole, [0, 0, 0], [batch, frames, fftSize]), [batch * frames, fftSize]) as tf.Tensor2D;
    const [re, im] = tf.split(realDft(tf.mul(framed, tf.tensor2d(scaled, [1, fftSize]))), [bins, bins], 1);
    return tf.reshape(tf.add(tf.square(re), tf.square(im)), [batch, frames, bins]);
  };
}

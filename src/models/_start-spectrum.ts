// A spectrum that a vocoder begins at: what its network sees of it, and how it is changed. Knows no network.
import * as tf from '@tensorflow/tfjs';

/** Cells further below a sine at full scale are all alike to the network. Unit: dB. */
const RANGE_DB = 100;
/** Nepers by which a cell may be raised; it may be lowered without end. */
const MOST_GAIN = 4;

/**
 * Level and advance of the phase of every cell. The phase itself says nothing, as any moment may be called the first; what it does beyond
 * what the middle of its bin would do from one frame to the next is the pitch within the bin, and how steady that is.
 *
 * Shape: [B, N, 2·F] -> [B, N, 3·F]: level, of -1 to 1 from RANGE_DB below full scale up to it, then cosine and sine of that advance, both 0 in the first frame.
 */
export function startFeatures(start: tf.Tensor3D, { n_fft: size, hop_length: hop }: { readonly n_fft: number; readonly hop_length: number }): tf.Tensor3D {
  const bins = size / 2 + 1;
  const [re, im] = tf.split(start, [bins, bins], 2);
  const power = tf.add(tf.square(re), tf.square(im));
  const fullScale = (size / 4) ** 2; // of a sine under a Hann window as long as the transform
  const decibels = tf.mul(tf.log(tf.add(tf.div(power, fullScale), 10 ** (-RANGE_DB / 10))), 10 / Math.LN10);
  const level = tf.add(tf.div(decibels, RANGE_DB / 2), 1);
  const scale = tf.rsqrt(tf.add(power, 1e-12));
  const [cosine, sine] = [tf.mul(re, scale), tf.mul(im, scale)];
  const [cosineBefore, sineBefore] = [cosine, sine].map(oneFrameLater);
  const [alike, across] = [tf.add(tf.mul(cosine, cosineBefore), tf.mul(sine, sineBefore)), tf.sub(tf.mul(sine, cosineBefore), tf.mul(cosine, sineBefore))];
  const [cosines, sines] = [Math.cos, Math.sin].map((of) => tf.tensor1d(Float32Array.from({ length: bins }, (_, bin) => of((2 * Math.PI * ((bin * hop) % size)) / size))));
  const steady = [tf.add(tf.mul(alike, cosines), tf.mul(across, sines)), tf.sub(tf.mul(across, cosines), tf.mul(alike, sines))];
  return tf.concat([level, ...steady], 2) as tf.Tensor3D;
}

/** Each frame in the place of the one after it, zeros in the first. Shape: [B, N, F] -> [B, N, F]. */
function oneFrameLater(x: tf.Tensor): tf.Tensor {
  const [batch, frames, bins] = x.shape;
  return tf.pad(tf.slice(x, [0, 0, 0], [batch, frames - 1, bins]), [[0, 0], [1, 0], [0, 0]]);
}

/** Multiplies every cell by a complex factor; a cell of 0 stays 0. Shape: [B, N, 2·F] and twice [B, N, F] -> [B, N, 2·F]. Unit: nepers, radians. */
export function changed(start: tf.Tensor3D, { logGain, turn }: { readonly logGain: tf.Tensor; readonly turn: tf.Tensor }): tf.Tensor3D {
  const bins = turn.shape[2]!;
  const [re, im] = tf.split(start, [bins, bins], 2);
  const gain = tf.exp(tf.minimum(logGain, MOST_GAIN));
  const [cosine, sine] = [tf.mul(gain, tf.cos(turn)), tf.mul(gain, tf.sin(turn))];
  return tf.concat([tf.sub(tf.mul(re, cosine), tf.mul(im, sine)), tf.add(tf.mul(re, sine), tf.mul(im, cosine))], 2) as tf.Tensor3D;
}

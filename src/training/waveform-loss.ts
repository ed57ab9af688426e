// How far one sound is from another, by magnitudes alone: short-time spectra at several resolutions, and the mel spectrum. Knows no network.
import * as tf from '@tensorflow/tfjs';
import type { MelSettings } from '../config/mel.js';
import type { VocoderLossConfig } from '../config/vocoder.js';
import { dbToPower } from '../dsp/decibels.js';
import { melFilterBank } from '../dsp/mel.js';
import { createPowerStft, type TensorStftSettings } from './tensor-stft.js';

export interface WaveformLoss {
  /** Share by which magnitudes miss those of the real sound, mean over resolutions and items. */
  readonly convergence: tf.Scalar;
  /** Mean absolute difference of logarithmic magnitudes. Unit: nepers, of 8.7 dB. */
  readonly logMagnitude: tf.Scalar;
  /** The same of the mel spectrum. */
  readonly mel: tf.Scalar;
  readonly total: tf.Scalar;
}

/** A sound as the loss sees it: its power at every resolution. */
export type Spectra = ReadonlyMap<string, tf.Tensor3D>;

export interface WaveformLossFunction {
  /** Shape: [B, T]. Memory: for use inside tf.tidy or a gradient. */
  spectra(sound: tf.Tensor2D): Spectra;
  compare(made: Spectra, real: Spectra): WaveformLoss;
  /** Logarithmic magnitudes at each resolution as images for discriminators, the codec's floor at -1 and its ceiling at 1. Shape: [B, F, N, 1]. */
  images(spectra: Spectra): tf.Tensor4D[];
}

/**
 * Creates the loss. Power below the codec's floor counts as the floor, so that nothing is learnt of what the mel image cannot tell.
 *
 * Source: Yamamoto, Song and Kim, "Parallel WaveGAN" (2020), equations 4 to 6, the spectral convergence per item and not per batch, so that
 * a quiet sound counts as much as a loud one.
 */
export function createWaveformLoss(mel: MelSettings, { stftWeight, melWeight, fftSizes }: VocoderLossConfig): WaveformLossFunction {
  const resolutions = fftSizes.map((fftSize): TensorStftSettings => ({ fftSize, hopSamples: fftSize / 4, windowSamples: fftSize }));
  const stfts = new Map([...resolutions, mel].map((settings) => [nameOf(settings), createPowerStft(settings)]));
  const { weights, melBins, binCount } = melFilterBank(mel);
  const floor = dbToPower(mel.floorDb);
  const nepersPerUnit = ((mel.ceilingDb - mel.floorDb) / 2 / 20) * Math.LN10;
  const logarithm = (power: tf.Tensor): tf.Tensor => tf.mul(tf.log(tf.add(power, floor)), 0.5);

  const melOf = (power: tf.Tensor3D): tf.Tensor => tf.matMul(tf.reshape(power, [-1, binCount]) as tf.Tensor2D, tf.tensor2d(weights, [melBins, binCount]), false, true);
  const convergenceOf = (made: tf.Tensor, real: tf.Tensor): tf.Scalar => {
    const [magnitude, wanted] = [made, real].map((power) => tf.sqrt(tf.add(power, floor)));
    const missing = tf.add(tf.sum(tf.square(tf.sub(wanted, magnitude)), [1, 2]), floor); // the floor keeps the root's slope finite at a perfect match
    return tf.mean(tf.sqrt(tf.div(missing, tf.sum(tf.square(wanted), [1, 2]))));
  };
  const differenceOf = (made: tf.Tensor, real: tf.Tensor): tf.Scalar => tf.mean(tf.abs(tf.sub(logarithm(made), logarithm(real))));
  const meanOver = (measure: (made: tf.Tensor, real: tf.Tensor) => tf.Scalar, made: Spectra, real: Spectra): tf.Scalar =>
    tf.div(tf.addN(resolutions.map((settings) => measure(made.get(nameOf(settings))!, real.get(nameOf(settings))!))), resolutions.length);

  return {
    spectra: (sound) => new Map([...stfts].map(([name, stft]) => [name, stft(sound)])),
    compare(made, real) {
      const [convergence, logMagnitude] = [convergenceOf, differenceOf].map((measure) => meanOver(measure, made, real));
      const melDifference = differenceOf(melOf(made.get(nameOf(mel))!), melOf(real.get(nameOf(mel))!));
      const total: tf.Scalar = tf.add(tf.mul(tf.add(convergence, logMagnitude), stftWeight), tf.mul(melDifference, melWeight));
      return { convergence, logMagnitude, mel: melDifference, total };
    },
    images: (spectra) =>
      resolutions.map((settings) => {
        const values = tf.sub(tf.div(tf.sub(logarithm(spectra.get(nameOf(settings))!), 0.5 * Math.log(floor)), nepersPerUnit), 1);
        return tf.expandDims(tf.transpose(values, [0, 2, 1]), 3) as tf.Tensor4D; // [B, N, F] -> [B, F, N, 1]
      }),
  };
}

function nameOf({ fftSize, hopSamples, windowSamples }: TensorStftSettings): string {
  return `${fftSize}/${hopSamples}/${windowSamples}`;
}

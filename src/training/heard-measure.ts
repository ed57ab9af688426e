// How near a vocoder comes to real sounds as it is heard, beside the classical inverter on the same windows. Knows no loop.
import * as tf from '@tensorflow/tfjs';
import type { MelSettings } from '../config/mel.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { createGriffinLimVocoder } from '../vocoder/griffin-lim-vocoder.js';
import { createNeuralVocoder } from '../vocoder/neural-vocoder.js';
import type { PromptVocoder } from '../vocoder/vocoder.js';
import type { VocoderMeasure, VocoderNetwork } from '../vocoder/vocoder-network.js';
import type { SoundWindows } from './sound-windows.js';
import type { Spectra, WaveformLossFunction } from './waveform-loss.js';

/** Windows that are listened to, at most: each is inverted twice, about a tenth of its length on one processor core. Of 32 drum hits too much hangs on the single one. */
const WINDOW_LIMIT = 96;

export interface HeardMeasureOptions {
  readonly network: VocoderNetwork;
  readonly windows: SoundWindows;
  readonly judge: WaveformLossFunction;
}

/** Creates a function that listens to the network as it is by then. What the inverter makes is heard once. */
export function createHeardMeasure({ network, windows, judge }: HeardMeasureOptions): () => VocoderMeasure {
  let inverterLoss: number | null = null;
  return () => {
    inverterLoss ??= lossOf(createGriffinLimVocoder(network.mel), network.mel, windows, judge);
    return { loss: lossOf(createNeuralVocoder(network), network.mel, windows, judge), inverterLoss };
  };
}

/** The mean loss of what a vocoder makes of the images of fixed windows, whose number is the seed. */
function lossOf(vocoder: PromptVocoder, mel: MelSettings, { fixed, samples }: SoundWindows, judge: WaveformLossFunction): number {
  let [sum, count] = [0, 0];
  for (const { mel: frames, sound } of fixed(1, WINDOW_LIMIT)) {
    const { channels: [made] } = vocoder.invert(imageOf(mel, frames), { seed: count, sampleCount: samples });
    const spectraOf = (one: Float32Array): Spectra => judge.spectra(tf.tensor2d(one, [1, samples]));
    const loss = tf.tidy(() => judge.compare(spectraOf(made), spectraOf(sound)).total);
    sum += loss.dataSync()[0];
    loss.dispose();
    count += 1;
  }
  return sum / count;
}

/** The image of frames after frames. Shape: [N*M] -> [M, N]. */
function imageOf(settings: MelSettings, frames: Float32Array): MelImage {
  const { melBins } = settings;
  const frameCount = frames.length / melBins;
  return { settings, frameCount, data: frames.map((_, cell) => frames[(cell % frameCount) * melBins + Math.floor(cell / frameCount)]) };
}

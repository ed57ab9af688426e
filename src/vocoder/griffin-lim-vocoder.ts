// The vocoder that needs no training: exact mel inverse, then fast Griffin-Lim.
import { requireInteger } from '../base/checks.js';
import type { MelSettings } from '../config/mel.js';
import { continuePhases } from '../dsp/continue-phases.js';
import { griffinLim } from '../dsp/griffin-lim.js';
import { createLoopStft } from '../dsp/loop-stft.js';
import { createMelCodec, type InvertOptions } from '../spectrogram/mel-codec.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { invertInPieces, type ImagePiece } from './_in-pieces.js';
import type { Vocoder } from './vocoder.js';

export interface GriffinLimVocoderOptions extends InvertOptions {
  /** In [0, 10000], default 32. */
  readonly iterations?: number;
  /** In [0, 1), default 0.99. */
  readonly momentum?: number;
}

/** Creates a Griffin-Lim vocoder for one codec. Memory: buffers are reused; one object serves one computation at a time. */
export function createGriffinLimVocoder(settings: MelSettings, options: GriffinLimVocoderOptions = {}): Vocoder {
  const { iterations = 32, momentum = 0.99, gateDb = 0 } = options;
  const codec = createMelCodec(settings);
  return {
    name: `griffin-lim-${iterations}`,
    invert(image, { seed = 0, sampleCount, isLoop = false, known } = {}) {
      const { hopSamples, fftSize, sampleRateHz } = settings;
      const { frameCount } = image;
      const shortest = Math.max(1, (frameCount - 1) * hopSamples);
      const wanted = requireInteger('invert: sampleCount', sampleCount ?? (isLoop ? frameCount * hopSamples : shortest), { min: 1, max: 2 ** 31 });
      if (isLoop) {
        const loop = createLoopStft({ ...settings, sampleCount: wanted, frames: frameCount });
        return { sampleRateHz, channels: [griffinLim(loop, codec.invertToMagnitude(image, { gateDb }), { iterations, momentum, seed, sampleCount: wanted })] };
      }
      const longest = Math.max(shortest, frameCount * hopSamples - 1);
      const made = invertInPieces({ frameCount, sampleCount: Math.min(Math.max(wanted, shortest), longest), hopSamples, fftSize, known }, (piece) => {
        const magnitudes = codec.invertToMagnitude(framesOf(image, piece), { gateDb });
        const start = piece.known && continuePhases(settings, magnitudes, piece.known);
        return griffinLim(codec.stft, magnitudes, { iterations, momentum, seed, sampleCount: piece.sampleCount, known: piece.known, start });
      });
      if (made.length === wanted) return { sampleRateHz, channels: [made] };
      const samples = new Float32Array(wanted);
      samples.set(made.subarray(0, Math.min(wanted, made.length)));
      return { sampleRateHz, channels: [samples] };
    },
  };
}

/** Some frames of an image; all of them are the image itself. */
function framesOf(image: MelImage, { first, last }: ImagePiece): MelImage {
  const { settings, frameCount, data } = image;
  if (first === 0 && last === frameCount) return image;
  const part = new Float32Array(settings.melBins * (last - first));
  for (let row = 0; row < settings.melBins; row += 1) part.set(data.subarray(row * frameCount + first, row * frameCount + last), row * (last - first));
  return { settings, frameCount: last - first, data: part };
}

// The vocoder that needs no training: exact mel inverse, then fast Griffin-Lim.
import { requireInteger } from '../base/checks.js';
import type { MelSettings } from '../config/mel.js';
import { griffinLim } from '../dsp/griffin-lim.js';
import { createMelCodec, type InvertOptions } from '../spectrogram/mel-codec.js';
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
    invert(image, { seed = 0, sampleCount, around } = {}) {
      const magnitudes = codec.invertToMagnitude(image, { gateDb });
      const shortest = Math.max(1, (image.frameCount - 1) * settings.hopSamples);
      const wanted = requireInteger('invert: sampleCount', sampleCount ?? shortest, { min: 1, max: 2 ** 31 });
      const longest = image.frameCount * settings.hopSamples - 1;
      const made = griffinLim(codec.stft, magnitudes, {
        iterations, momentum, seed, around, sampleCount: Math.min(Math.max(wanted, shortest), Math.max(shortest, longest)),
      });
      if (made.length === wanted) return { sampleRateHz: settings.sampleRateHz, channels: [made] };
      const samples = new Float32Array(wanted);
      samples.set(made.subarray(0, Math.min(wanted, made.length)));
      return { sampleRateHz: settings.sampleRateHz, channels: [samples] };
    },
  };
}

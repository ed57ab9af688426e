// The vocoder that needs no training: exact mel inverse, then phases by heap integration and Griffin-Lim's descendants.
import { requireInteger } from '../base/checks.js';
import type { MelSettings } from '../config/mel.js';
import { recoverSignal, type PhaseMethod, type PhaseStart } from '../dsp/recover-signal.js';
import { createMelCodec, type InvertOptions } from '../spectrogram/mel-codec.js';
import type { Vocoder } from './vocoder.js';

export interface GriffinLimVocoderOptions extends InvertOptions {
  /** In [0, 10000], default 32. */
  readonly iterations?: number;
  /** Default staged: ADMM, then accelerated Griffin-Lim. */
  readonly method?: PhaseMethod;
  /** Default pghi: from the slopes of the magnitudes. random needs more iterations, and leaves tones rougher. */
  readonly start?: PhaseStart;
  /** In [0, 1), default 0.99: of the method `fast` alone. */
  readonly momentum?: number;
  /** Whether magnitudes follow the sound under the mel image, or stay as least squares gave them. Default true. */
  readonly isRefined?: boolean;
}

/** Creates a Griffin-Lim vocoder for one codec. Memory: buffers are reused; one object serves one computation at a time. */
export function createGriffinLimVocoder(settings: MelSettings, options: GriffinLimVocoderOptions = {}): Vocoder {
  const { iterations = 32, method = 'staged', start = 'pghi', momentum, gateDb = 0, isRefined = true } = options;
  const codec = createMelCodec(settings);
  return {
    name: nameOf({ iterations, method, start, isRefined }),
    invert(image, { seed = 0, sampleCount } = {}) {
      const magnitudes = codec.invertToMagnitude(image, { gateDb });
      const shortest = Math.max(1, (image.frameCount - 1) * settings.hopSamples);
      const wanted = requireInteger('invert: sampleCount', sampleCount ?? shortest, { min: 1, max: 2 ** 31 });
      const longest = image.frameCount * settings.hopSamples - 1;
      const made = recoverSignal(codec.stft, magnitudes, {
        iterations, method, start, momentum, seed, mel: isRefined ? codec.toMelTarget(image, { gateDb }) : undefined,
        sampleCount: Math.min(Math.max(wanted, shortest), Math.max(shortest, longest)),
      });
      if (made.length === wanted) return { sampleRateHz: settings.sampleRateHz, channels: [made] };
      const samples = new Float32Array(wanted);
      samples.set(made.subarray(0, Math.min(wanted, made.length)));
      return { sampleRateHz: settings.sampleRateHz, channels: [samples] };
    },
  };
}

/** `griffin-lim-32`, and whatever is not the default: `griffin-lim-32-fast-random-fixed`. */
function nameOf({ iterations, method, start, isRefined }: Required<Pick<GriffinLimVocoderOptions, 'iterations' | 'method' | 'start' | 'isRefined'>>): string {
  const parts = [method === 'staged' ? '' : method, start === 'pghi' ? '' : start, isRefined ? '' : 'fixed'];
  return ['griffin-lim', iterations, ...parts.filter((part) => part !== '')].join('-');
}

// The vocoder that needs no training: exact mel inverse, then phases by heap integration and Griffin-Lim's descendants.
import { requireInteger } from '../base/checks.js';
import type { MelSettings } from '../config/mel.js';
import { continuePhases } from '../dsp/continue-phases.js';
import { createLoopStft } from '../dsp/loop-stft.js';
import { recoverSignal, type PhaseMethod, type PhaseStart, type RecoverSignalOptions } from '../dsp/recover-signal.js';
import type { Transform } from '../dsp/stft.js';
import { sliceFrames } from '../spectrogram/frames.js';
import { createMelCodec, type InvertOptions } from '../spectrogram/mel-codec.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { invertInPieces } from './_in-pieces.js';
import { createStereoVocoder } from './stereo-vocoder.js';
import type { PromptVocoder } from './vocoder.js';

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

/** Creates a Griffin-Lim vocoder for one codec, of one channel or two. Memory: buffers are reused; one object serves one computation at a time. */
export function createGriffinLimVocoder(settings: MelSettings, options: GriffinLimVocoderOptions = {}): PromptVocoder {
  if (settings.channels === 2) return createStereoVocoder(settings, createGriffinLimVocoder({ ...settings, channels: 1 }, options));
  const { iterations = 32, method = 'staged', start = 'pghi', momentum, gateDb = 0, isRefined = true } = options;
  const codec = createMelCodec(settings);
  return {
    name: nameOf({ iterations, method, start, isRefined }),
    isContinuing: true,
    invert(image, { seed = 0, sampleCount, isLoop = false, known, around } = {}) {
      const { hopSamples, fftSize, sampleRateHz } = settings;
      const { frameCount } = image;
      const shortest = Math.max(1, (frameCount - 1) * hopSamples);
      const longest = Math.max(shortest, frameCount * hopSamples - 1);
      const wanted = requireInteger('invert: sampleCount', sampleCount ?? (isLoop ? frameCount * hopSamples : shortest), { min: 1, max: 2 ** 31 });
      const count = Math.min(Math.max(wanted, shortest), longest);
      const recover = (part: MelImage, more: RecoverSignalOptions, stft: Transform = codec.stft): Float32Array =>
        recoverSignal(stft, codec.invertToMagnitude(part, { gateDb }), { iterations, method, start, momentum, seed, ...more });
      const freely = (part: MelImage): RecoverSignalOptions => ({ mel: isRefined ? codec.toMelTarget(part, { gateDb }) : undefined });
      if (isLoop) {
        const stft = createLoopStft({ ...settings, sampleCount: wanted, frames: frameCount });
        return { sampleRateHz, channels: [recover(image, { ...freely(image), start: 'random', sampleCount: wanted }, stft)] };
      }
      if (around !== undefined) return { sampleRateHz, channels: [cutOrFill(recover(image, { method: 'fast', around: { samples: around.channels[0], limit: around.limit }, sampleCount: count }), wanted)] };
      const made = invertInPieces({ frameCount, sampleCount: count, hopSamples, fftSize, known }, (piece) => {
        const part = sliceFrames(image, piece.first, piece.last);
        if (piece.known === undefined) return recover(part, { ...freely(part), sampleCount: piece.sampleCount });
        const phases = continuePhases(settings, codec.invertToMagnitude(part, { gateDb }), { ...piece.known, seed });
        return recover(part, { method: 'fast', known: piece.known, phases, sampleCount: piece.sampleCount });
      });
      return { sampleRateHz, channels: [cutOrFill(made, wanted)] };
    },
  };
}

function cutOrFill(made: Float32Array, sampleCount: number): Float32Array {
  if (made.length === sampleCount) return made;
  const samples = new Float32Array(sampleCount);
  samples.set(made.subarray(0, Math.min(sampleCount, made.length)));
  return samples;
}

/** What a name of `nameOf` says; null for another vocoder's. */
export function griffinLimOptionsOf(name: string): GriffinLimVocoderOptions | null {
  const found = /^griffin-lim-(\d+)(?:-(fast|accelerated|admm))?(-random)?(-fixed)?$/.exec(name);
  if (found === null) return null;
  const [, iterations, method, random, fixed] = found;
  return { iterations: Number(iterations), ...(method !== undefined && { method: method as PhaseMethod }), ...(random !== undefined && { start: 'random' }), ...(fixed !== undefined && { isRefined: false }) };
}

/** `griffin-lim-32`, and whatever is not the default: `griffin-lim-32-fast-random-fixed`. */
function nameOf({ iterations, method, start, isRefined }: Required<Pick<GriffinLimVocoderOptions, 'iterations' | 'method' | 'start' | 'isRefined'>>): string {
  const parts = [method === 'staged' ? '' : method, start === 'pghi' ? '' : start, isRefined ? '' : 'fixed'];
  return ['griffin-lim', iterations, ...parts.filter((part) => part !== '')].join('-');
}

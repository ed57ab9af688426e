// The vocoder that needs no training: exact mel inverse, then phases by heap integration and Griffin-Lim's descendants.
import { requireInteger } from '../base/checks.js';
import type { Clip } from '../audio/clip.js';
import type { MelSettings } from '../config/mel.js';
import { continuePhases } from '../dsp/continue-phases.js';
import { createLoopStft } from '../dsp/loop-stft.js';
import type { Magnitudes } from '../dsp/magnitudes.js';
import { withEvenShare } from '../dsp/mel-consistency.js';
import { recoverSignal, type PhaseMethod, type PhaseStart, type RecoverSignalOptions } from '../dsp/recover-signal.js';
import type { Transform } from '../dsp/stft.js';
import { sliceFrames } from '../spectrogram/frames.js';
import { createMelCodec, type InvertOptions } from '../spectrogram/mel-codec.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { invertInPieces } from './_in-pieces.js';
import { createStereoVocoder } from './stereo-vocoder.js';
import type { Vocoder, VocoderOptions } from './vocoder.js';

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

export interface InverterRequest extends VocoderOptions {
  /** Of the whole image, in place of those of least squares; of one channel alone. */
  readonly magnitudes?: Magnitudes;
}

/** A vocoder of a codec of one channel that takes magnitudes besides; it answers at once or, from another thread, later. */
export interface Inverter<C extends Clip | Promise<Clip> = Clip> extends Vocoder {
  invert(image: MelImage, request?: InverterRequest): C;
}

/** Creates a Griffin-Lim vocoder for one codec, of one channel or two. Memory: buffers are reused; one object serves one computation at a time. */
export function createGriffinLimVocoder(settings: MelSettings, options: GriffinLimVocoderOptions = {}): Inverter {
  if (settings.channels === 2) return createStereoVocoder(settings, createGriffinLimVocoder({ ...settings, channels: 1 }, options));
  const { iterations = 32, method = 'staged', start = 'pghi', momentum, gateDb = 0, isRefined = true } = options;
  const codec = createMelCodec(settings);
  return {
    name: nameOf({ iterations, method, start, isRefined }),
    isContinuing: true,
    invert(image, { seed = 0, sampleCount, isLoop = false, known, around, magnitudes } = {}) {
      const { hopSamples, fftSize, sampleRateHz } = settings;
      const { frameCount } = image;
      const shortest = Math.max(1, (frameCount - 1) * hopSamples);
      const longest = Math.max(shortest, frameCount * hopSamples - 1);
      const wanted = requireInteger('invert: sampleCount', sampleCount ?? (isLoop ? frameCount * hopSamples : shortest), { min: 1, max: 2 ** 31 });
      const count = Math.min(Math.max(wanted, shortest), longest);
      const partOf = (first: number, last: number): ImagePart => {
        const part = sliceFrames(image, first, last);
        return { part, magnitudes: magnitudes === undefined ? codec.invertToMagnitude(part, { gateDb }) : sliceMagnitudes(magnitudes, first, last) };
      };
      const recover = (of: ImagePart, more: RecoverSignalOptions, stft: Transform = codec.stft): Float32Array => recoverSignal(stft, of.magnitudes, { iterations, method, start, momentum, seed, ...more });
      const freely = (of: ImagePart, more: RecoverSignalOptions, stft?: Transform): Float32Array => {
        if (!isRefined) return recover(of, more, stft);
        const mel = codec.toMelTarget(of.part, { gateDb });
        return recover(magnitudes === undefined ? { ...of, magnitudes: withEvenShare(of.magnitudes, mel) } : of, { ...more, mel }, stft);
      };
      if (isLoop) {
        const stft = createLoopStft({ ...settings, sampleCount: wanted, frames: frameCount });
        const all = partOf(0, frameCount);
        return { sampleRateHz, channels: [freely(all, { start: 'random', sampleCount: wanted }, stft)] };
      }
      if (around !== undefined) return { sampleRateHz, channels: [cutOrFill(recover(partOf(0, frameCount), { method: 'fast', around: { samples: around.channels[0], limit: around.limit }, sampleCount: count }), wanted)] };
      const made = invertInPieces({ frameCount, sampleCount: count, hopSamples, fftSize, known }, (piece) => {
        const part = partOf(piece.first, piece.last);
        if (piece.known === undefined) return freely(part, { sampleCount: piece.sampleCount });
        const phases = continuePhases(settings, part.magnitudes, { ...piece.known, seed });
        return recover(part, { method: 'fast', known: piece.known, phases, sampleCount: piece.sampleCount });
      });
      return { sampleRateHz, channels: [cutOrFill(made, wanted)] };
    },
  };
}

/** Some frames of an image, and their magnitudes. */
interface ImagePart {
  readonly part: MelImage;
  readonly magnitudes: Magnitudes;
}

function sliceMagnitudes({ magnitude, binCount }: Magnitudes, first: number, last: number): Magnitudes {
  return { magnitude: magnitude.subarray(first * binCount, last * binCount), frameCount: last - first, binCount };
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

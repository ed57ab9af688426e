// The side of a stereo sound from the mid at changing gains and from a sound of its own. Knows no image.
import type { MelSettings } from '../config/mel.js';
import { createLoopStft } from '../dsp/loop-stft.js';
import { melFilterBank, type MelFilterBank } from '../dsp/mel.js';
import { createStft, type Spectrum, type Transform } from '../dsp/stft.js';

/** Frames that are transformed at once, so that memory does not grow with the length. */
const PIECE_FRAMES = 1024;

interface SideOptions {
  readonly settings: MelSettings;
  /** Of the image. */
  readonly frameCount: number;
  /** Shape: [T]. */
  readonly mid: Float32Array;
  /** Turned by a quarter of a wave. Shape: [T]. */
  readonly own: Float32Array;
  /** Of the mid, under each mel filter. Shape: [N*M]. */
  readonly gains: Float32Array;
  readonly isLoop: boolean;
}

/** Shape: [T]. */
export function composeSide(options: SideOptions): Float32Array {
  const { settings, frameCount, mid, own, isLoop } = options;
  if (isEverywhereZero(options.gains) && isEverywhereZero(own)) return new Float32Array(mid.length);
  const spread = spreadOf(melFilterBank(settings));
  if (isLoop) return composePiece(createLoopStft({ ...settings, sampleCount: mid.length, frames: frameCount }), options, { spread, firstFrame: 0 });
  const { hopSamples, fftSize } = settings;
  const stft = createStft(settings);
  const side = new Float32Array(mid.length);
  const around = Math.ceil(fftSize / hopSamples); // frames to either side that a piece is transformed with and that are thrown away
  for (let from = 0; from < mid.length; from += PIECE_FRAMES * hopSamples) {
    const to = Math.min(mid.length, from + PIECE_FRAMES * hopSamples);
    const start = Math.max(0, from - around * hopSamples);
    const end = Math.min(mid.length, to + around * hopSamples);
    const piece = composePiece(stft, { ...options, mid: mid.subarray(start, end), own: own.subarray(start, end) }, { spread, firstFrame: start / hopSamples });
    side.set(piece.subarray(from - start, to - start), from);
  }
  return side;
}

interface PieceOptions {
  readonly spread: Spread;
  /** Of the image at the piece's start. */
  readonly firstFrame: number;
}

function composePiece(stft: Transform, { settings: { melBins }, mid, own, gains, frameCount }: SideOptions, { spread, firstFrame }: PieceOptions): Float32Array {
  const { lower, upper, share } = spread;
  const count = stft.frameCount(mid.length);
  const [side, turned] = [mid, own].map((signal): Spectrum => {
    const spectrum = stft.createSpectrum(count);
    stft.forwardInto(signal, spectrum);
    return spectrum;
  });
  for (let n = 0; n < count; n += 1) {
    const row = Math.min(firstFrame + n, frameCount - 1) * melBins;
    for (let bin = 0; bin < share.length; bin += 1) {
      const cell = n * share.length + bin;
      const gain = (1 - share[bin]) * gains[row + lower[bin]] + share[bin] * gains[row + upper[bin]];
      side.re[cell] = gain * side.re[cell] + turned.im[cell];
      side.im[cell] = gain * side.im[cell] - turned.re[cell];
    }
  }
  const signal = new Float32Array(mid.length);
  stft.inverseInto(side, signal);
  return signal;
}

/** Between which two filters the gain of each bin lies, and what share of it is the upper one's. */
interface Spread {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly share: Float64Array;
}

/** By the weights of the filters over a bin; below the lowest and above the highest filter it is theirs. */
function spreadOf({ melBins, binCount, filterOf, lowerWeights, upperWeights }: MelFilterBank): Spread {
  const [lower, upper, share] = [new Int32Array(binCount), new Int32Array(binCount), new Float64Array(binCount)];
  for (let bin = 0, last = 0; bin < binCount; bin += 1) {
    if (filterOf[bin] >= 0) last = filterOf[bin];
    lower[bin] = last;
    upper[bin] = Math.min(last + 1, melBins - 1);
    share[bin] = filterOf[bin] < 0 ? 0 : upperWeights[bin] / (lowerWeights[bin] + upperWeights[bin]);
  }
  return { lower, upper, share };
}

function isEverywhereZero(values: Float32Array): boolean {
  return values.every((value) => value === 0);
}

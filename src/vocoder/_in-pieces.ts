// Inverts long images piece after piece in bounded memory: each piece is made to go on from the samples that the one before it left.
import type { KnownSamples } from '../dsp/given-sound.js';
import type { KnownSound } from './vocoder.js';

/** Frames of a piece. More: more memory, some 15 kB per frame, and fewer joins. */
const PIECE_FRAMES = 1024;

interface PieceOptions {
  readonly frameCount: number;
  readonly sampleCount: number;
  readonly hopSamples: number;
  readonly fftSize: number;
  readonly known?: KnownSound;
}

/** Frames `first` to before `last`, as so many samples, of which some are known. */
export interface ImagePiece {
  readonly first: number;
  readonly last: number;
  readonly sampleCount: number;
  /** Undefined where nothing is known. */
  readonly known: KnownSamples | undefined;
}

/**
 * Calls `invert` for one piece after the other. A piece begins two transforms before the end of what is known, so that every frame over a
 * new sample is whole, and its last transform's length is left to the next piece, since the mirror at its end is not the sound's.
 *
 * Shape: [sampleCount].
 */
export function invertInPieces({ frameCount, sampleCount, hopSamples, fftSize, known }: PieceOptions, invert: (piece: ImagePiece) => Float32Array): Float32Array {
  const made = new Float32Array(sampleCount);
  const isKnown = new Uint8Array(sampleCount);
  if (known !== undefined) {
    made.set(known.samples.subarray(known.from, known.to), known.from);
    isKnown.fill(1, known.from, known.to);
  }
  const transform = Math.ceil(fftSize / hopSamples);
  const pieceFrames = Math.max(PIECE_FRAMES, 6 * transform);
  for (let first = 0; ; ) {
    const last = Math.min(first + pieceFrames, frameCount);
    const isEnd = last === frameCount;
    const from = first * hopSamples;
    const to = isEnd ? sampleCount : (last - 1) * hopSamples;
    const flags = isKnown.subarray(from, to);
    const isAnyKnown = flags.includes(1);
    const samples = invert({ first, last, sampleCount: to - from, known: isAnyKnown ? { samples: made.subarray(from, to), isKnown: flags } : undefined });
    const end = isEnd ? sampleCount : (last - 1 - transform) * hopSamples;
    made.set(samples.subarray(0, end - from), from);
    if (isEnd) return made;
    isKnown.fill(1, from, end);
    first = last - 1 - 3 * transform;
  }
}

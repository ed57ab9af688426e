// Inverts long images piece after piece in bounded memory: each piece is made to go on from the samples that the one before it left.
import type { KnownSamples } from '../dsp/given-sound.js';
import { pieceSpans } from './piece-spans.js';
import type { KnownSound } from './vocoder.js';

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
 * Calls `invert` for one piece after the other, each with the samples of the one channel that are there already.
 *
 * Shape: [sampleCount].
 */
export function invertInPieces({ known, ...lengths }: PieceOptions, invert: (piece: ImagePiece) => Float32Array): Float32Array {
  const made = new Float32Array(lengths.sampleCount);
  const isKnown = new Uint8Array(lengths.sampleCount);
  for (const span of known?.spans ?? []) {
    made.set(known!.channels[0].subarray(span.from, span.to), span.from);
    isKnown.fill(1, span.from, span.to);
  }
  for (const { first, last, from, to, end } of pieceSpans(lengths)) {
    const flags = isKnown.subarray(from, to);
    const isAnyKnown = flags.includes(1);
    const samples = invert({ first, last, sampleCount: to - from, known: isAnyKnown ? { samples: made.subarray(from, to), isKnown: flags } : undefined });
    made.set(samples.subarray(0, end - from), from);
    isKnown.fill(1, from, end);
  }
  return made;
}

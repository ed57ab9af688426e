// Where the pieces of a long image lie that are inverted one after the other. Numbers only.

/** Frames of a piece. More: more memory, some 15 kB per frame, and fewer joins. */
const PIECE_FRAMES = 1024;

interface SpanOptions {
  readonly frameCount: number;
  readonly sampleCount: number;
  readonly hopSamples: number;
  readonly fftSize: number;
  /** Frames to either side that a sound depends on too. Default 0. */
  readonly contextFrames?: number;
}

/** Frames `first` to before `last`, samples `from` to before `to`, of which those before `end` stay. */
export interface PieceSpan {
  readonly first: number;
  readonly last: number;
  readonly from: number;
  readonly to: number;
  readonly end: number;
}

/**
 * A piece begins two transforms, and the context, before the end of what the one before it left, so that every frame over a new sample is whole,
 * and its last transform's length and the context are left to the next piece, since the mirror at its end is not the sound's.
 */
export function* pieceSpans({ frameCount, sampleCount, hopSamples, fftSize, contextFrames = 0 }: SpanOptions): Generator<PieceSpan> {
  const transform = Math.ceil(fftSize / hopSamples);
  const pieceFrames = Math.max(PIECE_FRAMES, 6 * transform + 4 * contextFrames);
  for (let first = 0; ; ) {
    const last = Math.min(first + pieceFrames, frameCount);
    const from = first * hopSamples;
    if (last === frameCount) return yield { first, last, from, to: sampleCount, end: sampleCount };
    const endFrame = last - 1 - transform - contextFrames;
    yield { first, last, from, to: (last - 1) * hopSamples, end: endFrame * hopSamples };
    first = endFrame - 2 * transform - contextFrames;
  }
}

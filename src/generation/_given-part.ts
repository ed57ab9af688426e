// What a streamed clip begins or ends with that is there already: its image in place of the drawn one, its samples for the vocoder.
import { joinFrames } from '../spectrogram/frames.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { putKept, type Carry } from '../spectrogram/put-kept.js';
import type { KnownSound } from '../vocoder/vocoder.js';
import { clipFinite } from './_render.js';

export interface GivenPart {
  readonly isAtEnd: boolean;
  /** The clip's first samples, of which the image begins with the last `knownCount`; or its last, with the first of which the image ends. Shape: [T] each. */
  readonly channels: readonly Float32Array[];
  readonly knownCount: number;
  /** Takes the place of as many of the image's first frames, or last. */
  readonly image: MelImage;
  /** What followed them, or came before, over which they change into the drawn sound, or it into them. */
  readonly fading: readonly Float32Array[];
  /** What of it goes on over the join. */
  readonly carry: Carry;
  /** Samples at the image's start that are not the clip's. */
  readonly dropCount: number;
}

/** The images with the given one in its place, those beside it held back until what of it is carried over the join has its place. */
export async function* withGiven(images: AsyncGenerator<MelImage>, given: GivenPart | undefined, { seed, frameCount }: { readonly seed: number; readonly frameCount: number }): AsyncGenerator<MelImage> {
  if (given === undefined) return yield* images;
  const { image, carry, isAtEnd } = given;
  const reachFrames = Math.max(carry.reachFrames, carry.holdFrames ?? 0);
  const [heldFrom, heldTo] = isAtEnd ? [frameCount - image.frameCount - reachFrames, frameCount] : [0, image.frameCount + reachFrames]; // a clip that is streamed is longer
  const held: MelImage[] = [];
  let readTo = 0;
  for await (const next of images) {
    const from = readTo;
    readTo += next.frameCount;
    if (readTo <= heldFrom || from >= heldTo) {
      yield next;
      continue;
    }
    clipFinite(next, seed);
    held.push(next);
    if (readTo < heldTo) continue;
    const all = joinFrames(held);
    const firstFrame = isAtEnd ? all.frameCount - image.frameCount : 0;
    yield putKept(all, { image, firstFrame, isKept: (_, frame) => frame >= firstFrame && frame < firstFrame + image.frameCount }, carry);
  }
}

interface KnownOptions {
  /** The piece's first samples. */
  readonly before: readonly Float32Array[];
  /** Given samples, which begin at `endsFrom` of the piece. */
  readonly end: readonly Float32Array[] | undefined;
  readonly endsFrom: number;
  readonly sampleCount: number;
}

/** What is known of a piece: its first samples, of the piece before it, and the given ones at its end, if it reaches them. */
export function knownOf({ before, end, endsFrom, sampleCount }: KnownOptions): KnownSound | undefined {
  const to = before[0].length;
  const from = Math.max(0, endsFrom);
  const isEnding = end !== undefined && endsFrom < sampleCount;
  const spans = isEnding ? (from <= to ? [{ from: 0, to: sampleCount }] : [...(to > 0 ? [{ from: 0, to }] : []), { from, to: sampleCount }]) : to > 0 ? [{ from: 0, to }] : [];
  if (spans.length === 0) return undefined;
  const channels = before.map((samples, channel) => {
    const filled = new Float32Array(sampleCount);
    if (isEnding) filled.set(end[channel].subarray(from - endsFrom, sampleCount - endsFrom), from);
    filled.set(samples);
    return filled;
  });
  return { channels, spans };
}

// A sound's own frames put into an image that a network drew around them, and over the join what goes on of it: the detail that the network cannot draw, and for a moment the sound itself.
import { imageRows } from '../config/mel-layout.js';
import type { MelImage } from './mel-image.js';
import { sustainOf } from './sustain.js';

/** What of a drawn image is to be a sound's own. */
export interface KeptCells {
  readonly image: MelImage;
  /** Frame of the drawn image at which the sound's own begins. */
  readonly firstFrame: number;
  readonly isKept: (row: number, frame: number) => boolean;
}

export interface Carry {
  /** Share, 0 to 1, of what is lacking that is carried over. */
  readonly detail: number;
  /** Frames behind a join over which it fades, or as many as are kept there. */
  readonly reachFrames: number;
  /** Frames behind a join over which the kept sound goes on into what is drawn, where it is sustained there. Default 0: it changes at once. */
  readonly holdFrames?: number;
}

/**
 * Replaces the cells that are kept. An autoencoder makes them softer than they were, and what is drawn beside them is as soft: the
 * spectrum would jump where the one meets the other. So what each kept cell has over its drawn counterpart is added beyond the join, mirrored in time
 * about it, and fades as the square of the distance. (Of the autoencoders of drums and of notes, what is lacking of a frame and of its mirror
 * image are alike by 0.8 beside a place, 0.55 after 0.1 s, and 0.2 after 0.6 s.) Between two joins shares add up to 1 at most.
 *
 * Where the kept sound is sustained beside a join, it is held as well, mirrored and no louder than beside the join, and what is drawn takes its place along
 * half a cosine; an attack, a decay or silence is not held, or what is drawn would have its own attacks softened.
 *
 * Shape: [M, N], of stereo sound [3·M, N].
 */
export function putKept(drawn: MelImage, { image: own, firstFrame, isKept }: KeptCells, { detail, reachFrames, holdFrames = 0 }: Carry): MelImage {
  const { settings, frameCount, data } = drawn;
  const made = data.slice();
  const sustains = sustainsOf({ image: own, firstFrame, isKept }, { holdFrames, frameCount });
  for (let row = 0; row < imageRows(settings); row += 1) {
    const cells = made.subarray(row * frameCount, (row + 1) * frameCount);
    const lacking = new Float32Array(frameCount);
    const kept = Uint8Array.from({ length: frameCount }, (_, frame) => (isKept(row, frame) ? 1 : 0));
    kept.forEach((isOwn, frame) => {
      if (isOwn === 0) return;
      const value = own.data[row * own.frameCount + frame - firstFrame];
      lacking[frame] = value - cells[frame];
      cells[frame] = value;
    });
    if (!kept.includes(1)) continue;
    const details = sidesOf(kept, lacking, [0, 1].map(() => ({ reachFrames, weight: (share) => (1 - share) ** 2 })));
    const isLevel = row < 2 * settings.melBins; // and not a panning
    const holds = sidesOf(kept, cells, sustains.map((sustainAt) => ({ reachFrames: holdFrames, weight: (share, edge) => sustainAt(edge) * Math.cos((Math.PI * share) / 2) ** 2, isCapped: isLevel })));
    kept.forEach((isOwn, frame) => {
      if (isOwn === 1) return;
      const [carried, held] = [meanAt(details, frame), meanAt(holds, frame)];
      const detailed = cells[frame] + detail * carried.sum;
      cells[frame] = Math.min(Math.max((1 - held.weight) * detailed + held.sum, -1), 1);
    });
  }
  return { ...drawn, data: made };
}

interface Side {
  /** What is carried to each frame, and how much of it. */
  readonly values: Float32Array;
  readonly weights: Float32Array;
}

/** How sustained the kept sound is before a join, by the first frame behind it; and behind one, by the same in reversed time. */
function sustainsOf({ image, firstFrame, isKept }: KeptCells, { holdFrames, frameCount }: { holdFrames: number; frameCount: number }): readonly ((edge: number) => number)[] {
  const between = (from: number, to: number): number => {
    const [first, last] = [Math.max(from, firstFrame), Math.min(to, firstFrame + image.frameCount)];
    const isHeard = (row: number): boolean => Array.from({ length: last - first }, (_, index) => first + index).every((frame) => isKept(row, frame));
    return sustainOf(image, { from: first - firstFrame, to: last - firstFrame }, isHeard);
  };
  const known = new Map<number, number>();
  const once = (key: number, from: number, to: number): number => {
    const value = known.get(key) ?? between(from, to);
    known.set(key, value);
    return value;
  };
  return [(edge) => once(edge, edge - holdFrames, edge), (edge) => once(-edge, frameCount - edge, frameCount - edge + holdFrames)];
}

interface SideOptions {
  readonly reachFrames: number;
  /** At a share, 0 to 1, of the reach, behind a join whose first frame is given. */
  readonly weight: (share: number, edge: number) => number;
  /** Whether no value exceeds those beside the join. */
  readonly isCapped?: boolean;
}

/** Of both sides of a stretch that is not kept, weighted; weights add up to 1 at most. */
function meanAt(sides: readonly Side[], frame: number): { readonly sum: number; readonly weight: number } {
  const total = sides.reduce((sum, { weights }) => sum + weights[frame], 0);
  const sum = sides.reduce((carried, { values, weights }) => carried + weights[frame] * values[frame], 0);
  return total > 1 ? { sum: sum / total, weight: 1 } : { sum, weight: total };
}

/** @param options of the kept cells before, and of those behind */
function sidesOf(kept: Uint8Array, values: Float32Array, [before, behind]: readonly SideOptions[]): readonly Side[] {
  return [sideOf(kept, values, before), mirrored(sideOf(kept.slice().reverse(), values.slice().reverse(), behind))];
}

/** Frames before a join whose loudest is what is held at most. */
const CAP_FRAMES = 3;

/** What comes from the kept cells before each cell that is not kept. */
function sideOf(kept: Uint8Array, cells: Float32Array, { reachFrames, weight, isCapped = false }: SideOptions): Side {
  const [values, weights] = [new Float32Array(kept.length), new Float32Array(kept.length)];
  let run = 0; // cells that were kept last
  let distance = 0; // behind them
  kept.forEach((isOwn, frame) => {
    if (isOwn === 1) {
      run = distance > 0 ? 1 : run + 1;
      distance = 0;
      return;
    }
    distance += 1;
    const reach = Math.min(reachFrames, run);
    if (distance > reach) return;
    const value = cells[frame - 2 * distance + 1];
    const edge = frame - distance + 1; // the first that is not kept
    values[frame] = isCapped ? Math.min(value, Math.max(...cells.subarray(Math.max(0, edge - CAP_FRAMES), edge))) : value;
    weights[frame] = weight((distance - 1) / reach, edge);
  });
  return { values, weights };
}

function mirrored({ values, weights }: Side): Side {
  return { values: values.reverse(), weights: weights.reverse() };
}

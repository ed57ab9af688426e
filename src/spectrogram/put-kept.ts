// A sound's own frames put into an image that a network drew around them, and the detail that the network cannot draw carried over the join.
import { imageRows } from '../config/mel-layout.js';
import type { MelImage } from './mel-image.js';

/** What of a drawn image is to be a sound's own. */
export interface KeptCells {
  readonly image: MelImage;
  /** Frame of the drawn image at which the sound's own begins. */
  readonly firstFrame: number;
  readonly isKept: (row: number, frame: number) => boolean;
}

interface Carry {
  /** Share, 0 to 1, of what is lacking that is carried over. */
  readonly detail: number;
  /** Frames behind a join over which it fades, or as many as are kept there. */
  readonly reachFrames: number;
}

/**
 * Replaces the cells that are kept. An autoencoder makes them softer than they were, and what is drawn beside them is as soft: the
 * spectrum would jump where the one meets the other. So what each kept cell has over its drawn counterpart is added beyond the join, mirrored in time
 * about it, and fades as the square of the distance. (Of the autoencoders of drums and of notes, what is lacking of a frame and of its mirror
 * image are alike by 0.8 beside a place, 0.55 after 0.1 s, and 0.2 after 0.6 s.) Between two joins shares add up to 1 at most.
 *
 * Shape: [M, N], of stereo sound [3·M, N].
 */
export function putKept(drawn: MelImage, { image: own, firstFrame, isKept }: KeptCells, { detail, reachFrames }: Carry): MelImage {
  const { settings, frameCount, data } = drawn;
  const made = data.slice();
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
    if (detail === 0 || !kept.includes(1)) continue;
    const sides = [sideOf(kept, lacking, reachFrames), mirrored(sideOf(kept.slice().reverse(), lacking.slice().reverse(), reachFrames))];
    kept.forEach((isOwn, frame) => {
      if (isOwn === 1) return;
      const weights = sides.map((side) => side.weights[frame]);
      const total = Math.max(1, weights[0] + weights[1]);
      const carried = sides.reduce((sum, side, index) => sum + (weights[index] / total) * side.values[frame], 0);
      cells[frame] = Math.min(Math.max(cells[frame] + detail * carried, -1), 1);
    });
  }
  return { ...drawn, data: made };
}

interface Side {
  /** What is carried to each frame, and how much of it. */
  readonly values: Float32Array;
  readonly weights: Float32Array;
}

/** What comes from the kept cells before each cell that is not kept. */
function sideOf(kept: Uint8Array, lacking: Float32Array, reachFrames: number): Side {
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
    values[frame] = lacking[frame - 2 * distance + 1];
    weights[frame] = (1 - (distance - 1) / reach) ** 2;
  });
  return { values, weights };
}

function mirrored({ values, weights }: Side): Side {
  return { values: values.reverse(), weights: weights.reverse() };
}

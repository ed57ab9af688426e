// The condition of windows: each window of an item is drawn after what the item is drawn after.
import * as tf from '@tensorflow/tfjs';
import { windowColumns, type Piece, type Windows } from '../diffusion/windows.js';
import type { PipelineCondition } from './denoiser.js';
import { nothingKept } from './inpainting.js';

/**
 * The condition of pieces of a batch, for withWindows. What is beside the sample may be shorter, as that of a sound that goes on is: nothing is kept
 * beyond it.
 *
 * Memory: the caller disposes of its tensors.
 */
export function selectCondition(windows: Windows): (condition: PipelineCondition, pieces: readonly Piece[]) => PipelineCondition {
  return ({ classLabels, textStates, negativeStates, beside, besideFrom = 0 }, pieces) => {
    const items = pieces.map(({ item }) => item);
    const ofItems = (states: tf.Tensor3D | undefined): tf.Tensor3D | undefined => states && tf.tidy(() => tf.gather(states, tf.tensor1d(items, 'int32'), 0));
    return {
      classLabels: classLabels && Int32Array.from(items, (item) => classLabels[item]),
      textStates: ofItems(textStates),
      negativeStates: ofItems(negativeStates),
      beside: beside && tf.tidy(() => tf.concat(pieces.map((piece) => besidePiece({ beside, besideFrom }, piece, windows)), 0) as tf.Tensor4D),
    };
  };
}

function besidePiece({ beside, besideFrom }: { beside: tf.Tensor4D; besideFrom: number }, { item, start }: Piece, windows: Windows): tf.Tensor4D {
  const [, rows, columns, channels] = beside.shape;
  const own = tf.slice(beside, [item, 0, 0, 0], [1, -1, -1, -1]);
  if (columns === windows.length) return tf.gather(own, tf.tensor1d(windowColumns(windows, start), 'int32'), 2);
  const [from, to] = [Math.max(start, besideFrom), Math.min(start + windows.width, besideFrom + columns)];
  const nothing = (count: number): tf.Tensor4D[] => (count === 0 ? [] : [nothingKept([1, rows, count, channels - 1])]);
  if (from >= to) return nothing(windows.width)[0];
  return tf.concat([...nothing(from - start), tf.slice(own, [0, 0, from - besideFrom, 0], [1, -1, to - from, -1]), ...nothing(start + windows.width - to)], 2) as tf.Tensor4D;
}

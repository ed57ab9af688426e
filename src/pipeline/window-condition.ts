// The condition of windows: each window of an item is drawn after what the item is drawn after.
import * as tf from '@tensorflow/tfjs';
import { windowColumns, type Piece, type Windows } from '../diffusion/windows.js';
import type { PipelineCondition } from './denoiser.js';

/** The condition of pieces of a batch, for withWindows. Memory: the caller disposes of its tensors. */
export function selectCondition(windows: Windows): (condition: PipelineCondition, pieces: readonly Piece[]) => PipelineCondition {
  return ({ classLabels, textStates, negativeStates, enlarged }, pieces) => {
    const items = pieces.map(({ item }) => item);
    const ofItems = (states: tf.Tensor3D | undefined): tf.Tensor3D | undefined => states && tf.tidy(() => tf.gather(states, tf.tensor1d(items, 'int32'), 0));
    return {
      classLabels: classLabels && Int32Array.from(items, (item) => classLabels[item]),
      textStates: ofItems(textStates),
      negativeStates: ofItems(negativeStates),
      enlarged: enlarged && tf.tidy(() => tf.concat(pieces.map(({ item, start }) => tf.gather(tf.slice(enlarged, [item, 0, 0, 0], [1, -1, -1, -1]), tf.tensor1d(windowColumns(windows, start), 'int32'), 2)), 0) as tf.Tensor4D),
    };
  };
}

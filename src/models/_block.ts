// What the blocks of all networks have in common: their style, what they see beside the image, and how they are chained.
import * as tf from '@tensorflow/tfjs';

/** What all blocks of one network have in common. */
export interface BlockStyle {
  readonly groups: number;
  readonly epsilon: number;
  /** Width of the time embedding; null where there is none. */
  readonly embeddingWidth: number | null;
  /** Whether the time embedding is added, or scales and shifts after the second normalisation. */
  readonly timeScaleShift: 'default' | 'scale_shift';
}

/** What a block sees beside the image. */
export interface BlockContext {
  /** Time and class, already through SiLU; null where there is no time. Shape: [B, embeddingWidth]. */
  readonly embedding: tf.Tensor2D | null;
  /** What cross-attention attends to; null or absent for the image itself. Shape: [B, S, width]. */
  readonly encoderHiddenStates?: tf.Tensor3D | null;
  /** Added to the scores of cross-attention. Shape: [B, S]. */
  readonly encoderBias?: tf.Tensor2D | null;
}

/** Shape: x [B, H, W, C] -> [B, H', W', C']. Memory: what it makes on the way is freed; the caller owns the result. */
export type Block = (x: tf.Tensor4D, context: BlockContext) => tf.Tensor4D;

/** One block after the other; each result is freed as soon as the next block has used it. */
export function inOrder(blocks: readonly Block[]): Block {
  return (x, context) =>
    blocks.reduce((value, block) => {
      const next = tf.tidy(() => block(value, context));
      if (value !== x && next !== value) value.dispose();
      return next;
    }, x);
}

// The one function type that samplers know.
import type * as tf from '@tensorflow/tfjs';

/**
 * Returns the expected clean sample, given noisy = clean + sigma · unit noise and a condition.
 * Shape: [B, H, W, C] in and out. Memory: the caller disposes the result; the input stays.
 */
export type Denoiser<C = unknown> = (noisy: tf.Tensor4D, sigma: number, condition: C) => tf.Tensor4D;

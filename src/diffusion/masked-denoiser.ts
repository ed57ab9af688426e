// A denoiser that draws only where a mask lets it and holds everything else to a clean sample that is known.
import * as tf from '@tensorflow/tfjs';
import type { Denoiser } from './denoiser.js';

export interface MaskOptions {
  /** 1: drawn; 0: known. Shape: [B or 1, H, W, 1 or C]. */
  readonly mask: tf.Tensor4D;
  /** What is known. Shape: [B, H, W, C]. */
  readonly clean: tf.Tensor4D;
}

/**
 * Answers with the denoised sample under the mask and with the known one elsewhere. A sampler that starts there from
 * clean + sigma · noise then stays on the very path from the known sample to that noise, whatever its order, and the network sees the
 * known part at the noise level that it was trained on. With data whose parts depend on one another the result follows what is known
 * as far as the network heeds it; it is no exact draw from the conditional distribution.
 *
 * Source: the replacement method of Song et al., "Score-based generative modeling" (2021), appendix I.2, told through the denoised sample.
 */
export function withMask<C>(denoise: Denoiser<C>, { mask, clean }: MaskOptions): Denoiser<C> {
  return (noisy, sigma, condition) => tf.tidy(() => blend({ mask, drawn: denoise(noisy, sigma, condition), clean }));
}

/** drawn · mask + clean · (1 - mask). Memory: the caller disposes. */
export function blend({ mask, drawn, clean }: MaskOptions & { readonly drawn: tf.Tensor4D }): tf.Tensor4D {
  return tf.tidy(() => tf.add(tf.mul(drawn, mask), tf.mul(clean, tf.sub(1, mask))) as tf.Tensor4D);
}

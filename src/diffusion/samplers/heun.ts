// Heun's method on the ordinary differential equation of diffusion: an Euler step, then again with the mean of both slopes.
import * as tf from '@tensorflow/tfjs';
import { clipped, takeSteps, weightedSum, type SamplerOptions } from './sampler.js';

interface HeunOptions {
  /** Holds the denoised samples to [-clipRange, clipRange]. Default null: no limit. */
  readonly clipRange?: number | null;
  /** Steps from a sigma above this are Euler's: there the slopes at both ends have nothing in common. Default 1000. */
  readonly largestSigma?: number;
}

/** Above this sigma the sample holds next to nothing but noise. */
export const LARGEST_SECOND_ORDER_SIGMA = 1000;

/**
 * Samples by Heun steps in sigma, second order, with two calls of the denoiser per step. The step to sigma 0 is Euler's.
 *
 * Source: Karras et al. 2022, algorithm 1; written as weights of noisy and of the two denoised samples.
 */
export function sampleHeun<C>({ clipRange, largestSigma = LARGEST_SECOND_ORDER_SIGMA, ...options }: SamplerOptions<C> & HeunOptions): Promise<tf.Tensor4D> {
  const denoise = clipped(options.denoise, clipRange);
  return takeSteps(options, (noisy, { sigma, nextSigma }) => {
    const ratio = nextSigma / sigma;
    const denoised = denoise(noisy, sigma, options.condition);
    const euler = weightedSum([[ratio, noisy], [1 - ratio, denoised]]);
    if (nextSigma === 0 || sigma > largestSigma) return { next: euler, denoised, memory: [] };
    const ahead = denoise(euler, nextSigma, options.condition);
    const share = (1 - ratio) / (2 * ratio);
    return { next: weightedSum([[ratio, noisy], [share * (2 * ratio - 1), denoised], [share, ahead]]), denoised, memory: [] };
  });
}

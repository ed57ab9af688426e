// Drawing after a mix by a model that draws a small image first: both images from one strength on, under one mask.
import * as tf from '@tensorflow/tfjs';
import { blend } from '../diffusion/masked-denoiser.js';
import type { Upscaler } from '../pipeline/pipeline.js';
import { enlargeImages, reduceImages, reduceMask } from '../pipeline/resize.js';
import type { NetworkNoise } from './_noise.js';
import type { InvertAsked, NetworkRedraw, RedrawAsked } from './_redraw-network.js';
import { showEnlarged } from './_upscale.js';

interface Twice {
  readonly first: NetworkRedraw;
  /** null where the upscaler is not trained: the small image is enlarged as it is. */
  readonly second: NetworkRedraw | null;
  /** Of the first. */
  readonly steps: number;
  readonly factor: Upscaler['factor'];
}

interface DrawnTwice {
  /** Shape: clean, mask and result are of the whole image. Memory: the caller disposes the result; what is given stays. */
  run(batch: RedrawAsked & { readonly noise: readonly NetworkNoise[] }): Promise<tf.Tensor4D>;
  /** The noise of the small image, and of the whole one given the small. Memory: the caller disposes. */
  invert(asked: InvertAsked): Promise<tf.Tensor4D[]>;
}

/** A small cell is drawn anew where any cell under it is. */
export function drawTwice({ first, second, steps, factor }: Twice): DrawnTwice {
  return {
    async run({ clean, mask, noise, onStep, ...asked }) {
      const [lessClean, lessMask] = [clean && reduceImages(clean, factor), mask && reduceMask(mask, factor)];
      const small = await first.run({
        ...asked, clean: lessClean, mask: lessMask, noise: noise[0],
        onStep: (step, denoised) => (denoised === undefined ? onStep?.(step) : showEnlarged(denoised, factor, (whole) => onStep?.(step, whole))),
      }).finally(() => tf.dispose([lessClean ?? [], lessMask ?? []]));
      const enlarged = enlargeImages(small, factor);
      small.dispose();
      try {
        if (second !== null) return await second.run({ ...asked, clean, mask, noise: noise[1], beside: enlarged, onStep: (step, denoised) => onStep?.(steps + step, denoised) });
        return mask === undefined || clean === null ? tf.clone(enlarged) : blend({ mask, drawn: enlarged, clean });
      } finally {
        enlarged.dispose();
      }
    },
    async invert(asked) {
      const small = reduceImages(asked.clean, factor);
      const beside = enlargeImages(small, factor);
      try {
        const noise = await first.invert({ ...asked, clean: small });
        try {
          return [noise, ...(second === null ? [] : [await second.invert({ ...asked, beside })])];
        } catch (thrown) {
          noise.dispose();
          throw thrown;
        }
      } finally {
        tf.dispose([small, beside]);
      }
    },
  };
}

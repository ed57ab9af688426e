// The schema of progressive generation: a small image first, then an upscaler that draws the whole one given it. Knows no network.
import { z } from 'zod';
import { trainingSchema } from './training.js';
import { unet2dSchema } from './unet-2d.js';

/** What draws the whole image once `unet` has drawn one that is averaged down. null: `unet` draws the whole image. */
export const upscalerSchema = z
  .strictObject({
    /** How many times smaller the first image is, in rows and in columns. 4 costs the first UNet a sixteenth, and leaves more to the upscaler. */
    factor: z.literal([2, 4]).default(2),
    /** Keys of the reference's UNet2DModel, as in its config.json. It sees two images, the noisy one and the enlarged small one; what is null is derived. */
    network: unet2dSchema.prefault({}),
    training: trainingSchema,
    /**
     * The most noise that is added to the small image in training, as a share of the images' deviation; each sample's is drawn between
     * 0 and this. Range 0 to 1. At 0 the upscaler trusts every cell of a small image, the flaws of a drawn one included.
     */
    noiseAugmentation: z.number().min(0).max(1).default(0.1),
    /** Share of training slices whose label is hidden, as in unet. Range 0 to 1. */
    labelDropout: z.number().min(0).max(1).default(0.1),
  })
  .nullable()
  .default(null);

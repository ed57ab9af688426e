// The schema of a whole configuration, composed of the schemas of its blocks.
import { z } from 'zod';
import { autoencoderKlSchema } from './autoencoder-kl.js';
import { corpusSchema } from './corpus.js';
import { diffusionSchema } from './diffusion.js';
import { generationSchema } from './generation.js';
import { melSchema } from './mel.js';
import { discriminatorSchema, trainingSchema, vaeLossSchema } from './training.js';
import { unet2dSchema } from './unet-2d.js';

const vaeSchema = z
  .strictObject({
    /** `kl`: a variational autoencoder; `plain`: the same network without noise and KL. */
    kind: z.enum(['kl', 'plain']).default('kl'),
    /** Keys of the reference's AutoencoderKL, as in its config.json. */
    network: autoencoderKlSchema.prefault({}),
    /** Trains on windows of this many frames, drawn over each slice's sound, instead of whole slices: less time spent on padding. null: whole slices. */
    cropFrames: z.int().min(8).max(65_536).nullable().default(null),
    loss: vaeLossSchema,
    training: trainingSchema,
    discriminator: discriminatorSchema,
  })
  .prefault({});

const unetSchema = z
  .strictObject({
    /** Keys of the reference's UNet2DModel, as in its config.json; what is null is derived from the rest. */
    network: unet2dSchema.prefault({}),
    training: trainingSchema,
    /** Share of training slices whose label is hidden, so that guidance has something to compare with. Range 0 to 1. */
    labelDropout: z.number().min(0).max(1).default(0.1),
  })
  .prefault({});

export const runConfigSchema = z.strictObject({
  /** Name of the run and of its folder; empty takes the configuration file's name. */
  name: z.string().default(''),
  /** Seeds weights, split, batches and noise. */
  seed: z.int().min(0).max(2 ** 32 - 1).default(0),
  corpus: corpusSchema,
  mel: melSchema.prefault({}),
  /** `latent` diffuses in the autoencoder's latent space; `pixel` on the spectrogram itself, without autoencoder. */
  representation: z.enum(['latent', 'pixel']).default('latent'),
  /** Of convolutions and matrix products in training; weights, sums and norms stay float32. `auto`: bfloat16 where the processor has it, about twice as fast. */
  precision: z.enum(['auto', 'float32', 'bfloat16']).default('auto'),
  vae: vaeSchema,
  unet: unetSchema,
  diffusion: diffusionSchema,
  generation: generationSchema,
});

type DeepReadonly<T> = T extends readonly (infer Item)[] ? readonly DeepReadonly<Item>[] : T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

/** A checked configuration with every key present, frozen all the way down. */
export type RunConfig = DeepReadonly<z.output<typeof runConfigSchema>>;

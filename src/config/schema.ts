// The schema of a whole configuration, composed of the schemas of its blocks.
import { z } from 'zod';
import { autoencoderKlSchema } from './autoencoder-kl.js';
import { corpusSchema } from './corpus.js';
import { diffusionSchema } from './diffusion.js';
import { generationSchema } from './generation.js';
import { melSchema } from './mel.js';
import { discriminatorSchema, trainingSchema, vaeLossSchema } from './training.js';
import { unet2dSchema } from './unet-2d.js';
import { unet2dConditionSchema } from './unet-2d-condition.js';
import { upscalerSchema } from './upscaler.js';
import { vocoderSchema } from './vocoder.js';

const vaeSchema = z
  .strictObject({
    /** `kl`: a variational autoencoder; `plain`: the same network without noise and KL. */
    kind: z.enum(['kl', 'plain']).default('kl'),
    /** Keys of the reference's AutoencoderKL, as in its config.json. */
    network: autoencoderKlSchema.prefault({}),
    /** Trains on windows of this many frames, drawn over each slice's sound, instead of whole slices: less time spent on padding. null: whole slices. */
    cropFrames: z.int().min(8).max(65_536).nullable().default(null),
    /** False keeps the autoencoder of initialPipeline as it is: its stage is left out, and latents are made with it. */
    trainable: z.boolean().default(true),
    /** Scale and shift of latents: measured on the corpus, or kept as initialPipeline has them. `auto` keeps those of an autoencoder that is not trained. */
    latentScale: z.enum(['auto', 'keep', 'measure']).default('auto'),
    loss: vaeLossSchema,
    training: trainingSchema,
    discriminator: discriminatorSchema,
  })
  .prefault({});

const unetSchema = z
  .strictObject({
    /** Keys of the reference's UNet2DModel, as in its config.json; what is null is derived from the rest. */
    network: unet2dSchema.prefault({}),
    /** Keys of the reference's UNet2DConditionModel, a UNet that attends to text, in place of `network`; null for one that does not. */
    conditionNetwork: unet2dConditionSchema.nullable().default(null),
    /** The classes of initialPipeline's UNet: `keep` asks for the same labels; `new` makes a table for the corpus' labels, in which known labels keep their row. */
    classTable: z.enum(['keep', 'new']).default('keep'),
    training: trainingSchema,
    /** Share of training slices whose label is hidden, so that guidance has something to compare with. Range 0 to 1. */
    labelDropout: z.number().min(0).max(1).default(0.1),
    /** The same for captions: the share that is trained with the empty one. Range 0 to 1. */
    captionDropout: z.number().min(0).max(1).default(0.1),
    /**
     * Share of training samples of which a part is shown beside the noise as it is, and the rest drawn to go with it: `fill` and `extend` then take a third of
     * the network calls and follow the level more closely, and plain generation learns more slowly. Above 0 the UNet takes the inputs of Stable Diffusion's inpainting UNets: noisy sample, mask, kept sample; that of a plain
     * initialPipeline is given them. null: 0.5 for an initialPipeline that has them, else 0. Range 0 to 1.
     */
    inpaintingShare: z.number().min(0).max(1).nullable().default(null),
    /** A folder whose text_encoder/ and tokenizer/ read captions and prompts, and stay as they are; null takes those of initialPipeline. Relative to this file. */
    textEncoder: z.string().min(1).nullable().default(null),
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
  /** Of convolutions and matrix products, in training and in drawing from the run; weights, sums and norms stay float32. `auto`: bfloat16 where the processor has it (up to a third less time), float32 on a GPU. */
  precision: z.enum(['auto', 'float32', 'bfloat16']).default('auto'),
  /** The folder of a pipeline to go on from: ours, a run, or one that diffusers made; null trains from nothing. Relative to this file. Networks, and mel, diffusion and representation where they are not given, are its own. */
  initialPipeline: z.string().min(1).nullable().default(null),
  /** How its networks for images of several channels take a spectrogram: in all channels alike, their answers averaged (repeat), or by one channel after their first and last convolution are summed and averaged (adapt). Both start alike. */
  initialChannels: z.enum(['repeat', 'adapt']).default('repeat'),
  vae: vaeSchema,
  unet: unetSchema,
  upscaler: upscalerSchema,
  vocoder: vocoderSchema,
  diffusion: diffusionSchema,
  generation: generationSchema,
});

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

/** A checked configuration with every key present, frozen all the way down. */
export type RunConfig = DeepReadonly<z.output<typeof runConfigSchema>>;

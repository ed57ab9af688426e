// The schemas of what one training stage may be told: its loop, the VAE's losses, its discriminator. Knows no network.
import { z } from 'zod';

const positive = z.number().positive();
const share = z.number().min(0).max(1);
const count = z.int().min(1);

/** Changes made to a training slice each time it is drawn. Zero turns one off. */
export const augmentSchema = z.strictObject({
  /** Level moved by up to this many dB either way, uniformly. Range 0 to 40; 0 keeps every level as recorded. */
  gainDb: z.number().min(0).max(40).default(0),
  /** Slice moved by up to this many frames either way. Range 0 to 1024; 0 keeps every onset where it is. */
  shiftFrames: z.int().min(0).max(1024).default(0),
});

/** The loop of one stage. One step is one optimiser update, of batchSize × accumulate slices. */
export const trainingSchema = z
  .strictObject({
    /** Optimiser steps in all; also the length of the cosine. */
    steps: count.default(2000),
    /** Stops (and saves) after this many minutes of training, resumed time included; null for no limit. The rate still follows `steps`. */
    maxMinutes: positive.nullable().default(null),
    /** Slices in one forward pass. */
    batchSize: count.default(16),
    /** Forward passes whose gradients are averaged into one step. */
    accumulate: count.default(1),
    /** The highest learning rate, reached at the end of the warm-up. 1e-4 to 1e-3 is usual; too high shows as a loss that jumps. */
    learningRate: positive.max(1).default(3e-4),
    /** Steps over which the learning rate rises linearly from 0. */
    warmupSteps: z.int().min(0).default(50),
    /** Where the cosine ends, as a share of learningRate. */
    finalLearningRateShare: share.default(0.05),
    /** AdamW's decoupled weight decay. */
    weightDecay: z.number().min(0).max(1).default(0.01),
    /** AdamW's decay of the mean of gradients. */
    beta1: z.number().min(0).lt(1).default(0.9),
    /** AdamW's decay of the mean of squared gradients. */
    beta2: z.number().min(0).lt(1).default(0.99),
    /** Gradients whose global norm is larger are scaled down to it. */
    gradientClip: positive.default(1),
    /** Decay of the moving average of the weights; the average is what previews, validation and the saved pipeline use. */
    emaDecay: z.number().min(0).lt(1).default(0.999),
    /** Steps between two validations. */
    validateEvery: count.default(200),
    /** Steps between two previews. */
    previewEvery: count.default(500),
    /** Steps between two checkpoints. The last step is always saved. */
    checkpointEvery: count.default(200),
    /** Checkpoints kept, the latest ones. */
    keepCheckpoints: count.default(2),
    /** Validations without improvement before it is said that training has stopped improving. */
    patience: count.default(5),
    /** Blocks of the network keep only what goes into them, and are run again for their gradient: less memory where batches are large or images long, for a third to a half more time; the same weights to the last bit. In the reference: gradient_checkpointing. */
    gradientCheckpointing: z.boolean().default(false),
    augment: augmentSchema.prefault({}),
  })
  .prefault({});

/** The terms of the VAE's loss. Images are in [-1, 1]. */
export const vaeLossSchema = z
  .strictObject({
    /** Weight of the mean absolute error. */
    l1Weight: z.number().min(0).default(1),
    /** Weight of the absolute error of differences along time and along frequency; sharpens onsets and partials. */
    gradientWeight: z.number().min(0).default(0.5),
    /** Resolutions at which those differences are taken, each half the one before. Range 1 to 6. */
    gradientScales: z.int().min(1).max(6).default(3),
    /** Weight of the difference in fine texture, measured place by place: brings back the grain of noise, which the other two smooth away, for a somewhat larger error cell by cell. 0 leaves it out. */
    textureWeight: z.number().min(0).default(0),
    /** Share of the steps after which the texture's term joins; what can be foretold is learnt before. Range 0 to 1. */
    textureStartShare: share.default(0.6),
    /** Weight of the KL divergence summed over one slice's latent elements and averaged over the batch. Larger: a smoother latent, blurrier sound. */
    klWeightPerSummedElement: z.number().min(0).default(1e-6),
    /** Weight of the discriminator's term, on top of the adaptive one; 0 leaves the discriminator out. */
    discriminatorWeight: z.number().min(0).default(0),
    /** The step at which the discriminator's term joins. It trains from 10 % earlier on, so that it is not blind. */
    discriminatorStartStep: z.int().min(0).default(1000),
    /** Weight of frames that are padding, against 1 for frames of sound. Range 0 to 1. */
    paddingWeight: share.default(0.25),
  })
  .prefault({});

/** The patch discriminator, built only when loss.discriminatorWeight is above 0. */
export const discriminatorSchema = z
  .strictObject({
    /** Channels of its first layer. */
    channels: count.max(512).default(32),
    /** Strided layers; each doubles the patch it judges. Range 1 to 5. */
    layers: z.int().min(1).max(5).default(3),
    /** Learning rate of its own AdamW, with the warm-up and cosine of the VAE. */
    learningRate: positive.max(1).default(2e-4),
  })
  .prefault({});

export type TrainingConfig = Readonly<z.output<typeof trainingSchema>>;
export type AugmentConfig = Readonly<z.output<typeof augmentSchema>>;
export type VaeLossConfig = Readonly<z.output<typeof vaeLossSchema>>;
export type DiscriminatorConfig = Readonly<z.output<typeof discriminatorSchema>>;

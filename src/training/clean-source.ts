// Where the UNet's clean samples come from: spectrogram images, or latents (latent-cache.node.ts). Knows no network.
import * as tf from '@tensorflow/tfjs';
import type { AugmentConfig } from '../config/training.js';
import { reduceImages } from '../pipeline/resize.js';
import { fixedBatches, imagesToTensor, validationSplit, type SliceBatch, type SliceSource } from './corpus-source.js';

/** Clean samples with their labels. */
export interface CleanBatch {
  /** Shape: [B, H, W, C]. Memory: whoever asked disposes. */
  readonly clean: tf.Tensor4D;
  readonly labels: Int32Array;
  readonly indices: ArrayLike<number>;
}

/** Clean samples, standardised as the UNet sees them. */
export interface CleanSource {
  /** A training batch: a pure function of the number of the pass. */
  draw(pass: number, batchSize: number): Promise<CleanBatch>;
  /** Fixed validation batches, at most `limit` samples. */
  fixed(batchSize: number, limit: number): AsyncIterable<CleanBatch>;
  close(): void;
}

export interface PixelSourceOptions {
  readonly seed: number;
  readonly augment: AugmentConfig;
  readonly standardise: { readonly scale: number; readonly shift: number };
}

/** Images themselves, for diffusion on pixels. */
export function createPixelSource(corpus: SliceSource, options: PixelSourceOptions): CleanSource {
  const { seed, augment, standardise } = options;
  const toClean = (batch: SliceBatch): CleanBatch => ({
    clean: tf.tidy(() => tf.mul(tf.sub(imagesToTensor(batch, corpus.mel), standardise.shift), standardise.scale) as tf.Tensor4D),
    labels: batch.labels,
    indices: batch.indices,
  });
  return {
    async draw(pass, batchSize) {
      const batch = await corpus.batch({ split: 'train', step: pass, batchSize, seed, augment });
      return toClean(batch);
    },
    async *fixed(batchSize, limit) {
      for await (const batch of fixedBatches(corpus, { split: validationSplit(corpus), batchSize, limit })) {
        yield toClean(batch);
      }
    },
    close: () => undefined,
  };
}

/** The same samples averaged down, for a UNet that draws small images. */
export function createReducedSource(source: CleanSource, factor: 2 | 4): CleanSource {
  const reduced = ({ clean, ...rest }: CleanBatch): CleanBatch => {
    const small = reduceImages(clean, factor);
    clean.dispose();
    return { ...rest, clean: small };
  };
  return {
    draw: async (pass, batchSize) => reduced(await source.draw(pass, batchSize)),
    async *fixed(batchSize, limit) {
      for await (const batch of source.fixed(batchSize, limit)) yield reduced(batch);
    },
    close: () => source.close(),
  };
}

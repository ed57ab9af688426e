// Latent posteriors of all slices, computed once and kept in a file, so that a corpus larger than memory trains. Knows no UNet.
import * as tf from '@tensorflow/tfjs';
import { closeSync, openSync } from 'node:fs';
import type { Reporter } from '../base/logger.js';
import { createRandom } from '../base/random.js';
import type { AugmentConfig } from '../config/training.js';
import { balancedOrder, uniformOrder } from '../corpus/batch-order.js';
import { encodeOneChannel, type AutoencoderKL } from '../models/index.js';
import type { CleanBatch, CleanSource } from './clean-source.js';
import { fixedBatches, imagesToTensor, validationSplit, type SliceBatch, type SliceSource, type Split } from './corpus-source.js';
import { createLatentStatistics, type LatentStatistics } from './latent-statistics.js';
import { readDescription, readRecord, writeRecords } from './record-file.node.js';

/** Times each training slice is encoded, under other augmentation each time, when augmentation is on. */
const AUGMENTED_COPIES = 8;

export interface LatentCacheOptions {
  /** The cache's file; its description lies beside it as `<path>.json`. */
  readonly path: string;
  readonly vae: AutoencoderKL;
  readonly kind: 'kl' | 'plain';
  readonly corpus: SliceSource;
  readonly augment: AugmentConfig;
  readonly seed: number;
  readonly batchSize: number;
  /** Whether a draw takes every label equally often. */
  readonly balanceLabels: boolean;
  /** Changes with anything the latents depend on: a cache of another key is made anew. */
  readonly key: string;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

export interface LatentCache {
  /** Of samples of the training posteriors. */
  readonly statistics: LatentStatistics;
  /** Clean samples (latent - shift) · scale, drawn from the posteriors anew at each pass. */
  source(standardise: { readonly scale: number; readonly shift: number }): CleanSource;
  close(): void;
}

interface Description {
  readonly key: string;
  /** [H, W, C] */
  readonly shape: readonly [number, number, number];
  /** Records of training first, then those of validation. */
  readonly trainCount: number;
  readonly labels: readonly number[];
  readonly indices: readonly number[];
  readonly statistics: LatentStatistics;
}

/**
 * Opens the cache, making it first when there is none of this key. A cut-off one is made anew: the description comes last.
 * Null when the signal stopped the making.
 */
export async function openLatentCache(options: LatentCacheOptions): Promise<LatentCache | null> {
  const bytesOf = ({ labels, shape }: Description): number => labels.length * recordBytes(shape);
  const description = readDescription<Description>({ ...options, bytesOf }) ?? (await buildCache(options));
  if (description === null) return null;
  const file = openSync(options.path, 'r');
  return {
    statistics: description.statistics,
    source: (standardise) => createSource({ file, description, seed: options.seed, balanceLabels: options.balanceLabels, standardise }),
    close: () => closeSync(file),
  };
}

function buildCache(options: LatentCacheOptions): Promise<Description | null> {
  const { path, corpus, augment, key, reporter, signal } = options;
  const isAugmented = augment.gainDb > 0 || augment.shiftFrames > 0;
  const trainCount = corpus.sliceCount('train') * (isAugmented ? AUGMENTED_COPIES : 1);
  const validation = validationSplit(corpus);
  const progress = reporter.startProgress('encoding the corpus', trainCount + corpus.sliceCount(validation), 'slices');
  return writeRecords({
    path, progress, signal,
    async make(append) {
      const written: { labels: number[]; indices: number[]; shape: [number, number, number] } = { labels: [], indices: [], shape: [0, 0, 0] };
      const statistics = createLatentStatistics(options.vae.config.latent_channels);
      for await (const { batch, split } of recordBatches(options, isAugmented ? trainCount : null)) {
        const { records, shape } = encodeBatch(options, batch);
        if (split === 'train') statistics.add(records, shape[0] * shape[1] * shape[2]);
        written.labels.push(...batch.labels);
        written.indices.push(...Array.from(batch.indices));
        written.shape = shape;
        if (!(await append(records, written.labels.length))) return null;
      }
      return { key, trainCount, ...written, statistics: statistics.result() };
    },
  });
}

/** The training slices, or as many augmented draws of them as wanted, then the validation slices. */
async function* recordBatches({ corpus, augment, seed, batchSize }: LatentCacheOptions, augmentedCount: number | null): AsyncGenerator<{ batch: SliceBatch; split: Split }> {
  const all = { batchSize, limit: Infinity };
  if (augmentedCount === null) {
    for await (const batch of fixedBatches(corpus, { split: 'train', ...all })) yield { batch, split: 'train' };
  } else {
    for (let first = 0, step = 0; first < augmentedCount; first += batchSize, step += 1) {
      const batch = await corpus.batch({ split: 'train', step, batchSize, seed, augment });
      yield { batch: firstOf(batch, Math.min(batchSize, augmentedCount - first)), split: 'train' };
    }
  }
  for await (const batch of fixedBatches(corpus, { split: validationSplit(corpus), ...all })) yield { batch, split: 'validation' };
}

function firstOf(batch: SliceBatch, count: number): SliceBatch {
  const size = batch.images.length / batch.labels.length;
  const { images, labels, fills, indices } = batch;
  return { images: images.slice(0, count * size), labels: labels.slice(0, count), fills: fills.slice(0, count), indices: Array.from(indices).slice(0, count) };
}

/** One record per slice: the posterior's means, then its standard deviations (0 for the plain autoencoder). */
function encodeBatch({ vae, kind, corpus }: LatentCacheOptions, batch: SliceBatch): { records: Float32Array; shape: [number, number, number] } {
  const stacked = tf.tidy(() => {
    const { mean, logVariance } = encodeOneChannel(vae, imagesToTensor(batch, corpus.mel));
    const deviation = kind === 'kl' ? tf.exp(tf.mul(logVariance, 0.5)) : tf.zerosLike(mean);
    return tf.stack([mean, deviation], 1) as tf.Tensor5D; // [B, H, W, C] twice -> [B, 2, H, W, C]
  });
  const [, , rows, columns, channels] = stacked.shape;
  const records = Float32Array.from(stacked.dataSync<'float32'>());
  stacked.dispose();
  return { records, shape: [rows, columns, channels] };
}

interface SourceParts {
  readonly file: number;
  readonly description: Description;
  readonly seed: number;
  readonly balanceLabels: boolean;
  readonly standardise: { readonly scale: number; readonly shift: number };
}

function createSource({ file, description, seed, balanceLabels, standardise }: SourceParts): CleanSource {
  const { trainCount, labels } = description;
  const order = balanceLabels ? balancedOrder(Int32Array.from(labels.slice(0, trainCount)), seed, 'latents') : uniformOrder(trainCount, seed, 'latents');
  const draw = (pass: number, batchSize: number): number[] => Array.from({ length: batchSize }, (_, item) => order.at(pass * batchSize + item));
  const sample = (records: readonly number[], noise: Float32Array): CleanBatch => ({
    clean: readSamples({ file, description, records, noise, standardise }),
    labels: Int32Array.from(records, (record) => labels[record]),
    indices: records.map((record) => description.indices[record]),
  });
  const elements = recordBytes(description.shape) / 8;
  return {
    draw: async (pass, batchSize) => sample(draw(pass, batchSize), createRandom(seed, 'latents', 'noise', pass).normals(batchSize * elements)),
    async *fixed(batchSize, limit) {
      const available = labels.length - trainCount;
      const count = Math.min(available, limit);
      for (let first = 0, number = 0; first < count; first += batchSize, number += 1) {
        const size = Math.min(batchSize, count - first);
        const records = Array.from({ length: size }, (_, item) => trainCount + Math.floor(((first + item) * available) / count));
        yield sample(records, createRandom(seed, 'latents', 'validation', number).normals(size * elements));
      }
    },
    close: () => undefined,
  };
}

function readSamples({ file, description, records, noise, standardise }: Omit<SourceParts, 'seed' | 'balanceLabels'> & { records: readonly number[]; noise: Float32Array }): tf.Tensor4D {
  const elements = recordBytes(description.shape) / 8;
  const { scale, shift } = standardise;
  const record = new Float32Array(2 * elements);
  const clean = new Float32Array(records.length * elements);
  for (const [item, index] of records.entries()) {
    readRecord(file, record, { index, where: 'latent cache' });
    const offset = item * elements;
    for (let element = 0; element < elements; element += 1) {
      clean[offset + element] = (record[element] + record[elements + element] * noise[offset + element] - shift) * scale;
    }
  }
  return tf.tensor4d(clean, [records.length, ...description.shape]);
}

/** Mean and deviation, 4 bytes each. */
function recordBytes([rows, columns, channels]: readonly [number, number, number]): number {
  return rows * columns * channels * 8;
}

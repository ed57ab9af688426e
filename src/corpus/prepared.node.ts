// A prepared corpus: slices read from the cache as training goes, and batches of them. Knows no audio file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireInteger } from '../base/checks.js';
import { MelstromError, messageOf } from '../base/errors.js';
import { createRandom } from '../base/random.js';
import type { MelSettings } from '../config/mel.js';
import { imageRows } from '../config/mel-layout.js';
import type { RunConfig } from '../config/run-config.js';
import type { AugmentConfig } from '../config/training.js';
import { augmentSlice } from './augment.js';
import { balancedOrder, uniformOrder, type BatchOrder } from './batch-order.js';
import { cacheDifferences, cacheIndexSchema, cacheMismatch, cacheSettings, slicesOfSplit, type CachedFile, type CacheIndex } from './cache-index.js';
import type { BadFile, Split } from './corpus-file.js';
import { readSliceSounds, type SliceSound } from './slice-sounds.node.js';
import { openSliceReader } from './slice-store.node.js';

/** Names of the two files of a cache. */
export const INDEX_FILE = 'index.json';
export const SLICES_FILE = 'slices.bin';

export interface PreparedSlice {
  /** Shape: [M, N], row 0 the lowest frequency, of stereo sound [3·M, N]. Unit: image values in [-1, 1]. */
  readonly image: Float32Array;
  /** Number of the label; labels.length stands for no label. */
  readonly label: number;
  /** Share of the frames that are sound, 0 to 1; the padding is at the end. */
  readonly fill: number;
  readonly file: string;
  readonly offsetFrames: number;
}

export interface BatchRequest {
  readonly split: Split;
  /** 0, 1, 2, …: a batch is the next batchSize slices of an endless sequence. */
  readonly step: number;
  readonly batchSize: number;
  readonly seed: number;
  /** Changes drawn from seed and step; none when left out. */
  readonly augment?: AugmentConfig;
}

export interface Batch {
  /** Shape: [B, M, N], or [B, 3·M, N]. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
  readonly fills: Float32Array;
  /** Number of each slice within its split. */
  readonly indices: Int32Array;
}

export interface PreparedCorpus {
  readonly mel: MelSettings;
  readonly labels: readonly string[];
  /** Folder of the cache, and the hash of all that decides its content. */
  readonly folder: string;
  readonly key: string;
  readonly files: readonly CachedFile[];
  readonly bad: readonly BadFile[];
  sliceCount(split: Split): number;
  /** Label of every slice of a split; labels.length stands for no label. */
  labelsOf(split: Split): Int32Array;
  /** Caption of every slice of a split, its file's; null where the corpus has none. */
  captionsOf(split: Split): readonly string[] | null;
  slice(split: Split, index: number): PreparedSlice;
  /** The recordings behind all slices of a split, file after file. Reads the corpus itself, which must still be there. */
  sounds(split: Split): AsyncGenerator<SliceSound>;
  /** A pure function of the cache and the request. @throws MelstromError when the split is empty */
  batch(request: BatchRequest): Batch;
  close(): void;
}

/**
 * Opens a cache that `prepareCorpus` wrote.
 *
 * @param wanted.files the corpus as it is now, or null to trust the cache about it
 * @throws MelstromError of kind 'data' for a cache that is missing, damaged, or does not match: every setting that differs is named with both values
 */
export function openPreparedCorpus(folder: string, { config, files }: { readonly config: RunConfig; readonly files: readonly CachedFile[] | null }): PreparedCorpus {
  const index = readCacheIndex(folder);
  const differences = cacheDifferences(index, cacheSettings(config), files);
  if (differences.length > 0) throw cacheMismatch(folder, differences);
  const { melBins, frames } = index;
  const valuesPerSlice = imageRows(config.mel) * frames;
  const reader = openSliceReader(join(folder, SLICES_FILE), { count: index.slices.length, valuesPerSlice });
  const numbers = { train: slicesOfSplit(index, 'train'), validation: slicesOfSplit(index, 'validation') };
  const labels = { train: labelsOfSlices(index, numbers.train), validation: labelsOfSlices(index, numbers.validation) };
  const orders = new Map<string, BatchOrder>();
  const orderOf = (split: Split, seed: number): BatchOrder => {
    const name = `${split} ${seed}`;
    const order = orders.get(name) ?? (config.corpus.balanceLabels ? balancedOrder(labels[split], seed, split) : uniformOrder(numbers[split].length, seed, split));
    orders.set(name, order);
    return order;
  };
  const shape = { melBins, channels: config.mel.channels, frames, rangeDb: config.mel.ceilingDb - config.mel.floorDb };

  return {
    mel: config.mel,
    labels: index.labels,
    folder,
    key: index.key,
    files: index.files,
    bad: index.bad,
    sliceCount: (split) => numbers[split].length,
    labelsOf: (split) => labels[split],
    captionsOf: (split) => (config.corpus.captionColumn === null ? null : Array.from(numbers[split], (number) => index.files[index.slices[number][0]].caption ?? '')),
    slice(split, position) {
      requireInteger(`${split} slice`, position, { min: 0, max: numbers[split].length - 1, kind: 'internal' });
      const number = numbers[split][position];
      const [file, offsetFrames, fillFrames] = index.slices[number];
      const image = new Float32Array(valuesPerSlice);
      reader.readInto(number, image);
      return { image, label: labels[split][position], fill: fillFrames / frames, file: index.files[file].name, offsetFrames };
    },
    sounds: (split) => readSliceSounds(Array.from(numbers[split], (number) => {
      const [file, offsetFrames, fillFrames] = index.slices[number];
      return { file: index.files[file].name, offsetFrames, fillFrames };
    }), config),
    batch({ split, step, batchSize, seed, augment }) {
      requireSlices(numbers[split].length, split, config);
      const order = orderOf(split, seed);
      const batch = { images: new Float32Array(batchSize * valuesPerSlice), labels: new Int32Array(batchSize), fills: new Float32Array(batchSize), indices: new Int32Array(batchSize) };
      for (let item = 0; item < batchSize; item += 1) {
        const position = order.at(step * batchSize + item);
        const number = numbers[split][position];
        reader.readInto(number, batch.images, item * valuesPerSlice);
        let [, , fillFrames] = index.slices[number];
        if (augment !== undefined && (augment.gainDb > 0 || augment.shiftFrames > 0)) {
          const image = batch.images.subarray(item * valuesPerSlice, (item + 1) * valuesPerSlice);
          fillFrames = augmentSlice(image, fillFrames, { augment, shape, random: createRandom(seed, 'augment', split, step, item) });
        }
        batch.labels[item] = labels[split][position];
        batch.fills[item] = fillFrames / frames;
        batch.indices[item] = position;
      }
      return batch;
    },
    close: () => reader.close(),
  };
}

/** Reads a cache's index. @throws MelstromError of kind 'data' when there is none or it is damaged */
export function readCacheIndex(folder: string): CacheIndex {
  const path = join(folder, INDEX_FILE);
  try {
    return cacheIndexSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new MelstromError({
      kind: 'data',
      where: path,
      got: `a cache index that cannot be read (${messageOf(error).split('\n', 1)[0]})`,
      expected: `one that this version wrote`,
      fix: 'Prepare the corpus again with --force.',
      cause: error,
    });
  }
}

function labelsOfSlices({ labels, files, slices }: CacheIndex, numbers: Int32Array): Int32Array {
  const numberOf = new Map(labels.map((label, index) => [label, index]));
  return numbers.map((number) => {
    const { label } = files[slices[number][0]];
    return (label === null ? undefined : numberOf.get(label)) ?? labels.length;
  });
}

function requireSlices(count: number, split: Split, { corpus }: RunConfig): void {
  if (count > 0) return;
  throw new MelstromError({
    kind: 'data',
    where: corpus.path,
    got: `no ${split} slices`,
    expected: 'at least one',
    fix: split === 'validation' ? 'Raise corpus.validationShare, or name corpus.validationGroups.' : 'Hold out less: lower corpus.validationShare or name fewer corpus.validationGroups.',
  });
}

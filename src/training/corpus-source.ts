// What training needs of a prepared corpus, and fixed batches from it. Knows no cache and no file.
import type * as tf from '@tensorflow/tfjs';
import type { MelSettings } from '../config/mel.js';
import { imageRows } from '../config/mel-layout.js';
import type { AugmentConfig } from '../config/training.js';
import { imagesToTensor as toTensor } from '../pipeline/image-tensor.js';

export type Split = 'train' | 'validation';

/** A batch on the host. */
export interface SliceBatch {
  /** [B, M, N], row-major, in [-1, 1]; of stereo sound [B, 3·M, N]. */
  readonly images: Float32Array;
  /** One per slice; outside [0, labels.length) for none. */
  readonly labels: Int32Array;
  /** Share of each slice's frames that is not padding. */
  readonly fills: Float32Array;
  readonly indices: ArrayLike<number>;
}

/** The size of a slice. */
export interface SliceShape {
  readonly melBins: number;
  readonly frames: number;
  /** Channels of sound. Default 1. */
  readonly channels?: MelSettings['channels'];
}

/** Slices by index, and batches that are a pure function of seed and step. A prepared corpus fits. */
export interface SliceSource {
  readonly mel: SliceShape & { readonly floorDb: number; readonly ceilingDb: number };
  readonly labels: readonly string[];
  /** Changes with anything that the slices depend on, when known. */
  readonly key?: string;
  sliceCount(split: Split): number;
  /** Caption of every slice of a split; null, or absent, where the corpus has none. */
  captionsOf?(split: Split): readonly string[] | null;
  slice(split: Split, index: number): SingleSlice | Promise<SingleSlice>;
  /** The sound behind every slice of a split, without padding, in any order; absent where there are only images. */
  sounds?(split: Split): AsyncIterable<{ readonly index: number; readonly samples: Float32Array }>;
  batch(wanted: { split: Split; step: number; batchSize: number; seed: number; augment?: AugmentConfig }): SliceBatch | Promise<SliceBatch>;
}

interface SingleSlice {
  readonly image: Float32Array;
  readonly label: number;
  readonly fill: number;
}

/** At most `limit` slices of a split, spread evenly over it, in batches; always the same ones. */
export async function* fixedBatches(source: SliceSource, { split, batchSize, limit }: { split: Split; batchSize: number; limit: number }): AsyncGenerator<SliceBatch> {
  const available = source.sliceCount(split);
  const count = Math.min(available, limit);
  const size = imageRows(source.mel) * source.mel.frames;
  for (let first = 0; first < count; first += batchSize) {
    const indices = Int32Array.from({ length: Math.min(batchSize, count - first) }, (_, item) => Math.floor(((first + item) * available) / count));
    const images = new Float32Array(indices.length * size);
    const labels = new Int32Array(indices.length);
    const fills = new Float32Array(indices.length);
    for (const [item, index] of indices.entries()) {
      const slice = await source.slice(split, index);
      images.set(slice.image, item * size);
      labels[item] = slice.label;
      fills[item] = slice.fill;
    }
    yield { images, labels, fills, indices };
  }
}

/** The split that validation runs on: training slices where a corpus has no others. */
export function validationSplit(source: SliceSource): Split {
  return source.sliceCount('validation') > 0 ? 'validation' : 'train';
}

/** Shape: [B, M, N, 1], of stereo sound [B, M, N, 3]. Memory: the caller disposes. */
export function imagesToTensor({ images }: SliceBatch, shape: SliceShape): tf.Tensor4D {
  return toTensor(images, shape);
}

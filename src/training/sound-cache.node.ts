// The sounds behind all slices in one file, at the codec's rate and in one channel, so that windows of them are read at random. Knows no network.
import { closeSync, openSync, readSync } from 'node:fs';
import { MelstromError } from '../base/errors.js';
import type { Reporter } from '../base/logger.js';
import type { SliceSource, Split } from './corpus-source.js';
import { readDescription, writeRecords } from './record-file.node.js';
import type { SoundReader } from './sound-windows.js';

export interface SoundCacheOptions {
  /** The cache's file; its description lies beside it as `<path>.json`. */
  readonly path: string;
  readonly corpus: SliceSource;
  /** Changes with anything that the sounds depend on: a cache of another key is made anew. */
  readonly key: string;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/** Where each slice's sound lies. Unit: samples. */
interface Places {
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
}

type Description = { readonly key: string; readonly sampleCount: number } & Readonly<Record<Split, Places>>;

const SAMPLE_BYTES = Float32Array.BYTES_PER_ELEMENT;
const SPLITS = ['train', 'validation'] as const;

/**
 * Opens the cache, making it first when there is none of this key: 4 bytes per sample, padding left out. A cut-off one is made anew: the
 * description comes last. Null when the signal stopped the making.
 *
 * Memory: close the result.
 * @throws MelstromError of kind 'data' when the corpus has no sounds, a file of it has gone, or the disk is full
 */
export async function openSoundCache(options: SoundCacheOptions): Promise<(SoundReader & { close(): void }) | null> {
  const { path, key } = options;
  const bytesOf = ({ sampleCount }: Description): number => sampleCount * SAMPLE_BYTES;
  const description = readDescription<Description>({ path, key, bytesOf }) ?? (await buildCache(options));
  if (description === null) return null;
  const file = openSync(options.path, 'r');
  return {
    lengthOf: (split, index) => description[split].lengths[index],
    read(split, index, { start, count }) {
      const { starts, lengths } = description[split];
      const samples = new Float32Array(count);
      const bytes = Math.max(0, Math.min(count, lengths[index] - start)) * SAMPLE_BYTES;
      const got = readSync(file, new Uint8Array(samples.buffer), 0, bytes, (starts[index] + start) * SAMPLE_BYTES);
      if (got !== bytes) throw new MelstromError({ kind: 'data', where: options.path, got: `an end inside slice ${index}`, expected: 'the sounds of all slices', fix: 'Resume: it is made anew when it is not whole.' });
      return samples;
    },
    close: () => closeSync(file),
  };
}

function buildCache({ path, corpus, key, reporter, signal }: SoundCacheOptions): Promise<Description | null> {
  const progress = reporter.startProgress('reading the sounds', corpus.sliceCount('train') + corpus.sliceCount('validation'), 'slices');
  return writeRecords<Description>({
    path, progress, signal,
    async make(append) {
      const places: Record<Split, { starts: number[]; lengths: number[] }> = { train: { starts: [], lengths: [] }, validation: { starts: [], lengths: [] } };
      let [sampleCount, done] = [0, 0];
      for (const split of SPLITS) {
        for await (const { index, samples } of soundsOf(corpus, split)) {
          places[split].starts[index] = sampleCount;
          places[split].lengths[index] = samples.length;
          sampleCount += samples.length;
          done += 1;
          if (!(await append(samples, done))) return null;
        }
      }
      return { key, sampleCount, ...places };
    },
  });
}

function soundsOf(corpus: SliceSource, split: Split): AsyncIterable<{ readonly index: number; readonly samples: Float32Array }> {
  if (corpus.sounds) return corpus.sounds(split);
  throw new MelstromError({ kind: 'data', where: 'corpus', got: 'slices without their sounds', expected: 'the recordings, which a vocoder learns from', fix: 'Give a corpus that prepareCorpus made.' });
}

// The sounds behind all slices in one file, at the codec's rate and in one channel, so that windows of them are read at random. Knows no network.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { dirname } from 'node:path';
import { MelstromError } from '../base/errors.js';
import type { Reporter } from '../base/logger.js';
import type { SliceSource, Split } from './corpus-source.js';
import { diskError, isDiskFull } from './disk-error.node.js';
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
  const description = readDescription(options) ?? (await buildCache(options));
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

function readDescription({ path, key }: SoundCacheOptions): Description | null {
  if (!existsSync(`${path}.json`) || !existsSync(path)) return null;
  let description: Description;
  try {
    description = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Description;
  } catch {
    return null; // not whole: made anew, which is what a cache is for
  }
  return description.key === key && statSync(path).size === description.sampleCount * SAMPLE_BYTES ? description : null;
}

async function buildCache(options: SoundCacheOptions): Promise<Description | null> {
  const { path, corpus, key, reporter, signal } = options;
  const total = corpus.sliceCount('train') + corpus.sliceCount('validation');
  const temporary = `${path}.${process.pid}.tmp`;
  mkdirSync(dirname(path), { recursive: true });
  rmSync(`${path}.json`, { force: true });
  const progress = reporter.startProgress('reading the sounds', total, 'slices');
  const file = openSync(temporary, 'w');
  try {
    const places: Record<Split, { starts: number[]; lengths: number[] }> = { train: { starts: [], lengths: [] }, validation: { starts: [], lengths: [] } };
    let [sampleCount, done] = [0, 0];
    for (const split of SPLITS) {
      for await (const { index, samples } of soundsOf(corpus, split)) {
        writeAll(file, samples);
        places[split].starts[index] = sampleCount;
        places[split].lengths[index] = samples.length;
        sampleCount += samples.length;
        done += 1;
        progress.update(done);
        await nextTurn(); // lets signals in
        if (signal?.aborted) {
          rmSync(temporary, { force: true });
          return null;
        }
      }
    }
    fsyncSync(file);
    renameSync(temporary, path);
    const description: Description = { key, sampleCount, ...places };
    writeFileSync(`${temporary}.json`, JSON.stringify(description));
    renameSync(`${temporary}.json`, `${path}.json`);
    return description;
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw isDiskFull(cause) ? diskError(path, cause) : cause;
  } finally {
    closeSync(file);
    progress.end();
  }
}

function soundsOf(corpus: SliceSource, split: Split): AsyncIterable<{ readonly index: number; readonly samples: Float32Array }> {
  if (corpus.sounds) return corpus.sounds(split);
  throw new MelstromError({ kind: 'data', where: 'corpus', got: 'slices without their sounds', expected: 'the recordings, which a vocoder learns from', fix: 'Give a corpus that prepareCorpus made.' });
}

function writeAll(file: number, samples: Float32Array): void {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done);
}

// Turns a corpus into a cache of slices: each file is streamed, analysed, cut and written. Trains nothing.
import { createHash } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { streamSound } from '../audio/load.node.js';
import { MelstromError, messageOf } from '../base/errors.js';
import { silentReporter, type Reporter } from '../base/logger.js';
import { imageRows } from '../config/mel.js';
import type { RunConfig } from '../config/run-config.js';
import { createImageCodec, type ImageCodec } from '../spectrogram/image-codec.js';
import { silentFrame } from '../spectrogram/mel-image.js';
import { defaultCacheFolder, publish, requireReplaceable, requireRoom, startPartial } from './cache-folder.node.js';
import { CACHE_VERSION, cachedFile, cacheKeyText, cacheSettings, type CachedFile, type CacheIndex } from './cache-index.js';
import { listNames, type BadFile, type CorpusFile } from './corpus-file.js';
import { createFrameStream } from './frame-stream.js';
import { INDEX_FILE, openPreparedCorpus, SLICES_FILE, type PreparedCorpus } from './prepared.node.js';
import { surveyCorpus, type CorpusScan } from './scan.node.js';
import { createSliceWriter, guardWrite, recordBytes, type SliceWriter } from './slice-store.node.js';
import { createSlicer, type Slice } from './slicer.js';

export type { Batch, BatchRequest, PreparedCorpus, PreparedSlice } from './prepared.node.js';

export interface PrepareOptions {
  readonly config: RunConfig;
  /** Folder of this one cache. Left out: a folder under the user's cache, named after the content, so that no two mix. */
  readonly cacheFolder?: string;
  readonly reporter?: Reporter;
  /** Builds the cache again even when it matches, and replaces one that does not. */
  readonly force?: boolean;
  /** Stops between two files; nothing is left behind. */
  readonly signal?: AbortSignal;
}

/**
 * Gives the prepared corpus of a configuration, from the cache if it is there and matches.
 *
 * Memory: close the result. Neither files nor cache are ever held whole.
 * @throws MelstromError of kind 'data': no sounds, more bad files than corpus.maxBadShare allows (all named), a given
 * folder that holds another cache, a full or unwritable disk
 */
export async function prepareCorpus({ config, cacheFolder, reporter = silentReporter, force = false, signal }: PrepareOptions): Promise<PreparedCorpus> {
  const scan = await surveyCorpus(config.corpus, { seed: config.seed });
  const files = scan.files.map(cachedFile);
  const key = createHash('sha256').update(cacheKeyText(cacheSettings(config), files)).digest('hex');
  const folder = resolve(cacheFolder ?? defaultCacheFolder(config, key));
  reportScan(scan, reporter);
  const existing = force || !existsSync(join(folder, INDEX_FILE)) ? null : openExisting(folder, { config, files, isOurs: cacheFolder === undefined, reporter });
  if (existing !== null) return existing;
  requireReplaceable(folder);
  const partial = startPartial(folder);
  try {
    requireRoom(partial, scan.files.length * recordBytes(imageRows(config.mel) * config.mel.frames));
    const index = await writeSlices(partial, { config, scan, key, reporter, signal });
    guardWrite(partial, () => writeFileSync(join(partial, INDEX_FILE), JSON.stringify(index)));
    publish(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return openPreparedCorpus(folder, { config, files });
}

interface ExistingCache {
  readonly config: RunConfig;
  readonly files: readonly CachedFile[];
  /** True for a folder named by us after its content: one that cannot be used is damaged, and is made again. */
  readonly isOurs: boolean;
  readonly reporter: Reporter;
}

function openExisting(folder: string, { config, files, isOurs, reporter }: ExistingCache): PreparedCorpus | null {
  try {
    return openPreparedCorpus(folder, { config, files });
  } catch (error) {
    if (!isOurs || !(error instanceof MelstromError)) throw error;
    reporter.log.warn(`the cache is damaged and is made again (${error.message})`);
    return null;
  }
}

function reportScan({ duplicates, otherLabels }: CorpusScan, { log }: Reporter): void {
  if (duplicates.length > 0) log.info(`${duplicates.length} duplicate files left out (${listNames(duplicates.map(({ name, sameAs }) => `${name} = ${sameAs}`), 2)})`);
  const others = Object.entries(otherLabels);
  if (others.length > 0) log.info(`files of other labels left out: ${listNames(others.map(([label, count]) => `${label} ${count}`), 10)}`);
}

interface WriteJob {
  readonly config: RunConfig;
  readonly scan: CorpusScan;
  readonly key: string;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

async function writeSlices(partial: string, { config, scan, key, reporter, signal }: WriteJob): Promise<CacheIndex> {
  const { melBins, frames } = config.mel;
  const writer = createSliceWriter(join(partial, SLICES_FILE), imageRows(config.mel) * frames);
  const codec = createImageCodec(config.mel);
  const slices: [number, number, number][] = [];
  const bad: BadFile[] = [...scan.bad];
  const progress = reporter.startProgress('prepare', scan.files.length, 'files');
  try {
    for (const [number, file] of scan.files.entries()) {
      signal?.throwIfAborted();
      const countBefore = writer.count;
      const problem = await writeFile(file, { config, codec, writer, note: ({ offsetFrames, fillFrames }) => slices.push([number, offsetFrames, fillFrames]) });
      if (problem !== null) {
        bad.push({ name: file.name, error: problem });
        writer.rewindTo(countBefore);
        slices.length = countBefore;
      }
      progress.update(number + 1, { slices: String(slices.length) });
    }
    requireFewBad(bad, scan.files.length + scan.bad.length, config, reporter);
    writer.finish();
  } catch (error) {
    writer.abandon();
    throw error;
  } finally {
    progress.end();
  }
  return {
    format: 'melstrom-slices', version: CACHE_VERSION, key, settings: cacheSettings(config), labels: [...scan.labels],
    melBins, frames, files: scan.files.map(cachedFile), slices, bad, duplicateCount: scan.duplicates.length,
  };
}

interface FileJob {
  readonly config: RunConfig;
  readonly codec: ImageCodec;
  readonly writer: SliceWriter;
  readonly note: (slice: Slice) => void;
}

/** Returns what is wrong with the file, or null. */
async function writeFile(file: CorpusFile, { config, codec, writer, note }: FileJob): Promise<string | null> {
  const { mel, corpus } = config;
  const frameStream = createFrameStream(mel, codec);
  const slicer = createSlicer({
    melBins: imageRows(mel), silentFrame: silentFrame(mel), frames: mel.frames, hopFrames: corpus.sliceHopFrames ?? mel.frames,
    minFill: corpus.minFill, maxSlices: corpus.maxSlicesPerFile, alignOnset: corpus.alignOnset,
  });
  let writeFailure: unknown = null;
  const keep = (slices: readonly Slice[]): void => {
    try {
      for (const slice of slices) {
        writer.append(slice.image);
        note(slice);
      }
    } catch (error) {
      writeFailure = error;
      throw error;
    }
  };
  try {
    for await (const channels of streamSound(file.path, { ...mel, downmix: corpus.downmix })) {
      keep(slicer.push(frameStream.push(channels)));
      if (slicer.isDone) return null;
    }
    keep(slicer.push(frameStream.end()));
    keep(slicer.end());
    return null;
  } catch (error) {
    if (writeFailure !== null) throw error;
    return messageOf(error).replace(`${file.path}: `, '');
  }
}

/** @throws MelstromError that names every bad file when there are more than the configuration allows */
function requireFewBad(bad: readonly BadFile[], total: number, { corpus }: RunConfig, { log }: Reporter): void {
  if (bad.length === 0) return;
  const lines = bad.map(({ name, error }) => `  ${name}: ${error}`).join('\n');
  if (bad.length > corpus.maxBadShare * total || bad.length === total) {
    throw new MelstromError({
      kind: 'data',
      where: corpus.path,
      got: `${bad.length} of ${total} files that cannot be used`,
      expected: `at most a share of ${corpus.maxBadShare} (corpus.maxBadShare)`,
      fix: `Mend or remove them, or allow it with corpus.maxBadShare: ${(Math.ceil((bad.length / total) * 1000) / 1000).toString()}. They are:\n${lines}`,
    });
  }
  log.warn(`${bad.length} of ${total} files cannot be used and are skipped:\n${lines}`);
}

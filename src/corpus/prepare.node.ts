// Turns a corpus into a cache of slices, which come file by file and are written in order. Trains nothing.
import { createHash } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MelstromError } from '../base/errors.js';
import { silentReporter, type Reporter } from '../base/logger.js';
import { imageRows } from '../config/mel-layout.js';
import type { RunConfig } from '../config/run-config.js';
import { defaultCacheFolder, publish, requireReplaceable, requireRoom, startPartial } from './cache-folder.node.js';
import { CACHE_VERSION, cachedFile, cacheKeyText, cacheSettings, type CachedFile, type CacheIndex } from './cache-index.js';
import { listNames, type BadFile } from './corpus-file.js';
import { INDEX_FILE, openPreparedCorpus, SLICES_FILE, type PreparedCorpus } from './prepared.node.js';
import { surveyCorpus, type CorpusScan } from './scan.node.js';
import { sliceFiles } from './slice-files.node.js';
import { createSliceWriter, guardWrite, recordBytes } from './slice-store.node.js';
import { threadsFor } from './threads-for.node.js';

export type { Batch, BatchRequest, PreparedCorpus, PreparedSlice } from './prepared.node.js';

export interface PrepareOptions {
  readonly config: RunConfig;
  /** Folder of this one cache. Left out: a folder under the user's cache, named after the content, so that no two mix. */
  readonly cacheFolder?: string;
  readonly reporter?: Reporter;
  /** Builds the cache again even when it matches, and replaces one that does not. */
  readonly force?: boolean;
  /** Threads that read and analyse files; 0 does it all on this one. The cache is the same. Default one per core where there is enough to do. */
  readonly workers?: number;
  /** Stops it; nothing is left behind. */
  readonly signal?: AbortSignal;
}

/**
 * Gives the prepared corpus of a configuration, from the cache if it is there and matches.
 *
 * Memory: close the result. Neither files nor cache are ever held whole.
 * @throws MelstromError of kind 'data': no sounds, more bad files than corpus.maxBadShare allows (all named), a given
 * folder that holds another cache, a full or unwritable disk
 */
export async function prepareCorpus({ config, cacheFolder, reporter = silentReporter, force = false, workers, signal }: PrepareOptions): Promise<PreparedCorpus> {
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
    const index = await writeSlices(partial, { config, scan, key, reporter, workers: workers ?? threadsFor(scan.files), signal });
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
  readonly workers: number;
  readonly signal?: AbortSignal;
}

async function writeSlices(partial: string, { config, scan, key, reporter, workers, signal }: WriteJob): Promise<CacheIndex> {
  const { melBins, frames } = config.mel;
  const writer = createSliceWriter(join(partial, SLICES_FILE), imageRows(config.mel) * frames);
  const slices: [number, number, number][] = [];
  const bad: BadFile[] = [...scan.bad];
  const progress = reporter.startProgress('prepare', scan.files.length, 'files');
  try {
    let keptCount = 0;
    for await (const part of sliceFiles(scan.files.map(({ path }) => path), { mel: config.mel, corpus: config.corpus, workers, signal })) {
      if ('records' in part) {
        writer.appendRecords(part.records);
        for (const place of part.places) slices.push([part.file, ...place]);
        continue;
      }
      if (part.problem !== null) {
        bad.push({ name: scan.files[part.file].name, error: part.problem });
        writer.rewindTo(keptCount);
        slices.length = keptCount;
      }
      keptCount = writer.count;
      progress.update(part.file + 1, { slices: String(keptCount) });
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

// What a cache of slices says about itself, and whether that is what a configuration asks for. Knows no files.
import { z } from 'zod';
import { MelstromError } from '../base/errors.js';
import { storedMel } from '../config/mel-layout.js';
import type { RunConfig } from '../config/run-config.js';
import { listNames, type CorpusFile, type Split } from './corpus-file.js';

export const CACHE_VERSION = 1;

const splitSchema = z.enum(['train', 'validation']);
const settingSchema = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]);

const fileSchema = z.object({
  name: z.string(),
  label: z.string().nullable(),
  /** Only where captions were asked for. */
  caption: z.string().optional(),
  group: z.string(),
  split: splitSchema,
  sizeBytes: z.number(),
  modifiedMs: z.number(),
});

export const cacheIndexSchema = z.object({
  format: z.literal('melstrom-slices'),
  version: z.literal(CACHE_VERSION),
  key: z.string(),
  /** Every setting that decides the content, by its key path in the configuration. */
  settings: z.record(z.string(), settingSchema),
  labels: z.array(z.string()),
  melBins: z.int().min(1),
  frames: z.int().min(1),
  files: z.array(fileSchema),
  /** Per slice: number of its file, frame at which it starts, frames of sound in it. */
  slices: z.array(z.tuple([z.int().min(0), z.int().min(0), z.int().min(0)])),
  bad: z.array(z.object({ name: z.string(), error: z.string() })),
  duplicateCount: z.int().min(0),
});

export type CacheIndex = z.output<typeof cacheIndexSchema>;
export type CacheSettings = CacheIndex['settings'];
export type CachedFile = Readonly<z.output<typeof fileSchema>>;

/** Settings of the corpus block that decide neither slices nor split: only how they are drawn or what may fail. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['path', 'manifest', 'maxBadShare', 'balanceLabels']);

/** The settings that decide a cache's content, by key path. The place of the corpus is not among them: its files are compared instead. */
export function cacheSettings({ seed, mel, corpus }: Pick<RunConfig, 'seed' | 'mel' | 'corpus'>): CacheSettings {
  const corpusSettings = Object.entries(corpus).filter(([key, value]) => !WITHOUT_EFFECT.has(key) && !(key === 'captionColumn' && value === null)); // a cache without captions is what it always was
  return {
    seed,
    ...Object.fromEntries(Object.entries(storedMel(mel)).map(([key, value]) => [`mel.${key}`, value])),
    ...Object.fromEntries(corpusSettings.map(([key, value]) => [`corpus.${key}`, typeof value === 'object' && value !== null ? [...value] : value])),
  };
}

/** What is kept of a file. */
export function cachedFile({ name, label, caption, group, split, sizeBytes, modifiedMs }: CorpusFile): CachedFile {
  return { name, label, ...(caption === null ? {} : { caption }), group, split, sizeBytes, modifiedMs };
}

/** The text whose hash is a cache's key. */
export function cacheKeyText(settings: CacheSettings, files: readonly CachedFile[]): string {
  const entries = files.map(({ name, label, caption, group, split, sizeBytes, modifiedMs }) => [name, label, group, split, sizeBytes, modifiedMs, ...(caption === undefined ? [] : [caption])]);
  return JSON.stringify([CACHE_VERSION, Object.entries(settings).sort(), entries]);
}

/** Every difference between what a cache holds and what is wanted, in words. */
export function cacheDifferences(index: Pick<CacheIndex, 'settings' | 'files'>, settings: CacheSettings, files: readonly CachedFile[] | null): string[] {
  const keys = [...new Set([...Object.keys(settings), ...Object.keys(index.settings)])];
  const different = keys
    .filter((key) => JSON.stringify(index.settings[key]) !== JSON.stringify(settings[key]))
    .map((key) => `${key} is ${valueText(index.settings[key])} in the cache and ${valueText(settings[key])} in the configuration`);
  return files === null ? different : [...different, ...fileDifferences(index.files, files)];
}

function valueText(value: CacheSettings[string] | undefined): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}

function fileDifferences(cached: readonly CachedFile[], wanted: readonly CachedFile[]): string[] {
  const before = new Map(cached.map((file) => [file.name, file]));
  const after = new Map(wanted.map((file) => [file.name, file]));
  const added = wanted.filter(({ name }) => !before.has(name));
  const removed = cached.filter(({ name }) => !after.has(name));
  const common = wanted.flatMap((file) => {
    const old = before.get(file.name);
    return old === undefined ? [] : [{ old, file }];
  });
  const changed = common.filter(({ old, file }) => old.sizeBytes !== file.sizeBytes || old.modifiedMs !== file.modifiedMs);
  const moved = common.filter(({ old, file }) => old.label !== file.label || old.caption !== file.caption || old.split !== file.split || old.group !== file.group);
  return [
    describe('new', added),
    describe('gone', removed),
    describe('changed', changed.map(({ file }) => file)),
    describe('under another label, caption, group or split', moved.map(({ file }) => file)),
  ].filter((text) => text !== '');
}

function describe(what: string, files: readonly CachedFile[]): string {
  return files.length === 0 ? '' : `${files.length} file${files.length === 1 ? ' is' : 's are'} ${what} (${listNames(files.map(({ name }) => name), 3)})`;
}

/** The refusal of a cache that holds something else. */
export function cacheMismatch(folder: string, differences: readonly string[]): MelstromError {
  return new MelstromError({
    kind: 'data',
    where: folder,
    got: `a cache of slices that does not match: ${differences.join('; ')}`,
    expected: 'a cache of this corpus with these settings',
    fix: 'Prepare it again with --force, or use another cache folder.',
  });
}

/** Numbers of the slices of one split, in order. */
export function slicesOfSplit({ files, slices }: Pick<CacheIndex, 'files' | 'slices'>, split: Split): Int32Array {
  return Int32Array.from(slices.flatMap(([file], index) => (files[file].split === split ? [index] : [])));
}

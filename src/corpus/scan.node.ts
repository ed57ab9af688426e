// Lists a corpus: which sounds, with which label, group and split. Decodes none of them.
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { closest } from 'fastest-levenshtein';
import { MelstromError } from '../base/errors.js';
import type { CorpusConfig } from '../config/corpus.js';
import { compareNames, listNames, type BadFile, type CorpusFile, type Duplicate, type Split } from './corpus-file.js';
import { readManifest } from './manifest.node.js';
import { chooseValidationGroups } from './split.js';
import { walkSounds, type FoundFile } from './walk.node.js';

/** All that a scan finds. */
export interface CorpusScan {
  readonly files: readonly CorpusFile[];
  /** The labels of `files`, in the order of their numbers. */
  readonly labels: readonly string[];
  readonly bad: readonly BadFile[];
  readonly duplicates: readonly Duplicate[];
  /** Files left out because `labels` does not name theirs, by label. */
  readonly otherLabels: Readonly<Record<string, number>>;
  readonly otherFileCount: number;
  /** The manifest that was read, if any. */
  readonly manifest: string | null;
}

interface Candidate extends FoundFile {
  readonly label: string | null;
  readonly columns: Readonly<Record<string, string>>;
  readonly split: Split | null;
}

/** The files of a corpus in their fixed order. @throws MelstromError of kind 'data' */
export async function scanCorpus(config: CorpusConfig, options: { readonly seed?: number } = {}): Promise<CorpusFile[]> {
  return [...(await surveyCorpus(config, options)).files];
}

/**
 * Lists a corpus together with what was left out of it. The same files, settings and seed give the same result.
 *
 * @param options.seed decides which groups are held out where nothing else does
 * @throws MelstromError of kind 'data' for a missing folder, a group on both sides of the split, or no sound at all
 */
export async function surveyCorpus(config: CorpusConfig, { seed = 0 }: { readonly seed?: number } = {}): Promise<CorpusScan> {
  const manifestPath = manifestOf(config);
  const found = manifestPath === null ? findInFolder(config) : findInManifest(manifestPath, config);
  const { kept, otherLabels } = keepLabels(found.candidates, config.labels);
  const { unique, duplicates } = await dropDuplicates(kept);
  if (unique.length === 0) throw nothingFound(config, manifestPath ?? config.path, found, otherLabels);
  const files = assignSplits(unique, config, { seed, columnNames: found.columnNames, where: manifestPath ?? config.path });
  const present = new Set(files.flatMap(({ label }) => label ?? []));
  return {
    files,
    labels: config.labels.length > 0 ? config.labels.map((label) => label.normalize('NFC')) : [...present].sort(compareNames),
    bad: found.bad,
    duplicates,
    otherLabels,
    otherFileCount: found.otherFileCount,
    manifest: manifestPath,
  };
}

interface Found {
  readonly candidates: readonly Candidate[];
  readonly bad: readonly BadFile[];
  readonly otherFileCount: number;
  readonly columnNames: readonly string[];
}

/** The manifest in use: the configured one, the path itself when it is a CSV, or `manifest.csv` in the folder. */
function manifestOf({ manifest, path, labelsFrom }: CorpusConfig): string | null {
  if (manifest !== null) return resolve(manifest);
  if (extname(path).toLowerCase() === '.csv' && statSync(path, { throwIfNoEntry: false })?.isFile()) return resolve(path);
  const inside = resolve(path, 'manifest.csv');
  if (labelsFrom === 'manifest' || (labelsFrom === 'auto' && existsSync(inside))) return inside;
  return null;
}

function findInFolder({ path, labelsFrom }: CorpusConfig): Found {
  const { files, bad, otherFileCount } = walkSounds(resolve(path));
  const candidates = files.map((file) => ({ ...file, label: labelsFrom === 'none' ? null : folderLabel(file.name), columns: {}, split: null }));
  return { candidates, bad, otherFileCount, columnNames: [] };
}

function findInManifest(path: string, { labelsFrom }: CorpusConfig): Found {
  const { rows, bad, columnNames } = readManifest(path);
  const labelOf = (name: string, columns: Readonly<Record<string, string>>): string | null => {
    if (labelsFrom === 'none') return null;
    if (labelsFrom === 'folder') return folderLabel(name);
    return columns.label === undefined || columns.label === '' ? null : columns.label.normalize('NFC');
  };
  const candidates = rows.map((row) => ({ ...row, label: labelOf(row.name, row.columns) }));
  return { candidates: candidates.sort((a, b) => compareNames(a.name, b.name)), bad, otherFileCount: 0, columnNames };
}

function folderLabel(name: string): string | null {
  const slash = name.indexOf('/');
  return slash < 1 ? null : name.slice(0, slash);
}

function keepLabels(candidates: readonly Candidate[], labels: readonly string[]): { kept: Candidate[]; otherLabels: Record<string, number> } {
  const otherLabels: Record<string, number> = {};
  if (labels.length === 0) return { kept: [...candidates], otherLabels };
  const wanted = new Set(labels.map((label) => label.normalize('NFC')));
  const kept = candidates.filter(({ label }) => {
    if (label !== null && wanted.has(label)) return true;
    const name = label ?? '(none)';
    otherLabels[name] = (otherLabels[name] ?? 0) + 1;
    return false;
  });
  return { kept, otherLabels };
}

/** Files of equal size are compared by a hash of their content; the first in order stays. */
async function dropDuplicates(candidates: readonly Candidate[]): Promise<{ unique: Candidate[]; duplicates: Duplicate[] }> {
  const bySize = new Map<number, number>();
  for (const { sizeBytes } of candidates) bySize.set(sizeBytes, (bySize.get(sizeBytes) ?? 0) + 1);
  const first = new Map<string, Candidate>();
  const duplicates: Duplicate[] = [];
  const unique: Candidate[] = [];
  for (const candidate of candidates) {
    const isAlone = candidate.sizeBytes === 0 || bySize.get(candidate.sizeBytes) === 1;
    if (!isAlone) await nextTurn(); // hashing hours of sound must not hold up everything else
    const hash = isAlone ? null : contentHash(candidate.path);
    const kept = hash === null ? undefined : first.get(hash);
    if (kept === undefined) unique.push(candidate);
    else duplicates.push({ name: candidate.name, sameAs: kept.name, hasOtherLabel: kept.label !== candidate.label });
    if (hash !== null && kept === undefined) first.set(hash, candidate);
  }
  return { unique, duplicates };
}

/** SHA-256 of a file read in pieces; null when it cannot be read, which opening it will report. */
export function contentHash(path: string): string | null {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(1 << 20);
  let file: number | null = null;
  try {
    file = openSync(path, 'r');
    for (let count = readSync(file, piece); count > 0; count = readSync(file, piece)) hash.update(piece.subarray(0, count));
    return hash.digest('hex');
  } catch {
    return null;
  } finally {
    if (file !== null) closeSync(file);
  }
}

interface SplitContext {
  readonly seed: number;
  readonly columnNames: readonly string[];
  readonly where: string;
}

function assignSplits(candidates: readonly Candidate[], config: CorpusConfig, { seed, columnNames, where }: SplitContext): CorpusFile[] {
  const groupOf = grouping(config.groupBy, columnNames, where);
  const captionOf = captioning(config.captionColumn, columnNames, where);
  const grouped = candidates.map((candidate) => ({ ...candidate, group: groupOf(candidate), caption: captionOf(candidate) }));
  const stated = statedSplits(grouped, where);
  const open = grouped.filter(({ group }) => !stated.has(group));
  const held = config.validationGroups.length > 0
    ? requireGroups(config.validationGroups, new Set(grouped.map(({ group }) => group)), where)
    : chooseValidationGroups(stated.size > 0 ? [] : open, { share: config.validationShare, seed });
  return grouped.map((file) => ({ ...file, split: stated.get(file.group) ?? (held.has(file.group) ? 'validation' : 'train') }));
}

function grouping(groupBy: string, columnNames: readonly string[], where: string): (file: Candidate) => string {
  if (groupBy === 'folder') return ({ name }) => dirname(name);
  if (groupBy === 'file' || (groupBy === 'auto' && !columnNames.includes('group'))) return ({ name }) => name;
  const column = groupBy === 'auto' ? 'group' : groupBy;
  if (!columnNames.includes(column)) {
    const known = ['auto', 'file', 'folder', ...columnNames];
    throw new MelstromError({ kind: 'configuration', where: 'corpus.groupBy', got: `'${groupBy}'`, expected: `one of ${known.join(', ')} (columns of ${where})`, fix: `The nearest is ${closest(groupBy, known)}.` });
  }
  return ({ name, columns }) => (columns[column] === '' ? name : columns[column]);
}

function captioning(column: string | null, columnNames: readonly string[], where: string): (file: Candidate) => string | null {
  if (column === null) return () => null;
  if (columnNames.includes(column)) return ({ columns }) => columns[column].normalize('NFC');
  const hasColumns = columnNames.length > 0;
  throw new MelstromError({
    kind: 'configuration', where: 'corpus.captionColumn', got: `'${column}'`, expected: hasColumns ? `one of ${columnNames.join(', ')} (columns of ${where})` : `null, since ${where} has no manifest`,
    fix: hasColumns ? `The nearest is ${closest(column, [...columnNames])}.` : 'Write a manifest.csv with the columns path and caption.',
  });
}

/** The splits that the manifest states, per group. @throws MelstromError when a group stands on both sides */
function statedSplits(files: readonly (Candidate & { group: string })[], where: string): Map<string, Split> {
  const stated = new Map<string, Split>();
  const straddling = new Set<string>();
  for (const { group, split } of files) {
    if (split === null) continue;
    if ((stated.get(group) ?? split) !== split) straddling.add(group);
    stated.set(group, split);
  }
  if (straddling.size > 0) {
    throw new MelstromError({
      kind: 'data', where, got: `${straddling.size} group${straddling.size === 1 ? '' : 's'} in both train and validation: ${listNames([...straddling])}`,
      expected: 'every group on one side', fix: 'Correct the column split, or choose another corpus.groupBy.',
    });
  }
  return stated;
}

function requireGroups(wanted: readonly string[], known: ReadonlySet<string>, where: string): ReadonlySet<string> {
  const unknown = wanted.filter((group) => !known.has(group));
  if (unknown.length > 0) {
    throw new MelstromError({
      kind: 'configuration', where: 'corpus.validationGroups', got: `${listNames(unknown)}, which ${where} does not have`,
      expected: `groups such as ${listNames([...known], 8)}`, fix: `The nearest to ${unknown[0]} is ${closest(unknown[0], [...known])}.`,
    });
  }
  return new Set(wanted);
}

function nothingFound(config: CorpusConfig, where: string, found: Found, otherLabels: Readonly<Record<string, number>>): MelstromError {
  const left = Object.keys(otherLabels);
  const reasons = [
    found.bad.length > 0 ? `${found.bad.length} cannot be read (${found.bad[0].name}: ${found.bad[0].error})` : '',
    left.length > 0 ? `corpus.labels (${config.labels.join(', ')}) names none of the labels found: ${listNames(left, 20)}` : '',
    found.otherFileCount > 0 ? `${found.otherFileCount} files of other kinds` : '',
  ].filter((reason) => reason !== '');
  return new MelstromError({ kind: 'data', where: config.path === where ? where : join(where), got: `no sound that can be used${reasons.length > 0 ? `: ${reasons.join('; ')}` : ''}`, expected: 'WAV, FLAC, MP3, OGG, Opus or AIFF files' });
}

// Reads a CSV manifest: one sound per row. Opens none of the sounds.
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'csv-parse/sync';
import { MelstromError, messageOf } from '../base/errors.js';
import type { BadFile, Split } from './corpus-file.js';
import type { FoundFile } from './walk.node.js';

export interface ManifestRow extends FoundFile {
  readonly columns: Readonly<Record<string, string>>;
  readonly split: Split | null;
}

export interface Manifest {
  readonly columnNames: readonly string[];
  readonly rows: readonly ManifestRow[];
  /** Rows whose file cannot be found. */
  readonly bad: readonly BadFile[];
}

const SPLIT_WORDS: Readonly<Record<string, Split>> = { train: 'train', training: 'train', validation: 'validation', valid: 'validation', val: 'validation', test: 'validation' };

/**
 * Reads a manifest with a header row: `path` is required; `label`, `split` and `group` mean what they say; others are kept.
 * Paths are relative to the manifest. The order is the file's own.
 *
 * @throws MelstromError of kind 'data' for a file that is not CSV, has no column `path`, or an unknown split
 */
export function readManifest(path: string): Manifest {
  const records = parseCsv(path);
  const columnNames = records.length === 0 ? [] : Object.keys(records[0]);
  if (!columnNames.includes('path')) {
    throw new MelstromError({ kind: 'data', where: path, got: records.length === 0 ? 'no rows' : `the columns ${columnNames.join(', ')}`, expected: 'a CSV with a header and a column called path' });
  }
  const folder = dirname(resolve(path));
  const rows: ManifestRow[] = [];
  const bad: BadFile[] = [];
  records.forEach((columns, index) => {
    const where = `${path}: row ${index + 2}`;
    if (columns.path === '') throw new MelstromError({ kind: 'data', where, got: 'an empty path', expected: 'the path of a sound, relative to the manifest' });
    const file = resolve(folder, columns.path);
    const name = columns.path.replaceAll('\\', '/').normalize('NFC');
    const split = parseSplit(columns.split ?? '', where);
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) bad.push({ name, error: `${where}: no such file` });
    else rows.push({ path: file, name, columns, split, sizeBytes: stats.size, modifiedMs: Math.round(stats.mtimeMs) });
  });
  return { columnNames, rows, bad };
}

function parseCsv(path: string): Record<string, string>[] {
  try {
    return parse(readFileSync(path), { columns: true, bom: true, skip_empty_lines: true, trim: true }) as Record<string, string>[];
  } catch (error) {
    throw new MelstromError({ kind: 'data', where: path, got: `a manifest that cannot be read (${messageOf(error)})`, expected: 'a CSV file with a header row', cause: error });
  }
}

function parseSplit(text: string, where: string): Split | null {
  if (text === '') return null;
  const split = SPLIT_WORDS[text.toLowerCase()];
  if (split === undefined) throw new MelstromError({ kind: 'data', where, got: `the split '${text}'`, expected: 'train, validation, or nothing' });
  return split;
}

// One CSV file for a folder of clips, with every setting of each. Made from the files beside the clips, so that it cannot say otherwise.
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { readRecord } from './record.node.js';

export const MANIFEST_NAME = 'manifest.csv';

/**
 * Writes a manifest of clips in their order, which `prepare` and `train` read as that of a corpus too. Settings within settings have a dot in
 * their column's name.
 *
 * Memory: one record at a time. @throws MelstromError when a record cannot be read
 */
export async function writeManifest(folder: string, names: readonly string[]): Promise<string> {
  const path = join(folder, MANIFEST_NAME);
  const temporary = join(folder, `.melstrom-${process.pid}-manifest.part`);
  const file = await open(temporary, 'w');
  try {
    let columns: string[] | null = null;
    for (const name of names) {
      const { file: wav, ...settings } = await readRecord(join(folder, `${name}.json`));
      const row: Record<string, unknown> = { path: wav, ...flat(settings) };
      if (columns === null) await file.write(stringify([(columns = Object.keys(row))]));
      await file.write(stringify([row], { columns, cast: { boolean: String } }));
    }
    await file.close();
    await rename(temporary, path);
  } catch (thrown) {
    await file.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw thrown;
  }
  return path;
}

/** Every setting that is no object, under its path. */
function flat(settings: object, prefix = ''): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([key, value]) =>
      typeof value === 'object' && value !== null ? Object.entries(flat(value as object, `${prefix}${key}.`)) : [[`${prefix}${key}`, value] as const],
    ),
  );
}

// Makes a folder appear whole or not at all, also in place of an older one.
import { access, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { MelstromError } from '../base/errors.js';

let writtenCount = 0;

/** Text, bytes, or bytes piece by piece, of which one at a time is in memory. */
export type FileContents = string | Uint8Array | Iterable<Uint8Array>;

/** Relative path to contents. */
export type FolderFiles = ReadonlyMap<string, FileContents>;

/**
 * Writes files to a temporary folder beside the wanted one, then renames it. An older folder is set aside first and removed last;
 * after a crash between the two renames, `recoverFolder` puts it back.
 *
 * @throws MelstromError of kind 'data' when it cannot be written; nothing new is left then
 */
export async function writeFolder(wanted: string, files: FolderFiles): Promise<void> {
  const folder = resolve(wanted);
  writtenCount += 1;
  const temporary = join(dirname(folder), `.${basename(folder)}-${process.pid}-${writtenCount}.part`);
  try {
    for (const [path, contents] of files) await writeSynced(join(temporary, path), contents);
    await recoverFolder(folder);
    await rm(asideOf(folder), { recursive: true, force: true });
    if (await exists(folder)) await rename(folder, asideOf(folder));
    await rename(temporary, folder);
    await rm(asideOf(folder), { recursive: true, force: true });
  } catch (thrown) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    await recoverFolder(folder).catch(() => undefined);
    throw unwritable(wanted, thrown);
  }
}

/** Puts the older folder back when a writer was stopped between setting it aside and renaming the new one. */
export async function recoverFolder(wanted: string): Promise<void> {
  const folder = resolve(wanted);
  if (!(await exists(folder)) && (await exists(asideOf(folder)))) await rename(asideOf(folder), folder);
}

function asideOf(folder: string): string {
  return join(dirname(folder), `.${basename(folder)}.previous`);
}

async function writeSynced(path: string, contents: FileContents): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, 'w');
  try {
    const pieces = typeof contents === 'string' || contents instanceof Uint8Array ? [contents] : contents;
    for (const piece of pieces) await handle.writeFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function unwritable(folder: string, thrown: unknown): MelstromError {
  if (thrown instanceof MelstromError) return thrown;
  const reasons: Readonly<Record<string, string>> = {
    ENOSPC: 'the disk is full',
    EACCES: 'it may not be written (permission denied)',
    EPERM: 'it may not be written (permission denied)',
    EROFS: 'the disk is read-only',
    ENOTDIR: 'a file is in the place of a folder',
  };
  const { code = '' } = thrown as { code?: string };
  return new MelstromError({ kind: 'data', where: folder, got: `a folder that cannot be written: ${reasons[code] ?? String(thrown)}`, cause: thrown });
}

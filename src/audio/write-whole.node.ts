// Writes a file so that it appears whole or not at all, and never over another one unasked.
import { access, link, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MelstromError } from '../base/errors.js';

let writtenCount = 0;

/**
 * Writes bytes under a temporary name in the same folder and then renames it.
 *
 * @throws MelstromError when the file exists and force is not set, or when it cannot be written
 */
export function writeWhole(path: string, bytes: Uint8Array | string, options: { readonly force?: boolean } = {}): Promise<void> {
  return writeWholeBy(path, (handle) => handle.writeFile(bytes), options);
}

/** As writeWhole, of bytes that come one after the other: `write` is given the temporary file, and what it throws leaves nothing. */
export async function writeWholeBy(path: string, write: (handle: FileHandle) => Promise<void>, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
  writtenCount += 1;
  const temporary = join(dirname(path), `.melstrom-${process.pid}-${writtenCount}.part`);
  try {
    const handle = await open(temporary, 'w');
    try {
      await write(handle);
    } finally {
      await handle.close();
    }
    if (force) await rename(temporary, path);
    else await publish(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => undefined);
    if (thrown instanceof MelstromError) throw thrown;
    throw unwritable(path, thrown);
  }
}

/** @throws MelstromError when something of that name is already there */
export async function refuseExisting(path: string): Promise<void> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw alreadyThere(path);
}

/** A rename would replace a file that appeared meanwhile; a link does not. Some file systems have no links. */
async function publish(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
    await rm(temporary);
  } catch (thrown) {
    if (codeOf(thrown) === 'EEXIST') throw alreadyThere(path);
    await rename(temporary, path);
  }
}

function alreadyThere(path: string): MelstromError {
  return new MelstromError({ kind: 'usage', where: path, got: 'a file that is already there', expected: 'a new name', fix: 'Use --force to replace it.' });
}

function unwritable(path: string, cause: unknown): MelstromError {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'its folder does not exist',
    ENOTDIR: 'its folder does not exist',
    EACCES: 'its folder may not be written (permission denied)',
    EPERM: 'its folder may not be written (permission denied)',
    EROFS: 'its folder is read-only',
    ENOSPC: 'the disk is full',
    EISDIR: 'a folder of that name is there',
    ENAMETOOLONG: 'the name is too long',
  };
  const code = codeOf(cause);
  return new MelstromError({ kind: 'data', where: path, got: `it cannot be written: ${reasons[code] ?? String(cause)}`, cause });
}

function codeOf(thrown: unknown): string {
  return (thrown as { code?: string }).code ?? '';
}

// The folder of a cache: where it lies, what may be replaced, and how it comes into place whole or not at all.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cacheRoot } from '../base/cache-root.node.js';
import { MelstromError } from '../base/errors.js';
import { listNames } from './corpus-file.js';
import { INDEX_FILE, SLICES_FILE } from './prepared.node.js';
import { guardWrite } from './slice-store.node.js';

/** Where a cache lies unless told otherwise. */
export function defaultCacheFolder({ name }: { readonly name: string }, key: string): string {
  const readable = name.replaceAll(/[^\p{L}\p{N}_-]+/gu, '-').slice(0, 40) || 'corpus';
  return join(cacheRoot(), 'corpora', `${readable}-${key.slice(0, 16)}`);
}

/** A folder that holds anything but a cache is the user's, and is never replaced. */
export function requireReplaceable(folder: string): void {
  if (!existsSync(folder)) return;
  const names = guardWrite(folder, () => readdirSync(folder));
  if (names.every((name) => name === INDEX_FILE || name === SLICES_FILE)) return;
  throw new MelstromError({ kind: 'usage', where: folder, got: `a folder with other files in it (${listNames(names, 3)})`, expected: 'an empty or new folder, or a cache' });
}

/** Creates the folder that becomes the cache, and clears what killed jobs have left. @throws MelstromError when it cannot be written */
export function startPartial(folder: string): string {
  const parent = dirname(folder);
  const prefix = `${basename(folder)}.partial-`;
  return guardWrite(folder, () => {
    mkdirSync(parent, { recursive: true });
    for (const name of readdirSync(parent)) {
      if (name.startsWith(prefix) && !isRunning(Number.parseInt(name.slice(prefix.length), 10))) rmSync(join(parent, name), { recursive: true, force: true });
    }
    return mkdtempSync(join(parent, `${prefix}${process.pid}-`));
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** @throws MelstromError when not even one slice per file fits */
export function requireRoom(folder: string, leastBytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= leastBytes) return;
  throw new MelstromError({ kind: 'data', where: folder, got: `${megabytes(bavail * bsize)} free`, expected: `at least ${megabytes(leastBytes)} for the cache`, fix: 'Free some space, or choose a cache folder on another disk.' });
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}

/** Renames the finished folder into place. */
export function publish(partial: string, folder: string): void {
  guardWrite(folder, () => {
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
  });
}

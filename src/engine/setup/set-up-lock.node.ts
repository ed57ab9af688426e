// Lets one process at a time fill the cache; a lock whose holder has died is taken over.
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Reporter } from '../../base/logger.js';
import { cacheFolder } from './cache.node.js';

const BEAT_MS = 5_000;
const DEAD_AFTER_MS = 60_000;
const RETRY_MS = 500;

interface Holder {
  readonly pid: number;
  readonly host: string;
}

/** Runs `work` while holding the cache's lock; waits for another holder to finish. */
export async function withSetUpLock<T>(reporter: Reporter, work: () => Promise<T>): Promise<T> {
  await mkdir(cacheFolder(), { recursive: true });
  const path = join(cacheFolder(), 'set-up.lock');
  let hasSaidSo = false;
  while (!(await acquire(path))) {
    if (!hasSaidSo) reporter.log.info('another set-up is at work on the same cache; waiting for it');
    hasSaidSo = true;
    await removeIfDead(path);
    await new Promise((settle) => setTimeout(settle, RETRY_MS));
  }
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), BEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(path, { force: true });
  }
}

async function acquire(path: string): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify({ pid: process.pid, host: hostname() } satisfies Holder), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function removeIfDead(path: string): Promise<void> {
  if (!(await isDead(path))) return;
  const aside = `${path}.${randomBytes(4).toString('hex')}`; // of two that see it dead, only one can rename it
  await rename(path, aside).catch(() => undefined);
  await rm(aside, { force: true });
}

async function isDead(path: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path);
    const isSilent = Date.now() - mtimeMs > DEAD_AFTER_MS;
    const holder = JSON.parse(await readFile(path, 'utf8')) as Holder;
    return isSilent || (holder.host === hostname() && !isAlive(holder.pid));
  } catch {
    return false; // released meanwhile, or being written: look again
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

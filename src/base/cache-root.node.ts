// Where everything that can be made again is kept, for all folders of the project alike.
import { resolve } from 'node:path';
import envPaths from 'env-paths';

/** The root of the cache: MELSTROM_CACHE, else the platform's folder for caches. */
export function cacheRoot(): string {
  const chosen = process.env.MELSTROM_CACHE;
  return chosen === undefined || chosen === '' ? envPaths('melstrom', { suffix: '' }).cache : resolve(chosen);
}

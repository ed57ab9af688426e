// Reads a configuration file and resolves its relative paths against its folder.
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { MelstromError, messageOf } from '../base/errors.js';
import { deepFreeze } from './freeze.js';
import { parseRunConfig, type RunConfig } from './run-config.js';

/**
 * Reads, checks and freezes a configuration; `corpus.path` and `corpus.manifest` become absolute, relative to the file's folder.
 *
 * @throws MelstromError of kind 'configuration' that lists every problem
 */
export async function loadRunConfig(path: string): Promise<RunConfig> {
  const text = await readText(path);
  const config = parseRunConfig(text, path);
  const folder = dirname(resolve(path));
  const { corpus } = config;
  const manifest = corpus.manifest === null ? null : resolve(folder, corpus.manifest);
  return deepFreeze({ ...config, corpus: { ...corpus, path: resolve(folder, corpus.path), manifest } });
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new MelstromError({ kind: 'configuration', where: path, got: `a file that cannot be read (${messageOf(error)})`, expected: 'a YAML configuration', cause: error });
  }
}

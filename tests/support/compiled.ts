// The sources as JavaScript files, which threads can run: under the test runner itself there are none beside the modules.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { transpileForChild } from '../training/_transpile.js';

export interface Compiled {
  /** URL of a compiled file, by the path of its source in the repository. */
  url(source: string): URL;
  /** Imports a compiled module, typed as its source is. */
  load<Module>(source: string): Promise<Module>;
}

/** Compiles before the tests of a file and removes it after them. `helpers` are files of tests that are compiled too. */
export function useCompiled(helpers: readonly string[] = []): Compiled {
  let folder = '';
  beforeAll(() => {
    folder = transpileForChild(helpers);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const url = (source: string): URL => pathToFileURL(join(folder, source.replace(/\.ts$/, '.js')));
  return { url, load: <Module>(source: string) => import(url(source).href) as Promise<Module> };
}

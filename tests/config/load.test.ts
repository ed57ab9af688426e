import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadRunConfig } from '../../src/config/load.node.js';

const folder = mkdtempSync(join(tmpdir(), 'melstrom-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('resolves relative paths against the folder of the file', async () => {
  mkdirSync(join(folder, 'sub é'));
  const path = join(folder, 'sub é', 'drums.yaml');
  writeFileSync(path, '\uFEFFcorpus: { path: ../sounds, manifest: list.csv }');
  const { corpus } = await loadRunConfig(path);
  expect(corpus.path).toBe(join(folder, 'sounds'));
  expect(corpus.manifest).toBe(join(folder, 'sub é', 'list.csv'));
  expect(Object.isFrozen(corpus)).toBe(true);
});

it('names a file that is not there', async () => {
  await expect(loadRunConfig(join(folder, 'none.yaml'))).rejects.toThrow(/none\.yaml: got a file that cannot be read/);
});

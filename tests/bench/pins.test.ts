// The two Python environments of the project hold the same version of what both have.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parsePins } from '../../src/engine/setup/python-environment.node.js';

const pinsOf = (path: string): Map<string, string> => parsePins(readFileSync(new URL(path, import.meta.url), 'utf8'));

it('pins what parity pins', () => {
  const [bench, parity] = [pinsOf('requirements.txt'), pinsOf('../parity/requirements.txt')];
  expect(parity.size).toBeGreaterThan(0);
  expect([...parity].filter(([name, version]) => bench.get(name) !== version)).toEqual([]);
});

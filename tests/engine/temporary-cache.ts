// Gives a test a cache of its own and programs of its own, and takes them away again.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryCache {
  readonly folder: string;
  /** Puts a shell script on the PATH, which holds nothing else but what scripts themselves need. */
  addProgram(name: string, script: string): void;
  /** Restores the environment and removes the folder. */
  remove(): void;
}

const NEEDED_BY_SCRIPTS = ['sh', 'cat', 'mkdir', 'sleep'];

/** Points MELSTROM_CACHE and PATH at a fresh folder. */
export function useTemporaryCache(): TemporaryCache {
  const folder = mkdtempSync(join(tmpdir(), 'cache of tests ü '));
  const programs = join(folder, 'bin');
  mkdirSync(programs);
  for (const name of NEEDED_BY_SCRIPTS) symlinkSync(`/bin/${name}`, join(programs, name));
  const changed = ['MELSTROM_CACHE', 'PATH', 'CXX', 'MELSTROM_ENGINE'];
  const kept = changed.map((name) => [name, process.env[name]] as const);
  process.env.MELSTROM_CACHE = join(folder, 'cache');
  process.env.PATH = programs;
  for (const name of ['CXX', 'MELSTROM_ENGINE']) delete process.env[name];
  return {
    folder,
    addProgram(name, script) {
      writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(programs, name), 0o755);
    },
    remove() {
      for (const [name, value] of kept) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

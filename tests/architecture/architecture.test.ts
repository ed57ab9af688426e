// The rules of the design that hold over the whole tree, each with a test of its own.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAY_IMPORT, MAY_USE_TENSORFLOW, TOP_LEVEL } from './import-table.js';
import { findCycle, folderOf, importsOf, listFiles, readSources, root, type SourceFile } from './source-tree.js';

const LONGEST_FILE = 300;
const sources = readSources('src');
const tests = readSources('tests');
const all = [...sources, ...tests];

describe('imports', () => {
  it('keep to the table of folders', () => {
    const broken = edgesOf(sources)
      .filter(({ from, to }) => from !== to && from !== null && !(to !== null && (MAY_IMPORT[from] ?? []).includes(to)))
      .map(({ path, specifier }) => `${path} imports ${specifier}`);
    expect(broken).toEqual([]);
  });

  it('know every folder of src', () => {
    const folders = new Set(sources.map(({ path }) => folderOf(path)).filter((folder) => folder !== null));
    expect([...folders].filter((folder) => !(folder in MAY_IMPORT))).toEqual([]);
  });

  it('have a table without cycles', () => {
    expect(findCycle(new Map(Object.entries(MAY_IMPORT)))).toBeNull();
  });

  it('have no cycle between files', () => {
    const edges = new Map(sources.map(({ path, imports }) => [path, imports.filter(({ target, isTypeOnly }) => target !== null && !isTypeOnly).map(({ target }) => target as string)]));
    expect(findCycle(edges)).toBeNull();
  });

  it('name files that exist', () => {
    const missing = all.flatMap(({ path, imports }) =>
      imports.filter(({ target }) => target !== null && /\.(ts|mjs)$/.test(target) && !existsSync(join(root, target))).map(({ specifier }) => `${path} imports ${specifier}`),
    );
    expect(missing).toEqual([]);
  });

  it('take Node modules only in .node.ts files and in cli', () => {
    const broken = sources
      .filter(({ path }) => !path.endsWith('.node.ts') && folderOf(path) !== 'cli')
      .flatMap(({ path, imports }) => imports.filter(({ specifier }) => isNodeModule(specifier)).map(({ specifier }) => `${path} imports ${specifier}`));
    expect(broken).toEqual([]);
  });

  it('take .node.ts files only in .node.ts files, in cli and in the index', () => {
    const broken = sources
      .filter(({ path }) => !path.endsWith('.node.ts') && !['cli', null].includes(folderOf(path)))
      .flatMap(({ path, imports }) => imports.filter(({ target, isTypeOnly }) => !isTypeOnly && target?.endsWith('.node.ts') === true).map(({ specifier }) => `${path} imports ${specifier}`));
    expect(broken).toEqual([]);
  });

  it('take TensorFlow.js whole and only where it belongs', () => {
    const used = sources.flatMap(({ path, imports }) => imports.filter(({ specifier }) => specifier.startsWith('@tensorflow/')).map(({ specifier }) => ({ path, specifier })));
    expect(used.filter(({ path }) => !MAY_USE_TENSORFLOW.includes(folderOf(path) ?? ''))).toEqual([]);
    expect(used.filter(({ path, specifier }) => specifier !== '@tensorflow/tfjs' && folderOf(path) !== 'engine')).toEqual([]);
  });

  it('of files that threads run load no engine, and of the rest only what such a file needs', () => {
    const workers = sources.filter(({ path }) => path.endsWith('-worker.node.ts')).map(({ path }) => path);
    expect(workers.length).toBeGreaterThan(2);
    for (const worker of workers) {
      const loaded = reachable(worker);
      expect([...loaded].filter((name) => name.startsWith('@tensorflow/')), worker).toEqual([]);
      expect([...loaded].filter((name) => /^src\/(engine|nn|models|diffusion|pipeline|training|generation|cli)\//.test(name)), worker).toEqual([]);
    }
  });

  it('name packages that package.json declares', () => {
    const declared = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object; optionalDependencies?: object; peerDependencies?: object };
    const known = [...Object.keys(declared.dependencies), ...Object.keys(declared.optionalDependencies ?? {}), ...Object.keys(declared.peerDependencies ?? {})];
    const broken = sources.flatMap(({ path, imports }) =>
      imports.filter(({ specifier, isTypeOnly }) => !isTypeOnly && isPackage(specifier) && !known.includes(packageOf(specifier))).map(({ specifier }) => `${path} imports ${specifier}`),
    );
    expect(broken).toEqual([]);
  });
});

describe('files', () => {
  it(`have at most ${LONGEST_FILE} lines`, () => {
    expect(all.filter(({ text }) => text.split('\n').length - 1 > LONGEST_FILE).map(({ path }) => path)).toEqual([]);
  });

  it('have kebab-case names', () => {
    const named = /^_?[a-z0-9]+(-[a-z0-9]+)*(\.(node|test|config|d))*\.[a-z0-9]+$/;
    const folderNamed = /^[a-z0-9]+(-[a-z0-9]+)*$/;
    const broken = all.filter(({ path }) => {
      const parts = path.split('/');
      const name = parts.pop() as string;
      return !named.test(name) || !parts.every((part) => folderNamed.test(part));
    });
    expect(broken.map(({ path }) => path)).toEqual([]);
  });

  it('in src carry no name that says nothing', () => {
    expect(sources.filter(({ path }) => /(^|\/|-)(utils?|helpers?|misc|common)(-|\.|\/)/.test(path)).map(({ path }) => path)).toEqual([]);
  });

  it('have named exports only', () => {
    expect(sources.filter(({ text }) => /^export default /m.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it('contain no path of a home folder', () => {
    const home = /(?:^|[\s'"`(=])(?:\/home\/[a-z]|\/root\/|\/Users\/[A-Za-z]|[A-Z]:\\Users\\)/m;
    const texts = listFiles('src').filter((path) => /\.(ts|mjs|cc|h)$/.test(path)).map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
    expect([...texts, ...tests.filter(({ path }) => !path.startsWith('tests/architecture/'))].filter(({ text }) => home.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it('at the top level are those of the design', () => {
    const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n').filter((path) => path !== '');
    const names = new Set(tracked.map((path) => path.split('/')[0]));
    expect([...names].filter((name) => !name.startsWith('.') && !TOP_LEVEL.includes(name))).toEqual([]);
  });
});

describe('the reader of imports', () => {
  it('sees every kind of import', () => {
    const text = [
      "import { a } from '../base/a.js';",
      "import type { B } from '../base/b.js';",
      "export { c } from './c.js';",
      "const d = await import('node:fs');",
      "type E = import('./e.js').E;",
      '// import "./comment.js"',
    ].join('\n');
    expect(importsOf('src/nn/x.ts', text)).toEqual([
      { specifier: '../base/a.js', target: 'src/base/a.ts', isTypeOnly: false },
      { specifier: '../base/b.js', target: 'src/base/b.ts', isTypeOnly: true },
      { specifier: './c.js', target: 'src/nn/c.ts', isTypeOnly: false },
      { specifier: 'node:fs', target: null, isTypeOnly: false },
      { specifier: './e.js', target: 'src/nn/e.ts', isTypeOnly: true },
    ]);
  });

  it('finds a cycle', () => {
    expect(findCycle(new Map([['a', ['b']], ['b', ['c']], ['c', ['b']]]))).toEqual(['b', 'c', 'b']);
  });
});

/** Files and packages that are loaded with a file, itself included. */
function reachable(start: string): Set<string> {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const found = new Set([start]);
  for (const name of found) for (const { target, specifier, isTypeOnly } of byPath.get(name)?.imports ?? []) if (!isTypeOnly) found.add(target ?? specifier);
  return found;
}

function edgesOf(files: readonly SourceFile[]): { path: string; specifier: string; from: string | null; to: string | null }[] {
  return files.flatMap(({ path, imports }) =>
    imports.filter(({ target }) => target !== null).map(({ specifier, target }) => ({ path, specifier, from: folderOf(path), to: folderOf(target as string) })),
  );
}

function isNodeModule(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(specifier);
}

function isPackage(specifier: string): boolean {
  return !specifier.startsWith('.') && !isNodeModule(specifier);
}

function packageOf(specifier: string): string {
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

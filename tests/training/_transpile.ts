// Compiles src and the helpers of these tests to JavaScript without type checks, for tests that need a process to kill.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Transpiles into a new folder inside node_modules, where packages resolve. The caller removes it. */
export function transpileForChild(helpers: readonly string[]): string {
  mkdirSync(join(root, 'node_modules', '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, 'node_modules', '.cache', 'melstrom-child-'));
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).map((name) => join('src', name));
  for (const name of [...sources, ...helpers]) {
    if (!name.endsWith('.ts') || name.endsWith('.d.ts')) continue;
    const { outputText } = ts.transpileModule(readFileSync(join(root, name), 'utf8'), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
    });
    const target = join(folder, name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
  cpSync(join(root, 'src', 'engine', 'native'), join(folder, 'src', 'engine', 'native'), { recursive: true }); // kernels in the cache are found by their sources
  writeFileSync(join(folder, 'package.json'), readFileSync(join(root, 'package.json')));
  return folder;
}

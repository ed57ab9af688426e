// Reads the source tree for the architecture tests: files, their lines, and what each one imports.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** The file it names, relative to the repository; null for packages and Node's own modules. */
  readonly target: string | null;
  /** Erased by the compiler: no module is loaded for it. */
  readonly isTypeOnly: boolean;
}

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

/** All TypeScript and JavaScript files below a folder of the repository. */
export function readSources(folder: string): SourceFile[] {
  return listFiles(folder)
    .filter((path) => /\.(ts|mjs|js)$/.test(path))
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      return { path, text, imports: importsOf(path, text) };
    });
}

/** Names of all files below a folder, relative to the repository, in order. */
export function listFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split('\\').join('/'))
    .sort();
}

/** Every static import, re-export, dynamic import and imported type of a file. */
export function importsOf(path: string, text: string): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node | undefined, isTypeOnly: boolean): void => {
    if (node !== undefined && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, target: resolveTarget(path, node.text), isTypeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0], false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return found;
}

function resolveTarget(path: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  return posix.normalize(posix.join(dirname(path), specifier)).replace(/\.js$/, '.ts');
}

/** The folder of src/ that a file belongs to; null for a file that lies in src/ itself. */
export function folderOf(path: string): string | null {
  const parts = path.split('/');
  return parts[0] === 'src' && parts.length > 2 ? parts[1] : null;
}

/** The first cycle of a graph, as the names on it, or null. */
export function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] | null {
  const finished = new Set<string>();
  const onPath: string[] = [];
  const visit = (name: string): string[] | null => {
    if (onPath.includes(name)) return [...onPath.slice(onPath.indexOf(name)), name];
    if (finished.has(name)) return null;
    onPath.push(name);
    for (const next of edges.get(name) ?? []) {
      const cycle = visit(next);
      if (cycle !== null) return cycle;
    }
    onPath.pop();
    finished.add(name);
    return null;
  };
  for (const name of edges.keys()) {
    const cycle = visit(name);
    if (cycle !== null) return cycle;
  }
  return null;
}

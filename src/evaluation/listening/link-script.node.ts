// Makes one script out of compiled modules, so that a page needs no other file and no bundler is needed to write it.
import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { MelstromError, messageOf } from '../../base/errors.js';

/** One line as the compiler writes it: names in braces, from a file. */
const IMPORT = /^import \{ ([^}]*) \} from '(\.[^']*)';$/gm;
const EXPORT = /^export (?:async )?(?:function|const|class) (\w+)/gm;

/**
 * Links a compiled module and all that it imports: each becomes a function that is called once and returns what it exports, in an order in
 * which everything is there before it is used. The script ends with what `run` makes of the name under which the entry's exports are found.
 *
 * @throws MelstromError (internal) for a file that is missing, or that imports or exports in a way not used by files meant for the browser
 */
export function linkScript(entry: string, run: (module: string) => string): string {
  const names = new Map<string, string>();
  const parts: string[] = [];
  const visit = (path: string): string => {
    const known = names.get(path);
    if (known !== undefined) return known;
    const code = read(path).replaceAll(IMPORT, (_, wanted: string, specifier: string) => `const { ${wanted.replaceAll(' as ', ': ')} } = ${visit(resolve(dirname(path), specifier))};`);
    const exported = [...code.matchAll(EXPORT)].map(([, name]) => name);
    const body = code.replaceAll(/^export (?=(?:async )?(?:function|const|class) )/gm, '').replaceAll(/^export \{\};$/gm, '');
    const foreign = /^(?:import|export)\b.*$/m.exec(body);
    if (foreign !== null) throw unlinkable(path, `'${foreign[0]}'`, 'imports of names from files beside it, and exports of functions, constants and classes');
    const name = `m${names.size}`;
    names.set(path, name);
    parts.push(`// ${relative(dirname(dirname(dirname(entry))), path).replaceAll('\\', '/')}\nconst ${name} = (() => {\n${body.trim()}\nreturn { ${exported.join(', ')} };\n})();`);
    return name;
  };
  const last = visit(entry);
  return `${parts.join('\n')}\n${run(last)}`;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw unlinkable(path, messageOf(cause), 'a compiled file', cause);
  }
}

function unlinkable(where: string, got: string, expected: string, cause?: unknown): MelstromError {
  return new MelstromError({ kind: 'internal', where, got, expected, fix: 'In a checkout, build first: npm run build.', cause });
}

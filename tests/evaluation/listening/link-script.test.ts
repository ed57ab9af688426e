import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linkScript } from '../../../src/evaluation/listening/link-script.node.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'melstrom-link-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): (name: string) => string {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return (name) => join(folder, name);
}

describe('linking', () => {
  it('keeps each file to itself, runs it once, and in an order in which everything is there', () => {
    const path = write({
      'a.js': "import { b, shared as own } from './b.js';\nimport { c } from './c.js';\nconst hidden = 1;\nexport function start() { return [b(), c(), hidden, own]; }\n",
      'b.js': "import { c } from './c.js';\nconst hidden = 2;\nexport const shared = 'b';\nexport function b() { return [hidden, c()]; }\n",
      'c.js': 'let count = 0;\ncount += 1;\nconst hidden = 3;\nexport class C {}\nexport async function later() {}\nexport const c = () => [hidden, count];\nexport {};\n',
    });
    const script = linkScript(path('a.js'), (module) => `return ${module}.start();`);
    expect(new Function(script)()).toEqual([[2, [3, 1]], [3, 1], 1, 'b']);
  });

  it.each([
    ['a package', "import { z } from 'zod';\n"],
    ['a default', "import z from './b.js';\n"],
    ['everything', "export * from './b.js';\n"],
    ['a list', 'const x = 1;\nexport { x };\n'],
  ])('refuses %s', (_, text) => {
    const path = write({ 'refused.js': text, 'b.js': '' });
    expect(() => linkScript(path('refused.js'), () => '')).toThrow(/refused\.js: got '(import|export) /);
  });

  it('names a file that is missing', () => {
    expect(() => linkScript(join(folder, 'none.js'), () => '')).toThrow(/none\.js: got .*npm run build/);
  });

  it('makes a script of the listening page that parses, and names nothing outside a browser', () => {
    const entry = fileURLToPath(new URL('../../../dist/evaluation/listening/start-listening.js', import.meta.url));
    const script = linkScript(entry, (module) => `${module}.startListening();`);
    expect(() => new Function(script)).not.toThrow();
    expect(script).not.toMatch(/\brequire\(|\bprocess\.|from 'node:|https?:/);
    expect(Buffer.byteLength(script)).toBeLessThan(80_000);
  });
});

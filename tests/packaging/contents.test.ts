// What `npm pack` puts into the package, read from npm itself without packing or network.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface PackageJson {
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

const packageJson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as PackageJson;

describe('the package', () => {
  let paths: string[] = [];

  beforeAll(() => {
    const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const [{ files }] = JSON.parse(output) as [{ files: { path: string }[] }];
    paths = files.map(({ path }) => path);
  });

  it('carries its command, the kernel sources, configurations and samples', () => {
    expect(paths).toContain(packageJson.bin.melstrom);
    expect(paths).toContain('dist/engine/setup/set-up.node.js');
    for (const folder of ['src/engine/native/', 'configs/', 'audio-samples/']) expect(paths.some((path) => path.startsWith(folder))).toBe(true);
  });

  it('carries no tests, runs or sources beside the kernels', () => {
    expect(paths.filter((path) => /^(tests|runs|node_modules)\//.test(path) || (path.startsWith('src/') && !path.startsWith('src/engine/native/')))).toEqual([]);
  });

  it('runs no script when it is installed', () => {
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) expect(packageJson.scripts).not.toHaveProperty(name);
  });

  it('does not bring the package whose install script fetches an outdated library', () => {
    const { dependencies, optionalDependencies, peerDependencies } = packageJson;
    const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
    expect(names).toContain('@tensorflow/tfjs');
    expect(names.filter((name) => name.startsWith('@tensorflow/tfjs-node'))).toEqual([]);
  });
});

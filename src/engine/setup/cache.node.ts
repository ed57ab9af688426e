// The per-user cache: where each part of the native engine lies, keyed by what it was made from.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheRoot as cacheFolder } from '../../base/cache-root.node.js';
import { BINDING_PACKAGE, NODE_API_VERSION, TENSORFLOW_WHEELS, type NativeBuild } from './pins.js';
import { packageRoot } from './package-root.node.js';
import { LOG_CAPTURE_SOURCE } from './log-capture.js';

export { cacheFolder };

/** The unpacked TensorFlow wheel. Laid out as the wheel is, because the libraries find each other by relative paths. */
export function tensorflowFolder(build: NativeBuild): string {
  const { project, version, sha256 } = TENSORFLOW_WHEELS[build];
  return join(cacheFolder(), 'libraries', `${project}-${version}-${sha256.slice(0, 12)}`);
}

/** The folder with libtensorflow_cc.so.2 and the headers of one build. */
export function libraryFolder(build: NativeBuild): string {
  return join(tensorflowFolder(build), 'tensorflow');
}

/** The copy of the binding's npm package, for when it is not installed beside us. */
export function bindingPackageFolder(): string {
  return join(cacheFolder(), 'packages', `tfjs-node-gpu-${BINDING_PACKAGE.version}`);
}

/** The compiled binding. Any Node from version 20 loads it: Node-API is stable. */
export function bindingFile(build: NativeBuild): string {
  const { sha256 } = TENSORFLOW_WHEELS[build];
  const key = digest([BINDING_PACKAGE.integrity, sha256, LOG_CAPTURE_SOURCE, `${NODE_API_VERSION}`, platform(), arch()]);
  return join(cacheFolder(), 'bindings', key, 'tfjs_binding.node');
}

/** The compiled kernels of src/engine/native, or null when the package has none. They use every instruction of this processor. */
export function kernelsFile(build: NativeBuild): string | null {
  const sources = kernelFiles();
  if (!sources.some((path) => path.endsWith('.cc'))) return null;
  const contents = sources.map((path) => readFileSync(path));
  const key = digest([TENSORFLOW_WHEELS[build].sha256, cpuFlags().join(' '), platform(), arch(), ...contents]);
  return join(cacheFolder(), 'kernels', key, 'melstrom_kernels.node');
}

/** The C++ sources and headers of our kernels, in a fixed order. */
export function kernelFiles(): string[] {
  const folder = join(packageRoot, 'src', 'engine', 'native');
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true }) as string[];
  return names.filter((name) => /\.(cc|h)$/.test(name)).sort().map((name) => join(folder, name));
}

/** The instruction sets of this processor, as the system names them. */
export function cpuFlags(): string[] {
  try {
    const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    return line === null ? [] : line[1].trim().split(/\s+/).sort();
  } catch {
    return []; // not Linux: no list to be had
  }
}

/** Lets `make` fill a temporary folder of the cache, then moves it to its final place in one step. */
export async function fillFolder(folder: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = join(cacheFolder(), 'tmp', randomBytes(6).toString('hex'));
  await mkdir(temporary, { recursive: true });
  try {
    await make(temporary);
    await mkdir(dirname(folder), { recursive: true });
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The size of all files below a folder, in bytes; files that vanish meanwhile count nothing. */
export async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(names.map((name) => lstat(join(folder, name)).then((entry) => (entry.isFile() ? entry.size : 0), () => 0)));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

function digest(parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex').slice(0, 16);
}

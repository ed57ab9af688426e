// Where the native engine lives in the per-user cache, and the pinned versions and checksums of what is fetched.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, cpus, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import envPaths from 'env-paths';

export type NativeEngine = 'tensorflow' | 'tensorflow-cuda';

export const TENSORFLOW_VERSION = '2.21.0';
export const BINDING_PACKAGE = '@tensorflow/tfjs-node-gpu';
export const BINDING_VERSION = '4.22.0';
/** From the npm registry's record of that version. */
export const BINDING_INTEGRITY = 'sha512-p//NN6DGiN4hInUmIkRffaFVMcdTREUMjPyjW04J7OXvB2zBlQimj61eFKSgRrH3f5TnOfKzb0n56he/B6a4bw==';
/** From PyPI's record of the wheel for CPython 3.11 on Linux x86-64; the libraries inside do not depend on Python. */
export const CPU_WHEEL_SHA256 = '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c';
/** Raised when the layout below or the way of building changes. */
const LAYOUT = 1;

const require = createRequire(import.meta.url);

/** The folder that holds everything fetched and built: MELSTROM_CACHE, or the platform's place for caches. */
export function cacheFolder(): string {
  return process.env['MELSTROM_CACHE'] ?? envPaths('melstrom', { suffix: '' }).cache;
}

/** The folder of the package itself, in a checkout as well as installed. */
export function packageFolder(): string {
  return fileURLToPath(new URL('../../..', import.meta.url));
}

/** The folder of one native engine: complete when it exists. */
export function engineFolder(engine: NativeEngine): string {
  return join(cacheFolder(), `${engine}-${TENSORFLOW_VERSION}-tfjs-${BINDING_VERSION}-${platform()}-${arch()}-${LAYOUT}`);
}

/** Files inside an engine folder. */
export function engineFiles(engine: NativeEngine): { readonly binding: string; readonly libraries: string; readonly include: string } {
  const folder = engineFolder(engine);
  return { binding: join(folder, 'lib', 'napi-v8', 'tfjs_binding.node'), libraries: join(folder, 'deps', 'lib'), include: join(folder, 'deps', 'include') };
}

/**
 * The folder of the tfjs binding's JavaScript and C++ sources: the installed package, else the copy that the set-up
 * unpacked into the cache; null when there is neither.
 */
export function bindingPackageFolder(): string | null {
  try {
    return dirname(require.resolve(`${BINDING_PACKAGE}/package.json`));
  } catch {
    const unpacked = fetchedBindingFolder();
    return existsSync(unpacked) ? unpacked : null;
  }
}

/** Where the set-up unpacks the binding's package when npm did not install it. */
export function fetchedBindingFolder(): string {
  return join(cacheFolder(), `tfjs-node-gpu-${BINDING_VERSION}`);
}

/** C++ sources of the fused kernels, in order. */
export function kernelSources(): string[] {
  const folder = join(packageFolder(), 'src', 'engine', 'native');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => /\.(cc|h)$/.test(name)).sort().map((name) => join(folder, name));
}

/** The built library of fused kernels, keyed by sources, engine and processor. */
export function kernelLibrary(engine: NativeEngine): string {
  const hash = createHash('sha256').update(`${engineFolder(engine)}\n${cpus()[0]?.model ?? ''}\n${processorFlags()}`);
  for (const source of kernelSources()) hash.update(readFileSync(source));
  return join(cacheFolder(), `kernels-${hash.digest('hex').slice(0, 16)}.node`);
}

/** The processor's instruction set flags on Linux, else an empty text. */
export function processorFlags(): string {
  try {
    return /^flags\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}

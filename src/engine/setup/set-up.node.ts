// The set-up: brings the native engine into the per-user cache. Safe to repeat, to interrupt and to run twice at once.
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MelstromError, messageOf } from '../../base/errors.js';
import type { Reporter } from '../../base/logger.js';
import { buildBinding, buildKernels, findCompiler } from './build.node.js';
import { fetchBindingPackage, fetchTensorflow } from './fetch.node.js';
import { bindingPackageFolder, cacheFolder, engineFolder, kernelLibrary, type NativeEngine } from './locations.node.js';

export interface SetUpOptions {
  readonly engine: NativeEngine;
  /** Builds again even when the cache holds this version. */
  readonly force: boolean;
  readonly reporter: Reporter;
}

export interface SetUpResult {
  /** Whether the native engine can be started. */
  readonly isReady: boolean;
  readonly folder: string;
  /** One paragraph: what was done, or why the native engine can't be had. */
  readonly message: string;
}

/** Gets and builds the native engine and the fused kernels. Never throws for a missing prerequisite: it says why. */
export async function setUpEngine({ engine, force, reporter }: SetUpOptions): Promise<SetUpResult> {
  const folder = engineFolder(engine);
  try {
    return await withLock(reporter, async () => {
      if (force) await rm(folder, { recursive: true, force: true });
      const packageFolder = bindingPackageFolder() ?? (await fetchBindingPackage(reporter));
      if (!existsSync(folder)) await buildEngine({ engine, folder, packageFolder, reporter });
      const reason = existsSync(kernelLibrary(engine)) && !force ? null : await compileKernels(engine, reporter);
      const kernels = reason === null ? 'with fused kernels' : `without fused kernels, slower, because ${reason}`;
      return { isReady: true, folder, message: `The native engine ${engine} is ready, ${kernels}.` };
    });
  } catch (error) {
    return {
      isReady: false, folder,
      message: `The native engine can't be set up: ${messageOf(error)} Everything still runs on the wasm engine, several times slower.`,
    };
  }
}

async function compileKernels(engine: NativeEngine, reporter: Reporter): Promise<string | null> {
  reporter.log.info('set-up: compiling the fused kernels for this processor');
  return buildKernels(engine);
}

interface BuildOptions {
  readonly engine: NativeEngine;
  readonly folder: string;
  readonly packageFolder: string;
  readonly reporter: Reporter;
}

async function buildEngine({ engine, folder, packageFolder, reporter }: BuildOptions): Promise<void> {
  if (platform() !== 'linux' || arch() !== 'x64') {
    throw new MelstromError({ kind: 'engine', where: 'set-up', got: `${platform()} on ${arch()}`, expected: 'linux on x64, the only platform whose native library is known' });
  }
  await findCompiler();
  await removeLeftovers();
  const temporary = `${folder}.${process.pid}.part`;
  try {
    await fetchTensorflow(engine, temporary, reporter);
    reporter.log.info('set-up: compiling the binding');
    await buildBinding(temporary, packageFolder);
    await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** What an interrupted set-up left behind. Runs under the lock, so nobody else is writing. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(cacheFolder())) {
    if (name.endsWith('.part')) await rm(join(cacheFolder(), name), { recursive: true, force: true });
  }
}

async function withLock<T>(reporter: Reporter, work: () => Promise<T>): Promise<T> {
  await mkdir(cacheFolder(), { recursive: true });
  const path = join(cacheFolder(), 'setup.lock');
  let hasWaited = false;
  for (;;) {
    try {
      const handle = await open(path, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const owner = Number(await readFile(path, 'utf8').catch(() => ''));
      if (owner > 0 && !isAlive(owner)) await rm(path, { force: true });
      else {
        if (!hasWaited) reporter.log.info('set-up: waiting for another set-up to end');
        hasWaited = true;
        await delay(500);
      }
    }
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

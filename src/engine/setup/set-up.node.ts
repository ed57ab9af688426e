// The set-up as a whole: brings the native engine into the per-user cache. Safe to repeat, to interrupt and to run twice at once.
import { existsSync } from 'node:fs';
import { access, constants, mkdir, rm } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../base/errors.js';
import type { Reporter } from '../../base/logger.js';
import { bindingFile, cacheFolder, kernelsFile, tensorflowFolder } from './cache.node.js';
import { findBindingPackage, hasLibrary, makeBinding, makeBindingPackage, makeKernels, makeLibrary } from './native-files.node.js';
import type { NativeBuild } from './pins.js';
import { withSetUpLock } from './set-up-lock.node.js';
import { SetUpProblem } from './set-up-problem.js';
import { requireCompiler, requirePython } from './tools.node.js';

export interface SetUpOptions {
  readonly engine: NativeBuild;
  /** Builds again even when the cache holds this version. */
  readonly force: boolean;
  readonly reporter: Reporter;
}

export interface SetUpResult {
  /** Whether the native engine can be started. */
  readonly isReady: boolean;
  /** One paragraph: what is there now, or why the native engine can't be had. */
  readonly message: string;
}

/** True when library, binding and the binding's package are in place. */
export function hasEngine(build: NativeBuild): boolean {
  return hasLibrary(build) && existsSync(bindingFile(build)) && findBindingPackage() !== null;
}

/** Makes whatever of the native engine is missing. A missing prerequisite is no exception: the result says why. */
export async function setUpEngine({ engine, force, reporter }: SetUpOptions): Promise<SetUpResult> {
  try {
    await requireWritableCache();
    return await withSetUpLock(reporter, async () => {
      await rm(join(cacheFolder(), 'tmp'), { recursive: true, force: true }); // left by an interrupted set-up
      if (force) await removeBuilt(engine);
      await makeMissing(engine, reporter);
      const reason = await makeKernels(engine, reporter).then(() => null, messageOf);
      const kernels = reason === null ? 'with fused kernels' : `but without fused kernels and slower, since ${reason}`;
      return { isReady: true, message: `The native engine ${engine} is ready, ${kernels}.` };
    });
  } catch (error) {
    const why = error instanceof SetUpProblem ? error.message : `${messageOf(error)}.`;
    return { isReady: false, message: `The native engine can't be set up: ${why} Everything still runs on the wasm engine, several times slower.` };
  }
}

async function requireWritableCache(): Promise<void> {
  try {
    await mkdir(cacheFolder(), { recursive: true });
    await access(cacheFolder(), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new SetUpProblem(`the cache folder ${cacheFolder()} can't be written (${messageOf(cause)})`, 'Set MELSTROM_CACHE to a folder of yours.');
  }
}

async function makeMissing(build: NativeBuild, reporter: Reporter): Promise<void> {
  if (platform() !== 'linux' || arch() !== 'x64') {
    throw new SetUpProblem(`its library is not known for ${platform()} on ${arch()}`, 'Use Linux on x64.');
  }
  // What is cheap to find out comes before what takes minutes.
  if (!existsSync(bindingFile(build))) await requireCompiler();
  if (!hasLibrary(build)) await requirePython();
  if (findBindingPackage() === null) await makeBindingPackage(reporter);
  if (!hasLibrary(build)) await makeLibrary(build, reporter);
  if (!existsSync(bindingFile(build))) await makeBinding(build, reporter);
}

async function removeBuilt(build: NativeBuild): Promise<void> {
  const kernels = kernelsFile(build);
  const folders = [tensorflowFolder(build), join(bindingFile(build), '..'), ...(kernels === null ? [] : [join(kernels, '..')])];
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
}

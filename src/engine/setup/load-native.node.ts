// Loads the TensorFlow backend and our kernels from the cache into this process.
import { existsSync } from 'node:fs';
import Module from 'node:module';
import { constants } from 'node:os';
import { dirname, join, sep } from 'node:path';
import util from 'node:util';
import { messageOf } from '../../base/errors.js';
import { bindingFile, kernelsFile } from './cache.node.js';
import { findBindingPackage } from './native-files.node.js';
import { packageRequire } from './package-root.node.js';
import type { NativeBuild } from './pins.js';
import { LOG_CAPTURE_NAME, withoutInformation, type LogCapture } from './log-capture.js';

const ERRORS_ONLY = '2';

/** Modules that only parts of the binding's package use which nothing here calls; leaving them out keeps the installation small. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  progress: 'The progress bar of Model.fit',
  './proto/api_pb': 'Reading SavedModel folders and writing histogram summaries',
};

type Load = (request: string, parent: { filename?: string } | undefined, isMain: boolean) => unknown;

/** What only the binding knows about itself. */
export interface LoadedBackend {
  readonly tensorflowVersion: string;
  readonly isUsingGpu: boolean;
}

/**
 * Loads the binding's package, which registers and selects the backend `tensorflow`. Its own search for the compiled
 * binding is answered with the file in the cache, and what it imports is resolved from this package, so that both share
 * one TensorFlow.js wherever the package lies.
 */
export function loadBackend(build: NativeBuild): LoadedBackend {
  const folder = findBindingPackage();
  if (folder === null) throw new Error('the binding package is missing');
  defineOldFunctions();
  const host = Module as unknown as { _load: Load };
  const original = host._load;
  host._load = function load(request, parent, isMain) {
    if (parent?.filename?.startsWith(folder + sep) === true) {
      if (request === '@mapbox/node-pre-gyp') return { find: () => bindingFile(build) };
      if (Object.hasOwn(LEFT_OUT, request)) return leftOut(LEFT_OUT[request]);
      if (!/^[./]/.test(request) && !Module.isBuiltin(request)) return packageRequire(request);
    }
    return original.call(this, request, parent, isMain);
  };
  try {
    quietly(build, () => packageRequire(folder));
  } finally {
    host._load = original;
  }
  const binding = packageRequire(bindingFile(build)) as { TF_Version: string; isUsingGpuDevice(): boolean };
  return { tensorflowVersion: binding.TF_Version, isUsingGpu: binding.isUsingGpuDevice() };
}

/** Loads something without TensorFlow's lines of information, unless the user has set how much it logs. */
function quietly(build: NativeBuild, load: () => void): void {
  if (process.env.TF_CPP_MIN_LOG_LEVEL !== undefined) {
    load();
    return;
  }
  process.env.TF_CPP_MIN_LOG_LEVEL = ERRORS_ONLY;
  const log = packageRequire(join(dirname(bindingFile(build)), LOG_CAPTURE_NAME)) as LogCapture;
  log.capture();
  try {
    load();
  } finally {
    const rest = withoutInformation(log.release());
    if (rest !== '') process.stderr.write(`${rest}\n`);
  }
}

/** Stands in for a package: loading goes well, use says what is missing. */
function leftOut(use: string): unknown {
  const fail = (): never => {
    throw new Error(`${use} is not available in this installation.`);
  };
  return new Proxy(fail, { get: fail, construct: fail });
}

/** Loads our kernels into the process; returns why not when that fails, else null. */
export function loadKernels(build: NativeBuild): string | null {
  const file = kernelsFile(build);
  if (file === null) return 'This package carries no kernel sources.';
  if (!existsSync(file)) return 'The fused kernels are not compiled; run `melstrom setup`.';
  try {
    process.dlopen({ exports: {} }, file, constants.dlopen.RTLD_NOW);
    return null;
  } catch (error) {
    return `The fused kernels could not be loaded (${messageOf(error)}); run \`melstrom setup\`.`;
  }
}

/** The binding's package calls a function that Node 23 removed, and one at which Node 22 and later print a warning. */
function defineOldFunctions(): void {
  const target = util as unknown as Record<string, unknown>;
  target.isNullOrUndefined = (value: unknown) => value === null || value === undefined;
  target.isArray = Array.isArray;
}

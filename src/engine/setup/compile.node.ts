// Compiles C++ sources against the TensorFlow library into a module that Node can load.
import { rm } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { Progress } from '../../base/logger.js';
import { bindingFile, libraryFolder } from './cache.node.js';
import { installedPackageFolder } from './package-root.node.js';
import { NODE_API_VERSION, type NativeBuild } from './pins.js';
import { complaintOf, runProgram } from './run-program.node.js';
import { SetUpProblem } from './set-up-problem.js';
import type { Tool } from './tools.node.js';

const PARALLEL_COMPILERS = 2;
/** The folder of CUDA's compiler library, which our kernels for GPUs open at their first use. */
const CUDA_COMPILER = join('nvidia', 'cuda_nvrtc', 'lib');

export interface CompileOptions {
  readonly compiler: Tool;
  readonly build: NativeBuild;
  readonly sources: readonly string[];
  /** Where objects and the module are written. */
  readonly folder: string;
  /** File name of the module. */
  readonly name: string;
  readonly flags: readonly string[];
  readonly libraries: readonly string[];
  /** Counts compiled files, and the link as one more. */
  readonly progress?: Progress;
}

/** @throws SetUpProblem with the compiler's complaint. */
export async function compileModule(options: CompileOptions): Promise<void> {
  const { compiler, build, sources, folder, name, flags, libraries, progress } = options;
  const tensorflow = libraryFolder(build);
  const nodeHeaders = installedPackageFolder('node-api-headers');
  if (nodeHeaders === null) throw new SetUpProblem('the package node-api-headers is not installed', 'Run npm ci.');
  const common = [
    '-std=c++17', '-O3', '-fPIC', '-DNDEBUG', `-DNAPI_VERSION=${NODE_API_VERSION}`, ...flags,
    '-isystem', join(tensorflow, 'include'), '-isystem', join(nodeHeaders, 'include'),
  ];
  const objects = sources.map((source, index) => join(folder, `${index}-${basename(source)}.o`));
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < sources.length) {
      const index = next;
      next += 1;
      await run(compiler, [...common, '-c', sources[index], '-o', objects[index]]);
      done += 1;
      progress?.update(done);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_COMPILERS }, work));
  // The module finds the library from its own place in the cache, so the cache may be moved as a whole.
  const fromModule = relative(dirname(bindingFile(build)), tensorflow);
  await run(compiler, [
    '-shared', ...objects, '-o', join(folder, name), '-L', tensorflow, ...libraries.map((library) => `-l:${library}`),
    `-Wl,-rpath,$ORIGIN/${fromModule}`,
    ...(build === 'tensorflow-cuda' ? [`-Wl,-rpath,$ORIGIN/${join(dirname(fromModule), CUDA_COMPILER)}`] : []),
  ]);
  await Promise.all(objects.map((object) => rm(object)));
  progress?.update(done + 1);
}

async function run(compiler: Tool, args: readonly string[]): Promise<void> {
  const result = await runProgram(compiler.command, args);
  if (result.status !== 0) {
    throw new SetUpProblem(`the C++ compiler failed (${compiler.version}: ${complaintOf(result)})`, 'Another version of g++ (11 or later) may help.');
  }
}

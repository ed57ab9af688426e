// Compiles the tfjs binding and our fused kernels against TensorFlow's libraries, with the headers of node-api-headers.
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MelstromError } from '../../base/errors.js';
import { engineFiles, kernelLibrary, kernelSources, type NativeEngine } from './locations.node.js';
import { findProgram, lastLines, runProgram } from './run-program.node.js';

const require = createRequire(import.meta.url);

/** Finds a C++ compiler. @throws MelstromError kind 'engine' when there is none. */
export async function findCompiler(): Promise<string> {
  const compiler = await findProgram([process.env['CXX'] ?? 'g++', 'g++', 'clang++', 'c++']);
  if (compiler !== null) return compiler;
  throw new MelstromError({
    kind: 'engine', where: 'set-up', got: 'no C++ compiler', expected: 'g++ or clang++',
    fix: 'Install one (Debian and Ubuntu: apt-get install g++) and run melstrom setup again.',
  });
}

/** Compiles the binding into `folder/lib/napi-v8`, linked to the libraries in `folder/deps/lib`. */
export async function buildBinding(folder: string, packageFolder: string): Promise<void> {
  const compiler = await findCompiler();
  const sourceFolder = join(packageFolder, 'binding');
  const sources = (await readdir(sourceFolder)).filter((name) => name.endsWith('.cc')).map((name) => join(sourceFolder, name));
  const libraries = join(folder, 'deps', 'lib');
  for (const name of ['libtensorflow.so', 'libtensorflow.so.2']) await copyLink(join(libraries, 'libtensorflow_cc.so.2'), join(libraries, name));
  const out = join(folder, 'lib', 'napi-v8', 'tfjs_binding.node');
  await mkdir(dirname(out), { recursive: true });
  const { include } = require('node-api-headers') as { include_dir: string; include?: string };
  const nodeHeaders = include ?? (require('node-api-headers') as { include_dir: string }).include_dir;
  const result = await runProgram(compiler, [
    '-std=c++17', '-O2', '-fPIC', '-shared', '-w', '-DNAPI_VERSION=8', `-I${nodeHeaders}`, `-I${join(folder, 'deps', 'include')}`, `-I${sourceFolder}`,
    '-o', out, ...sources, `-L${libraries}`, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2', '-Wl,-rpath,$ORIGIN/../../deps/lib',
  ]);
  if (result.status !== 0) {
    throw new MelstromError({ kind: 'engine', where: 'set-up', got: `the binding did not compile with ${compiler} (${lastLines(result.output)})`, fix: 'A compiler for C++17 is needed (g++ 9 or later).' });
  }
}

/**
 * Compiles the fused kernels for this processor. Returns the reason when they can't be had: the engine works without.
 */
export async function buildKernels(engine: NativeEngine): Promise<string | null> {
  const library = kernelLibrary(engine);
  const sources = kernelSources().filter((path) => path.endsWith('.cc'));
  if (sources.length === 0) return 'their sources are not in this package';
  const compiler = await findCompiler();
  const { libraries, include } = engineFiles(engine);
  const temporary = `${library}.${process.pid}.part`;
  const result = await runProgram(compiler, [
    '-std=c++17', '-O3', '-march=native', '-ffp-contract=fast', '-fno-math-errno', '-fno-trapping-math', '-fPIC', '-shared', '-w',
    `-I${include}`, '-o', temporary, ...sources, `-L${libraries}`, '-l:libtensorflow_framework.so.2', `-Wl,-rpath,${libraries}`,
  ]);
  if (result.status !== 0) {
    await rm(temporary, { force: true });
    return `they did not compile (${lastLines(result.output, 6)})`;
  }
  await rename(temporary, library);
  return null;
}

async function copyLink(from: string, to: string): Promise<void> {
  const { link } = await import('node:fs/promises');
  await link(from, to).catch(() => copyFile(from, to));
}

// Makes each file of the native engine that the cache lacks: library, package, binding, kernels. Each is whole or absent.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Reporter } from '../../base/logger.js';
import { bindingFile, bindingPackageFolder, fillFolder, kernelFiles, kernelsFile, libraryFolder, tensorflowFolder } from './cache.node.js';
import { compileModule } from './compile.node.js';
import { CUDA_WHEELS } from './cuda-pins.js';
import { installedPackageFolder, packageVersionIn } from './package-root.node.js';
import { BINDING_PACKAGE, TENSORFLOW_WHEELS, type NativeBuild } from './pins.js';
import { LOG_CAPTURE_NAME, LOG_CAPTURE_SOURCE } from './log-capture.js';
import { complaintOf, runProgram } from './run-program.node.js';
import { SetUpProblem } from './set-up-problem.js';
import { requireCompiler, requirePython } from './tools.node.js';
import { unpackWheel } from './wheel.node.js';

const LIBRARY = 'libtensorflow_cc.so.2';
const FRAMEWORK = 'libtensorflow_framework.so.2';

/** True when the library of this build is in the cache. */
export function hasLibrary(build: NativeBuild): boolean {
  return existsSync(join(libraryFolder(build), LIBRARY));
}

/** The folder of the binding's package: the installed one when its version is ours, else the cache's; null when in neither. */
export function findBindingPackage(): string | null {
  const installed = installedPackageFolder(BINDING_PACKAGE.name);
  const folders = [...(installed === null ? [] : [installed]), bindingPackageFolder()];
  return folders.find((folder) => packageVersionIn(folder) === BINDING_PACKAGE.version) ?? null;
}

/** Downloads the TensorFlow library: 0.3 GB, or 3.4 GB with the CUDA libraries. */
export async function makeLibrary(build: NativeBuild, reporter: Reporter): Promise<void> {
  const python = await requirePython();
  const wanted = `n in ("tensorflow/${LIBRARY}", "tensorflow/${FRAMEWORK}") or n.startswith("tensorflow/include/")`;
  await fillFolder(tensorflowFolder(build), async (folder) => {
    await unpackWheel(TENSORFLOW_WHEELS[build], folder, { python, reporter, wanted });
    if (build !== 'tensorflow-cuda') return;
    // TensorFlow looks for them in nvidia/*/lib beside its own folder, as in a Python installation.
    for (const pin of CUDA_WHEELS) await unpackWheel(pin, folder, { python, reporter, wanted: 'n.startswith("nvidia/")' });
  });
}

/** Fetches the binding's package with npm, without running its outdated install script. */
export async function makeBindingPackage(reporter: Reporter): Promise<void> {
  const { name, version, integrity } = BINDING_PACKAGE;
  reporter.log.info(`fetching ${name} ${version}`);
  await fillFolder(bindingPackageFolder(), async (folder) => {
    const packed = await runProgram('npm', ['pack', `${name}@${version}`, '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: folder });
    const archive = (await readdir(folder)).find((entry) => entry.endsWith('.tgz'));
    if (packed.status !== 0 || archive === undefined) {
      throw new SetUpProblem(`npm could not fetch ${name} ${version} (${complaintOf(packed)})`, 'Check the network and the registry, then run it again.');
    }
    const bytes = await readFile(join(folder, archive));
    const found = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    if (found !== integrity) {
      throw new SetUpProblem(`${name} ${version} is not the expected file (${found})`, 'Run it again; if it repeats, the registry in use serves something else.');
    }
    await unpackTarball(join(folder, archive), folder);
  });
}

async function unpackTarball(archive: string, folder: string): Promise<void> {
  const unpacked = await runProgram('tar', ['-xzf', archive, '-C', folder, '--strip-components=1']);
  if (unpacked.status !== 0) throw new SetUpProblem(`tar could not unpack ${archive} (${complaintOf(unpacked)})`, 'Install tar, then run it again.');
  await rm(archive);
}

/** Compiles the binding between Node and the library: about a quarter of a minute. */
export async function makeBinding(build: NativeBuild, reporter: Reporter): Promise<void> {
  const compiler = await requireCompiler();
  const source = findBindingPackage();
  if (source === null) throw new SetUpProblem(`${BINDING_PACKAGE.name} is missing`, 'Run the set-up again.');
  const target = bindingFile(build);
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(source, 'binding', name));
  const progress = reporter.startProgress('compiling the binding', sources.length + 1, 'steps');
  try {
    await fillFolder(dirname(target), async (folder) => {
      const capture = join(folder, 'log-capture.cc');
      await writeFile(capture, LOG_CAPTURE_SOURCE);
      const common = { compiler, build, folder, flags: ['-w'] };
      await compileModule({ ...common, sources: [capture], name: LOG_CAPTURE_NAME, libraries: [] });
      await compileModule({ ...common, sources, name: 'tfjs_binding.node', libraries: [LIBRARY, FRAMEWORK], progress });
    });
  } finally {
    progress.end();
  }
}

/** The sources that only a CUDA build needs. */
function isForGpu(path: string): boolean {
  return basename(dirname(path)) === 'gpu';
}

/** Compiles our own kernels for this very processor. Again when the compiler has changed. */
export async function makeKernels(build: NativeBuild, reporter: Reporter): Promise<void> {
  const target = kernelsFile(build);
  if (target === null) return;
  const compiler = await requireCompiler();
  const record = join(dirname(target), 'compiler.txt');
  if (existsSync(target) && (await readFile(record, 'utf8').catch(() => '')) === compiler.version) return;
  const sources = kernelFiles().filter((path) => path.endsWith('.cc') && (build === 'tensorflow-cuda' || !isForGpu(path)));
  const progress = reporter.startProgress('compiling the kernels', sources.length + 1, 'steps');
  try {
    await fillFolder(dirname(target), async (folder) => {
      // Eigen's header for processors with avx512_fp16 does not compile, and we compute nothing in that format.
      const flags = ['-march=native', '-U__AVX512FP16__', '-Wno-deprecated-declarations'];
      await compileModule({ compiler, build, sources, folder, name: 'melstrom_kernels.node', flags, libraries: [FRAMEWORK], progress });
      await writeFile(join(folder, 'compiler.txt'), compiler.version);
    });
  } finally {
    progress.end();
  }
}

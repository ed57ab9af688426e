// Collects what this machine has and lacks, as plain data. Changes nothing; each probe reports its own failure.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../base/errors.js';
import { supportsBfloat16 } from '../ops/precision.js';
import { startEngine } from '../start.node.js';
import { bindingFile, cacheFolder, cpuFlags, folderBytes, kernelsFile, tensorflowFolder } from './cache.node.js';
import type { BuildState, DoctorReport, Found } from './doctor-report.js';
import { findBindingPackage, hasLibrary } from './native-files.node.js';
import { packageVersionIn, packageRoot } from './package-root.node.js';
import type { NativeBuild } from './pins.js';
import { runProgram } from './run-program.node.js';
import { findCompiler, findPip, findPython } from './tools.node.js';

export { describeDoctor } from './describe-doctor.js';
export type { DoctorReport } from './doctor-report.js';

/** Instruction sets that decide the speed of training. */
const TELLING_FLAGS = ['avx2', 'fma', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_bf16', 'amx_tile'];
/** The smallest WebAssembly module that holds a SIMD instruction. */
const SIMD_MODULE = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]);

/** Looks at everything that the program depends on. Starts the engine in this process. */
export async function collectDoctor(): Promise<DoctorReport> {
  const [engine, engineProblem] = await startEngine('auto').then(
    (info) => [info, null] as const,
    (error: unknown) => [null, messageOf(error)] as const,
  );
  const python = await findPython();
  const pip = python === null ? null : await findPip(python);
  const compiler = await findCompiler();
  const npm = await runProgram('npm', ['--version']);
  return {
    melstrom: packageVersionIn(packageRoot) ?? 'unknown',
    node: process.versions.node,
    nodeApi: process.versions.napi ?? 'unknown',
    npm: npm.status === 0 ? npm.stdout.trim() : null,
    platform: `${platform()} ${arch()} ${release()}`,
    processor: {
      model: cpus()[0]?.model.trim() ?? 'unknown',
      threads: availableParallelism(),
      flags: cpuFlags().filter((flag) => TELLING_FLAGS.includes(flag)),
      memoryBytes: totalmem(),
    },
    engine,
    engineProblem,
    hasBfloat16: engine !== null && supportsBfloat16(),
    builds: { tensorflow: stateOf('tensorflow'), 'tensorflow-cuda': stateOf('tensorflow-cuda') },
    wasmSimd: WebAssembly.validate(SIMD_MODULE),
    compiler: found(compiler?.version, 'no g++, c++ or clang++ on the PATH'),
    python: found(python?.version, 'no python3 on the PATH'),
    pip: found(pip === null ? undefined : `pip ${pip.version}`, python === null ? 'no Python' : 'this Python has no pip'),
    webAudio: await probeWebAudio(),
    gpu: await probeGpu(),
    cache: { folder: cacheFolder(), bytes: await folderBytes(cacheFolder()) },
  };
}

function found(detail: string | undefined, reason: string): Found {
  return { isPresent: detail !== undefined, detail: detail ?? reason };
}

function stateOf(build: NativeBuild): BuildState {
  const kernels = kernelsFile(build);
  const nvidia = join(tensorflowFolder(build), 'nvidia');
  return {
    library: hasLibrary(build),
    binding: findBindingPackage() !== null && existsSync(bindingFile(build)),
    kernels: kernels !== null && existsSync(kernels),
    cudaLibraries: existsSync(nvidia) ? readdirSync(nvidia).filter((name) => existsSync(join(nvidia, name, 'lib'))).sort() : [],
  };
}

async function probeWebAudio(): Promise<Found> {
  try {
    await import('node-web-audio-api');
    return { isPresent: true, detail: 'node-web-audio-api loads' };
  } catch (error) {
    return { isPresent: false, detail: messageOf(error).split('\n')[0] };
  }
}

/** An NVIDIA GPU: by nvidia-smi, else by its driver's files. */
async function probeGpu(): Promise<Found> {
  const listed = await runProgram('nvidia-smi', ['-L']);
  const names = listed.stdout.split('\n').filter((line) => line.startsWith('GPU '));
  if (listed.status === 0 && names.length > 0) return { isPresent: true, detail: names.map((line) => line.replace(/ \(UUID.*$/, '')).join('; ') };
  try {
    const driver = readFileSync('/proc/driver/nvidia/version', 'utf8').split('\n')[0];
    return { isPresent: true, detail: `a device of the driver ${driver.replace(/^NVRM version:\s*/, '')}` };
  } catch {
    return { isPresent: false, detail: 'no NVIDIA GPU (neither nvidia-smi nor a driver)' };
  }
}

// Puts the doctor's report into words: lines to read, and what must be called an error. Knows no way to collect one.
import { describeEngine } from '../engine-info.js';
import type { BuildState, DoctorReport, Found } from './doctor-report.js';

const GIGABYTE = 1e9;
const WITH_BFLOAT16 = 'bfloat16 in convolutions and matrix products, unless `precision: float32` or --precision float32 says otherwise';
const BFLOAT16_ON_REQUEST = 'float32, all 24 bits of it; bfloat16 with `precision: bfloat16` or --precision bfloat16, which was no faster on the GPU that was measured';
const WITHOUT_BFLOAT16 = 'float32: bfloat16 needs the native library and a processor with avx512_bf16 or amx_bf16, or an NVIDIA GPU of compute capability 8.0 or later';

/** What the doctor says: every finding as a line, and the errors among them as sentences. */
export interface DoctorWords {
  readonly lines: readonly string[];
  readonly errors: readonly string[];
}

/** Puts a report into words. A GPU that is present but unused is an error, and so is having no engine at all. */
export function describeDoctor(report: DoctorReport): DoctorWords {
  const { engine, processor, builds, cache } = report;
  const rows: (readonly [string, string])[] = [
    ['melstrom', report.melstrom],
    ['node', `${report.node}, Node-API ${report.nodeApi}, npm ${report.npm ?? 'not found'}`],
    ['platform', report.platform],
    ['processor', `${processor.model}, ${processor.threads} threads, ${gigabytes(processor.memoryBytes)} memory, ${processor.flags.join(' ') || 'no vector instructions known'}`],
    ['engine', engine === null ? `none: ${report.engineProblem}` : describeEngine(engine)],
    ...(engine?.reason === undefined ? [] : [['', engine.reason] as const]),
    ['precision', precisionOf(report)],
    ['native engine', describeBuild(builds.tensorflow)],
    ['CUDA engine', describeBuild(builds['tensorflow-cuda'])],
    ['wasm SIMD', report.wasmSimd ? 'yes' : 'no: the wasm engine will be several times slower'],
    ['C++ compiler', describe(report.compiler, 'needed once, by `melstrom setup`; Debian and Ubuntu: sudo apt install g++')],
    ['Python', describe(report.python, 'needed once, by `melstrom setup`; Debian and Ubuntu: sudo apt install python3 python3-pip')],
    ['pip', describe(report.pip, 'Debian and Ubuntu: sudo apt install python3-pip')],
    ['Web Audio', describe(report.webAudio, adviceForWebAudio(report.webAudio))],
    ['GPU', report.gpu.detail],
    ['cache', `${cache.folder}, ${gigabytes(cache.bytes)} (MELSTROM_CACHE moves it)`],
  ];
  return { lines: rows.map(([name, text]) => `${name.padEnd(15)}${text}`), errors: errorsOf(report) };
}

function precisionOf({ engine, hasBfloat16 }: DoctorReport): string {
  if (!hasBfloat16) return WITHOUT_BFLOAT16;
  return engine?.isUsingGpu === true ? BFLOAT16_ON_REQUEST : WITH_BFLOAT16;
}

function errorsOf({ engine, engineProblem, gpu, builds }: DoctorReport): string[] {
  const errors: string[] = [];
  if (engine === null) errors.push(`no engine can be started: ${engineProblem}`);
  if (gpu.isPresent && engine?.isUsingGpu !== true) {
    const why = builds['tensorflow-cuda'].library
      ? `the CUDA engine is set up, but it found no usable device or driver; run \`nvidia-smi\`, then this again with TF_CPP_MIN_LOG_LEVEL=0 to read TensorFlow's own reason`
      : 'the CUDA engine is not set up; run `melstrom setup --engine tensorflow-cuda`';
    errors.push(`a GPU is present but unused (${gpu.detail}): ${why}.`);
  }
  return errors;
}

function describeBuild({ library, binding, kernels, cudaLibraries }: BuildState): string {
  if (!library) return 'not set up (`melstrom setup`)';
  const parts = [`library yes`, `binding ${yesOrNo(binding)}`, `fused kernels ${yesOrNo(kernels)}`];
  return [...parts, ...(cudaLibraries.length > 0 ? [`CUDA libraries ${cudaLibraries.join(' ')}`] : [])].join(', ');
}

function describe({ isPresent, detail }: Found, advice: string): string {
  return isPresent ? detail : `missing: ${detail} (${advice})`;
}

function adviceForWebAudio({ detail }: Found): string {
  return detail.includes('libasound')
    ? 'Debian and Ubuntu: sudo apt install libasound2, from Ubuntu 24.04 on libasound2t64; Fedora: sudo dnf install alsa-lib. WAV files work without it'
    : 'only playing and synthesising sounds need it; reinstall with npm ci';
}

function yesOrNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

function gigabytes(bytes: number): string {
  return `${(bytes / GIGABYTE).toFixed(1)} GB`;
}

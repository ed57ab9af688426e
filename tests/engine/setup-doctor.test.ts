// What the doctor finds on this machine, and what it calls an error.
import { describe, expect, it } from 'vitest';
import { supportsBfloat16 } from '../../src/engine/ops/index.js';
import type { DoctorReport } from '../../src/engine/setup/doctor-report.js';
import { collectDoctor, describeDoctor } from '../../src/engine/setup/doctor.node.js';

const report: DoctorReport = await collectDoctor();

describe('collectDoctor', () => {
  it('knows this process and an engine', () => {
    expect(report.node).toBe(process.versions.node);
    expect(report.engine).not.toBeNull();
    expect(report.wasmSimd).toBe(true);
    expect(report.cache.folder).not.toBe('');
  });

  it('is plain data', () => {
    expect(JSON.parse(JSON.stringify(report))).toEqual(JSON.parse(JSON.stringify({ ...report })));
  });
});

describe('describeDoctor', () => {
  const found = { isPresent: true, detail: 'GPU 0: NVIDIA H200' };
  const noEngine = { library: false, binding: false, kernels: false, cudaLibraries: [] };

  it('calls a GPU that is present but unused an error, with the command that helps', () => {
    const cpuOnly = { ...report, gpu: found, builds: { ...report.builds, 'tensorflow-cuda': noEngine } };
    expect(describeDoctor(cpuOnly).errors).toEqual([
      'a GPU is present but unused (GPU 0: NVIDIA H200): the CUDA engine is not set up; run `melstrom setup --engine tensorflow-cuda`.',
    ]);
    const cuda = { ...noEngine, library: true, cudaLibraries: ['cudnn'] };
    expect(describeDoctor({ ...cpuOnly, builds: { ...report.builds, 'tensorflow-cuda': cuda } }).errors[0]).toContain('nvidia-smi');
  });

  it('is content with a GPU in use, and without any GPU', () => {
    const engine = { name: 'tensorflow', version: '2', threads: 1, isNative: true, hasFusedKernels: false, isUsingGpu: true } as const;
    expect(describeDoctor({ ...report, gpu: found, engine }).errors).toEqual([]);
    expect(describeDoctor({ ...report, gpu: { isPresent: false, detail: 'none' } }).errors).toEqual([]);
  });

  it('says which precision there is, and what the other needs', () => {
    const linesOf = (hasBfloat16: boolean): string => describeDoctor({ ...report, hasBfloat16 }).lines.join('\n');
    expect(linesOf(true)).toMatch(/^precision +bfloat16 .*--precision float32/m);
    expect(linesOf(false)).toMatch(/^precision +float32: bfloat16 needs .*avx512_bf16/m);
    const onGpu = describeDoctor({ ...report, hasBfloat16: true, engine: { ...report.engine!, isUsingGpu: true } }).lines.join('\n');
    expect(onGpu).toMatch(/^precision +float32.*bfloat16 with `precision: bfloat16`/m);
    expect(report.hasBfloat16).toBe(supportsBfloat16());
  });

  it('names the command that installs what is missing', () => {
    const missing = { isPresent: false, detail: 'x' };
    const alsa = { isPresent: false, detail: 'libasound.so.2: cannot open shared object file' };
    const text = describeDoctor({ ...report, compiler: missing, pip: missing, python: missing, webAudio: alsa }).lines.join('\n');
    for (const command of ['apt install g++', 'python3-pip', 'libasound2']) expect(text).toContain(command);
  });

  it('calls the lack of any engine an error', () => {
    expect(describeDoctor({ ...report, engine: null, engineProblem: 'wasm: no' }).errors).toContain('no engine can be started: wasm: no');
  });
});

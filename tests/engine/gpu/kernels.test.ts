// The CUDA kernels compute what they should: compiled for the processor and run there, since a GPU is not to be expected here.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/engine/setup/package-root.node.js';
import { findCompiler } from '../../../src/engine/setup/tools.node.js';

const KERNELS = join(packageRoot, 'src', 'engine', 'native', 'gpu', 'kernels.h');
const EMULATION = join(packageRoot, 'tests', 'engine', 'gpu', 'emulate.cc');

describe('kernels for GPUs', () => {
  it('equal plain loops in double precision', async (context) => {
    const compiler = await findCompiler();
    if (compiler === null) return context.skip('needs a C++ compiler');
    const [, source] = /R"cuda\((.*)\)cuda"/s.exec(readFileSync(KERNELS, 'utf8'))!;
    const folder = mkdtempSync(join(tmpdir(), 'melstrom-gpu-'));
    try {
      writeFileSync(join(folder, 'kernels.cu'), source);
      execFileSync(compiler.command, ['-std=c++20', '-O1', `-I${folder}`, EMULATION, '-o', join(folder, 'emulate'), '-pthread']);
      const lines = execFileSync(join(folder, 'emulate'), { encoding: 'utf8' }).trim().split('\n').map((line) => line.split(' '));
      expect(new Set(lines.map(([name]) => name)).size).toBeGreaterThanOrEqual(kernelsIn(source));
      const wrong = lines.filter(([, error, allowed]) => !(Number(error) <= Number(allowed)));
      expect(wrong).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function kernelsIn(source: string): number {
  return source.match(/__global__/g)!.length;
}

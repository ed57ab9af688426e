// The memory of a process that draws a long clip into a file does not depend on how long it is.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { transpileForChild } from '../training/_transpile.js';
import { startTestEngine } from '../support/engine.js';

let code: string;
const root = mkdtempSync(join(tmpdir(), 'melstrom é memory-'));
beforeAll(async () => {
  await startTestEngine(); // so that the native engine is there
  code = transpileForChild(['tests/generation/_memory-child.ts', 'tests/pipeline/small-pipeline.ts', 'tests/pipeline/small-upscaler.ts']);
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  rmSync(code, { recursive: true, force: true });
});

/** Unit: MB of 10^6 bytes. */
function peakMegabytes(seconds: number, how: string): number {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', join(code, 'tests', 'generation', '_memory-child.js'), root, String(seconds), how], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return Number(stdout) / 1e6;
}

it.skipIf(process.platform !== 'linux').each([['streamed', 60], ['upscaled', 30], ['before', 60]] as const)('draws four times as long a clip with the same peak of memory (%s)', (how, seconds) => {
  const [short, long] = [peakMegabytes(seconds, how), peakMegabytes(4 * seconds, how)];
  expect(statSync(join(root, `${how}-${4 * seconds}.wav`)).size).toBeGreaterThan(3.9 * statSync(join(root, `${how}-${seconds}.wav`)).size);
  // The samples alone of what is longer would take 5.8 MB in three minutes, and the whole way through images and files five times that.
  expect(long - short).toBeLessThan(7 + (11 / 60) * seconds);
}, 600_000); // two whole processes, on a machine that may be busy

// `bench` as a user types it, without the libraries of the peers: on our side alone, and against a Python that does something else.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { EXIT_STATUS } from '../../src/base/errors.js';
import type { FinalLoss, LossComparison } from '../../src/cli/bench/precision-losses.js';
import { supportsBfloat16 } from '../../src/engine/ops/index.js';
import { parsePins } from '../../src/engine/setup/python-environment.node.js';
import { startTestEngine } from '../support/engine.js';
import { refusal, runCommand, runJson } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'melstrom-bench-command-'));
const QUICK = ['--quick', '--pairs', '1', '--turn', '0'] as const;

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

interface Result {
  readonly peers: string | null;
  readonly rows: readonly { readonly name: string; readonly ours: number; readonly theirs: number | null; readonly verdict: string }[];
  readonly failures: readonly { readonly name: string; readonly problem: string }[];
}

describe('without a Python', () => {
  beforeEach(() => vi.stubEnv('MELSTROM_PYTHON', join(folder, 'no-python')));

  it('measures our side and says why there is no peer', async () => {
    const { value, stderr } = await runJson<Result>('bench', '--rows', 'invert', ...QUICK);
    expect(value).toMatchObject({ peers: null, failures: [], rows: [{ name: 'mel to sound, 2 clips of 3 s, NNLS and 32 iterations', theirs: null, ratio: null, verdict: '' }] });
    expect(value.rows[0].ours).toBeGreaterThan(0);
    expect(stderr).toMatch(/no peers: MELSTROM_PYTHON=.*no-python.*Only our own figures follow/);
  });

  it('names a row that needs one, measures the others, and ends as a failure', async () => {
    const { status, stdout } = await runCommand('bench', '--rows', 'prepare,invert', ...QUICK);
    expect(status).toBe(1);
    expect(stdout).toMatch(/mel to sound.*\n[^]*FAILED prepare, 30 s of FLAC, Ogg and MP3: row: got no Python environment/);
  });

  it('is refused when peers were asked for', async () => {
    const { status, stderr } = await refusal('bench', '--with-peers', '--rows', 'invert');
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringMatching(/--with-peers: .*no-python/)]);
  });
});

it('gives no ratio against a peer that comes to another result', async () => {
  const python = join(folder, 'python.mjs');
  const pins = parsePins(readFileSync(new URL('../bench/requirements.txt', import.meta.url), 'utf8'));
  const versions = `3.11.0, ${[...pins].map(([name, version]) => `${name} ${version}`).join(', ')}`;
  const answers = ['{"first": {"value": 123, "parameters": null, "threads": 2, "versions": "v"}}', '{"ready": true}'];
  writeFileSync(python, `#!${process.execPath}\nif (process.argv[2] === '-c') console.log(${JSON.stringify(versions)});\nelse { console.log(${JSON.stringify(answers.join('\n'))}); process.stdin.resume(); }\n`, { mode: 0o755 });
  vi.stubEnv('MELSTROM_PYTHON', python);
  const { status, stdout } = await runCommand('bench', '--rows', 'invert', ...QUICK, '--json');
  const value = JSON.parse(stdout) as Result;
  expect(status).toBe(1);
  expect(value).toMatchObject({ peers: versions, rows: [] });
  expect(value.failures[0].problem).toMatch(/first result: got .* here and 123 there/);
});

it('plots growth, and refuses a folder for the plot', async () => {
  const out = join(folder, 'growth.svg');
  const { value } = await runJson<{ points: { axis: string; size: number; milliseconds: number }[] }>('bench', '--growth', out, '--quick', '--turn', '0');
  expect(value.points.map(({ axis, size }) => `${axis} ${size}`)).toEqual(['batch 1', 'frames 32', 'channels 32']);
  expect(readFileSync(out, 'utf8')).toContain('<svg');
  expect((await refusal('bench', '--growth', folder)).stderr).toContain('--growth');
});

it('prepares and trains on hours of made sound, and leaves nothing behind', async () => {
  vi.stubEnv('TMPDIR', folder);
  const { value } = await runJson<{ slices: number; megabytes: number | null; isWithin: boolean | null }>('bench', '--corpus-hours', '0.01', '--quick');
  expect(value.slices).toBeGreaterThan(20);
  expect(value.isWithin).not.toBe(false);
  expect(existsSync(join(folder, 'sounds'))).toBe(false);
});

it('prints Markdown for a README', async () => {
  vi.stubEnv('MELSTROM_PYTHON', join(folder, 'no-python'));
  const { status, stdout } = await runCommand('bench', '--rows', 'invert', ...QUICK, '--markdown');
  expect([status, stdout]).toEqual([0, expect.stringMatching(/^Measured on \d{4}-\d\d-\d\d, .*; no peers\. .*\n\n\| row \|.*\n\| --- \|.*\n\| mel to sound, .* s \| – \(librosa\) \|  \| 3\.00, 10\.00 \|  \|\n/m)]);
});

it('compares the losses of both precisions, or says that there is but one', async () => {
  await startTestEngine();
  if (!supportsBfloat16()) {
    expect(await refusal('bench', '--losses', '2', '--quick')).toMatchObject({ status: EXIT_STATUS.engine, stderr: expect.stringContaining('--losses') as string });
    return;
  }
  const { stdout } = await runCommand('bench', '--losses', '2', '--quick', '--json');
  const { losses, comparisons } = JSON.parse(stdout) as { losses: FinalLoss[]; comparisons: LossComparison[] };
  expect(losses.map(({ stage, seed, precision }) => `${stage} ${seed} ${precision}`)).toEqual([1, 2].flatMap((seed) => ['float32', 'bfloat16'].flatMap((precision) => ['vae', 'unet'].map((stage) => `${stage} ${seed} ${precision}`))));
  for (const { loss } of losses) expect(loss).toBeGreaterThan(0);
  expect(comparisons.map(({ stage }) => stage)).toEqual(['vae', 'unet']);
});

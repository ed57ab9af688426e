// `--profile` of train and generate: shares that add up, in words and as JSON, and no change of the result.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeProfile, reportProfile, type ProfileReport } from '../../src/cli/describe-profile.js';
import { profiled } from '../../src/cli/profiling.js';
import { silentReporter } from '../../src/base/logger.js';
import { runCommand, runJson } from './run-command.js';
import { useTinyProject } from './tiny-project.js';

const project = useTinyProject();
let run: string;
let training: ProfileReport;

function requireWhole({ operations, engineMilliseconds, hostMilliseconds, idleMilliseconds, wallMilliseconds, waitingShare, productShare, firstStepMilliseconds }: ProfileReport): void {
  expect(operations.length).toBeGreaterThan(5);
  expect(engineMilliseconds + hostMilliseconds + idleMilliseconds).toBeGreaterThanOrEqual(0.99 * wallMilliseconds);
  expect(engineMilliseconds).toBeGreaterThan(0);
  expect(engineMilliseconds).toBeLessThan(wallMilliseconds);
  for (const share of [waitingShare, productShare]) expect([share > 0, share < 1]).toEqual([true, true]);
  expect(firstStepMilliseconds).toBeGreaterThan(0);
}

beforeAll(async () => {
  run = join(project.root, 'Lauf');
  training = (await runJson<{ profile: ProfileReport }>('train', project.config, '--run', run, '--profile')).value.profile;
});

describe('--profile', () => {
  it('of train tells where the time went', () => {
    requireWhole(training);
    expect(training.operations.map(({ kind }) => kind).join()).toMatch(/Conv2D/);
  });

  it('of generate tells it too, and the clips are the same without', async () => {
    const draw = async (name: string, ...flags: string[]) => (await runJson<{ profile?: ProfileReport }>('generate', run, '--count', '1', '--out', join(project.root, name), ...flags)).value.profile;
    requireWhole((await draw('with', '--profile'))!);
    expect(await draw('without')).toBeUndefined();
    const wav = (name: string): Buffer => readFileSync(join(project.root, name, readdirSync(join(project.root, name)).find((file) => file.endsWith('.wav'))!));
    expect(wav('with').equals(wav('without'))).toBe(true);
  });

  it('prints it before the other lines', async () => {
    const { status, stdout } = await runCommand('generate', run, '--count', '1', '--out', join(project.root, 'printed'), '--profile');
    expect(status).toBe(0);
    expect(stdout).toMatch(/profile of \d+\.\d s:\n.* engine: .*\n.* host: .*\n.* idle: .*waiting[^]*convolutions and matrix products\non the engine:[^]*first step \d+\.\d s after the start of the process\n1 clips in/);
  });

  it('leaves no recording behind when the job fails', async () => {
    await expect(profiled({ isOn: true, reporter: silentReporter, title: 'x' }, () => Promise.reject(new Error('no luck')))).rejects.toThrow('no luck');
    const { fields, lines } = await profiled({ isOn: false, reporter: silentReporter, title: 'x' }, async () => 1);
    expect([fields, lines]).toEqual([{}, []]);
  });
});

it('describes a profile in shares of the whole', () => {
  const kinds = Array.from({ length: 14 }, (_, index) => ({ kind: index === 0 ? 'Conv2D' : `Other${index}`, calls: 10, milliseconds: index === 0 ? 500 : 10 }));
  const report = reportProfile({ operations: kinds, uploadMilliseconds: 20, fetchMilliseconds: 50, wallMilliseconds: 1000 }, { idleMilliseconds: 100, firstStepMilliseconds: null });
  expect(report).toMatchObject({ engineMilliseconds: 700, hostMilliseconds: 200, waitingShare: 0.15, productShare: 0.5 });
  const lines = describeProfile(report);
  expect(lines[0]).toBe('profile of 1.0 s:');
  expect(lines).toContain('   50.0 %      0.50 s  Conv2D (10 calls, product)');
  expect(lines).toContain('    2.0 %      0.02 s  2 more kinds');
  expect(lines.at(-1)).toBe('    5.0 %      0.05 s  fetches from the engine');
});

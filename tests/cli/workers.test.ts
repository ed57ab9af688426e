// --workers on every command that has it: what it prints and writes is the same for none and for two.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { useCompiled } from '../support/compiled.js';
import { refusal, runCommand } from './run-command.js';
import { TINY_LABELS, useTinyProject } from './tiny-project.js';

const project = useTinyProject();
const compiled = useCompiled();
const inRoot = (...parts: string[]): string => join(project.root, ...parts);
const sound = (index: number): string => join(project.sounds, TINY_LABELS[0], `É ${index} #100%.wav`);
let run = '';
beforeAll(async () => {
  run = inRoot('run');
  expect((await runCommand('train', project.config, '--run', run)).status).toBe(0);
});

/** Runs a compiled command in a process of its own, where threads can be started; returns what it printed. */
function runCompiled(...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(compiled.url('src/cli/main.ts')), ...words, '--quiet'], { encoding: 'utf8', env: { ...process.env, MELSTROM_ENGINE: 'wasm' } });
  expect(status, stderr).toBe(0);
  return stdout;
}

function contentsOf(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(names.map(({ parentPath, name }) => [join(parentPath.slice(folder.length), name), readFileSync(join(parentPath, name), 'base64')]));
}

describe('--workers', () => {
  it.each([
    ['generate', (): string[] => ['--count', '5'], 5],
    ['vary', (): string[] => [sound(0), sound(1), '--strength', '0.5', '--count', '2'], 4],
    ['morph', (): string[] => ['seed:1', 'seed:2', '--steps', '4', '--rounds', '0'], 4],
    ['combine', (): string[] => ['--label', TINY_LABELS[0], '--count', '3'], 3],
  ])('of %s draws the same clips', (command, words, clips) => {
    const [alone, threaded] = ['0', '2'].map((workers) => {
      const out = inRoot(`${command} ${workers}`);
      runCompiled(command, run, ...words(), '--workers', workers, '--out', out);
      return contentsOf(out);
    });
    expect(alone.size).toBe(2 * clips);
    expect(threaded).toEqual(alone);
  });

  it.each([
    ['reconstruct', (): string[] => [sound(0), sound(1), sound(2)]],
    ['evaluate', (): string[] => ['--clips', '2']],
  ])('of %s reports the same', (command, words) => {
    const [alone, threaded] = ['0', '2'].map((workers) => {
      const out = inRoot(`${command} ${workers}`);
      runCompiled(command, run, ...words(), '--workers', workers, '--out', out);
      return contentsOf(out);
    });
    expect(alone.size).toBeGreaterThan(4);
    expect(threaded).toEqual(alone);
  });

  it('of prepare and inspect finds the same', () => {
    const [alone, threaded] = ['0', '2'].map((workers) => [
      runCompiled('prepare', project.sounds, '--config', project.config, '--force', '--workers', workers, '--json'),
      runCompiled('inspect', project.sounds, '--config', project.config, '--workers', workers, '--json'),
    ]);
    expect(JSON.parse(alone[0])).toMatchObject({ labels: TINY_LABELS });
    expect(threaded).toEqual(alone);
  });

  it('of train prepares by threads', () => {
    expect(runCompiled('train', project.config, '--stage', 'vae', '--set', 'seed=4', '--run', inRoot('by threads'), '--workers', '2')).toContain('run folder');
  });

  it.each(['-1', '1.5', 'two'])('refuses %s', async (workers) => {
    const { status, stderr } = await refusal('prepare', project.sounds, '--config', project.config, `--workers=${workers}`);
    expect([status, stderr]).toEqual([2, expect.stringContaining('expected an integer of at least 0')]);
  });
});

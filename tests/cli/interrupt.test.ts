// Ctrl-C at every stage of the long commands: status 130, what is done is kept, nothing half done stays.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { transpileForChild } from '../training/_transpile.js';
import { interruptCommand, runCommand } from './run-command.js';
import { useTinyProject } from './tiny-project.js';

const ENDLESS = ['vae.training.steps=100000', 'unet.training.steps=100000', 'vae.training.previewEvery=100000', 'unet.training.previewEvery=100000'].flatMap((one) => ['--set', one]);
const SHORT_VAE = [...ENDLESS, '--set', 'vae.training.steps=2'];

const project = useTinyProject();
const inRoot = (...parts: string[]): string => join(project.root, ...parts);

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

describe('an interrupt', () => {
  it('while a corpus is prepared leaves neither cache nor run', async () => {
    const { status, stderr } = await interruptCommand(/^engine/m, 'train', project.config, '--run', inRoot('none'), ...ENDLESS);
    expect([status, stderr]).toEqual([130, expect.stringMatching(/press Ctrl-C again[^]*interrupted/)]);
    expect(namesIn(inRoot('cache', 'corpora'))).toEqual([]);
    expect(namesIn(inRoot('none'))).toEqual([]);
    expect((await interruptCommand(/^/, 'prepare', project.sounds, '--config', project.config)).status).toBe(130);
    expect(namesIn(inRoot('cache', 'corpora'))).toEqual([]);
  });

  it('while a folder is inspected prints no report', async () => {
    const { status, stdout } = await interruptCommand(/^/, 'inspect', project.sounds, '--config', project.config, '--quiet', '--sheet', inRoot('sheet.png'));
    expect([status, stdout]).toEqual([130, '']);
    expect(existsSync(inRoot('sheet.png'))).toBe(false);
  });

  it.each([
    ['the autoencoder trains', /vae: step 2/, 'vae', ENDLESS],
    ['the corpus is encoded', /vae: finished/, 'vae', SHORT_VAE],
    ['the UNet trains', /unet: step 2/, 'unet', SHORT_VAE],
  ])('while %s saves, and says how to go on', async (what, pattern, stage, flags) => {
    const run = inRoot(what);
    const { status, stdout } = await interruptCommand(pattern, 'train', project.config, '--run', run, ...flags);
    expect([status, stdout]).toEqual([130, expect.stringContaining('--resume')]);
    expect(stdout).not.toContain('melstrom generate');
    const names = namesIn(join(run, 'state', stage));
    expect(names.filter((name) => /^step-\d+$/.test(name))).not.toEqual([]);
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
    const resumed = await interruptCommand(/resumed at step \d+/, 'train', project.config, '--run', run, '--resume', ...flags);
    expect(resumed.status, resumed.stderr).toBe(130);
  });

  it('while clips are drawn keeps those that are whole', async () => {
    const out = inRoot('clips');
    const interrupted = await interruptCommand(/^/, 'generate', inRoot('the UNet trains'), '--out', out, '--count', '2000', '--batch-size', '4');
    expect(interrupted.status, interrupted.stderr).toBe(130);
    const names = namesIn(out);
    expect(names.filter((name) => !/\.(wav|json)$/.test(name))).toEqual([]);
    expect(names.filter((name) => name.endsWith('.wav')).length).toBe(names.filter((name) => name.endsWith('.json')).length);
  });

  it('while a run is evaluated leaves no report', async () => {
    const { status, stderr } = await interruptCommand(/^/, 'evaluate', inRoot('the UNet trains'), '--out', inRoot('report'), '--clips', '2000');
    expect([status, stderr]).toEqual([130, expect.not.stringContaining('internal error')]);
    expect(readdirSync(project.root).filter((name) => name.startsWith('report'))).toEqual([]);
  });

  it('ends a real process with status 130', async () => {
    const code = transpileForChild([]);
    try {
      const { status, output } = await new Promise<{ status: number | null; output: string }>((resolve, reject) => {
        const env = { ...process.env, MELSTROM_ENGINE: 'wasm' };
        const child = spawn(process.execPath, [join(code, 'src', 'cli', 'main.js'), 'train', project.config, '--run', inRoot('real'), ...ENDLESS], { env });
        let output = '';
        let isSent = false;
        child.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString();
          if (!isSent && output.includes('vae: step 2')) isSent = child.kill('SIGINT');
        });
        child.on('error', reject);
        child.on('close', (status) => resolve({ status, output }));
      });
      expect(status, output).toBe(130);
    } finally {
      rmSync(code, { recursive: true, force: true });
    }
  });
});

it('a command that was not interrupted ends as it should', async () => {
  expect((await runCommand('inspect', project.sounds, '--config', project.config)).status).toBe(0);
});

// Every command as a user types it, on a small project with awkward names: what it prints, writes and refuses.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { decodeFile } from '../../src/audio/decode.node.js';
import { EXIT_STATUS } from '../../src/base/errors.js';
import type { LadderNumbers } from '../../src/cli/write-ladder.js';
import { decodeMelPng } from '../../src/spectrogram/png.js';
import { refusal, runCommand, runJson } from './run-command.js';
import { useTinyProject, TINY_LABELS } from './tiny-project.js';

const project = useTinyProject();
let run: string;
const inRoot = (...parts: string[]): string => join(project.root, ...parts);
const aSound = (): string => join(project.sounds, TINY_LABELS[0], 'É 0 #100%.wav');

beforeAll(async () => {
  run = inRoot('Läufe', 'mein 🎹 Lauf');
  const { status, stdout, stderr } = await runCommand('train', project.config, '--run', run);
  expect(status, stderr).toBe(0);
  expect(stdout).toContain(`next: melstrom generate '${run}' --count 8 --out clips`);
});

describe('train', () => {
  it('leaves a run folder with everything that the README lists', () => {
    expect(readdirSync(run).sort()).toEqual(['config.yaml', 'events', 'pipeline', 'previews', 'report.html', 'state']);
    expect(readdirSync(join(run, 'previews')).sort()).toEqual(['unet-step-4', 'vae-step-4']);
  });

  it('refuses a run that has begun before it prepares a corpus, and goes on with --resume', async () => {
    const other = inRoot('another corpus');
    mkdirSync(other, { recursive: true });
    const { status, stderr } = await refusal('train', project.config, '--run', run, '--corpus', other); // empty: preparing it would be another error
    expect(status).toBe(EXIT_STATUS.usage);
    expect(stderr).toMatch(/checkpoints up to step 4[^]*--resume/);
    const { value } = await runJson<{ status: string }>('train', project.config, '--run', run, '--resume');
    expect(value.status).toBe('finished');
  });

  it('never writes over a config.yaml of the user', async () => {
    const folder = inRoot('own configuration');
    mkdirSync(folder);
    const text = readFileSync(project.config, 'utf8').replace('Klänge', '../Klänge');
    writeFileSync(join(folder, 'config.yaml'), text);
    const { status, stderr } = await refusal('train', join(folder, 'config.yaml'), '--run', folder);
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringContaining('config.yaml: got a file that is not of a run')]);
    expect(readFileSync(join(folder, 'config.yaml'), 'utf8')).toBe(text);
  });

  it('sets the steps to the time given, at most those configured, and shares it out', async () => {
    const folder = inRoot('in time');
    const many = ['--set', 'vae.training.steps=100000', '--set', 'unet.training.validateEvery=100000', '--set', 'vae.training.validateEvery=100000'];
    expect((await runCommand('train', project.config, '--run', folder, '--minutes', '0.1', ...many)).status).toBe(0);
    const { vae, unet } = parse(readFileSync(join(folder, 'config.yaml'), 'utf8')) as Record<string, { training: { steps: number; maxMinutes: number } }>;
    expect(vae.training.steps).toBeGreaterThanOrEqual(20);
    expect(vae.training.steps).toBeLessThan(100_000);
    expect([vae.training.maxMinutes, unet.training.maxMinutes, unet.training.steps]).toEqual([0.03, 0.07, 4]);
  });

  it('refuses a time for a training whose steps are set', async () => {
    const { status, stderr } = await refusal('train', project.config, '--run', run, '--resume', '--minutes', '5');
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringMatching(/--minutes: got --resume too[^]*config\.yaml.* --resume/)]);
    expect((await refusal('train', project.config, '--run', run, '--stage', 'upscaler', '--minutes', '5')).status).not.toBe(0);
  });

  it('says how to go on when one stage alone was trained', async () => {
    const { status, stdout } = await runCommand('train', project.config, '--run', inRoot('vae only'), '--stage', 'vae', '--set', 'vae.training.steps=1');
    expect([status, stdout]).toEqual([0, expect.stringContaining('--stage unet')]);
  });
});

describe('generate', () => {
  it('draws all labels in turn, with a record and a picture each', async () => {
    const out = inRoot('Ausgabe ñ');
    const { value } = await runJson<{ files: { wav: string; json: string }[] }>('generate', run, '--out', out, '--count', '3', '--png', '--seed', '5');
    expect(readdirSync(out).sort()).toEqual(['json', 'png', 'wav'].flatMap((end) => ["cloche-d'été-0001-seed5", "cloche-d'été-0002-seed7", 'grosse-Trommel-🥁-0001-seed6'].map((name) => `${name}.${end}`)).sort());
    const record = JSON.parse(readFileSync(value.files[1].json, 'utf8')) as Record<string, unknown>;
    expect(record).toMatchObject({ label: TINY_LABELS[1], seed: 6, sampler: 'dpmpp2m', steps: 2, guidance: 2 });
  });

  it('never overwrites unless told to', async () => {
    const out = inRoot('once');
    const words = ['generate', run, '--out', out, '--count', '1', '--label', TINY_LABELS[1]];
    expect((await runCommand(...words)).status).toBe(0);
    const { status, stderr } = await refusal(...words);
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringContaining('--force')]);
    expect((await runCommand(...words, '--force', '--bit-depth', '32')).status).toBe(0);
    expect(readdirSync(out)).toHaveLength(2);
  });

  it.each(['dpmpp2m', 'ddim', 'ddpm', 'euler'])('takes every sampling flag with %s', async (sampler) => {
    const flags = ['--steps', '3', '--guidance', '1.5', '--eta', '0.5', '--batch-size', '1', '--bit-depth', '24', '--count', '2'];
    const { value } = await runJson<{ files: { json: string }[] }>('generate', run, '--out', inRoot(`by ${sampler}`), '--sampler', sampler, ...flags);
    const record = JSON.parse(readFileSync(value.files[0].json, 'utf8')) as Record<string, unknown>;
    expect(record).toMatchObject({ sampler, steps: 3, guidance: 1.5, eta: sampler === 'ddim' ? 0.5 : null, bitDepth: 24 });
  });

  it('draws from the autoencoder alone with --from-vae-prior, also before there is a UNet', async () => {
    for (const folder of [run, inRoot('vae only')]) {
      const out = inRoot(`prior of ${folder === run ? 'all' : 'vae'}`);
      const { value } = await runJson<{ files: { json: string; wav: string }[] }>('generate', folder, '--out', out, '--count', '2', '--from-vae-prior');
      const record = JSON.parse(readFileSync(value.files[1].json, 'utf8')) as Record<string, unknown>;
      expect(record).toMatchObject({ label: null, sampler: 'vae-prior', seed: 1, guidance: null });
      expect((await decodeFile(value.files[1].wav)).channels[0]).toHaveLength(15 * 64);
    }
    const { stderr } = await refusal('generate', run, '--out', inRoot('x'), '--from-vae-prior', '--label', TINY_LABELS[0]);
    expect(stderr).toContain("'--from-vae-prior' cannot be used with option '--label <name>'");
  });

  it('says what is missing when there is no UNet', async () => {
    const { stderr } = await refusal('generate', inRoot('vae only'), '--out', inRoot('no unet'));
    expect(stderr).toContain('no UNet');
  });

  it.each([
    [['--label', 'cloche'], /--label: got 'cloche', expected one of cloche d'été, grosse Trommel/],
    [['--steps', '100000'], /steps: got 100000, expected an integer in \[1, 1000\]/],
    [['--eta', '2'], /got '2', expected a number from 0 to 1/],
    [['--count', '0'], /got '0', expected an integer of at least 1/],
    [['--sampler', 'eulr'], /Allowed choices are dpmpp2m, ddim, ddpm, euler/],
  ])('refuses %j and makes no folder', async (flags, message) => {
    const out = inRoot('refused');
    const { status, stderr } = await refusal('generate', run, '--out', out, ...flags);
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringMatching(message)]);
    expect(existsSync(out)).toBe(false);
  });
});

describe('encode and decode', () => {
  it('go to a PNG and back to sound', async () => {
    const [png, wav] = [inRoot('Bild é.png'), inRoot('Ton 🎵.wav')];
    const { value } = await runJson('encode', aSound(), '--out', png, '--config', project.config);
    expect(value).toEqual({ out: png, layout: 'melstrom', frames: 16, melBins: 8 });
    expect(decodeMelPng(readFileSync(png), png).frameCount).toBe(16);
    await runJson('decode', png, '--out', wav, '--iterations', '1', '--seed', '4');
    expect((await decodeFile(wav)).sampleRateHz).toBe(8000);
    for (const words of [['encode', aSound(), '--out', png], ['decode', png, '--out', wav]]) {
      expect((await refusal(...words)).stderr).toContain('--force');
      expect((await runCommand(...words, '--force')).status).toBe(0);
    }
  });

  it.each([
    ['encode', 'nowhere.wav', 'x.png', /nowhere\.wav: no such file/],
    ['decode', 'nowhere.png', 'x.wav', /nowhere\.png: got no such file, expected an image written by encode/],
    ['decode', '.', 'x.wav', /got a folder, expected an image written by encode/],
  ])('%s %s names the file', async (command, input, out, message) => {
    expect((await refusal(command, inRoot(input), '--out', inRoot(out))).stderr).toMatch(message);
  });

  it.each([['encode', 'no folder/x.png', /'.*no folder', which is no folder/], ['encode', 'Läufe', /which is a folder, expected the name of a file/], ['decode', 'no folder/x.wav', /which is no folder/]])(
    '%s to %s is refused before any work',
    async (command, out, message) => {
      expect((await refusal(command, inRoot('nowhere'), '--out', inRoot(out))).stderr).toMatch(message);
    },
  );
});

describe('inspect and prepare', () => {
  it('report the corpus, and draw a contact sheet', async () => {
    const sheet = inRoot('Blatt é.png');
    const { value } = await runJson<{ labels: { label: string; files: number }[] }>('inspect', project.sounds, '--config', project.config, '--sheet', sheet);
    expect(value.labels.map(({ label, files }) => [label, files])).toEqual(TINY_LABELS.map((label) => [label, 4]));
    expect(readFileSync(sheet).subarray(1, 4).toString()).toBe('PNG');
    expect((await refusal('inspect', project.sounds, '--sheet', sheet)).stderr).toContain('--force');
    expect((await refusal('inspect', project.sounds, '--sheet', inRoot('no folder', 's.png'))).stderr).toContain('no folder');
    expect((await runCommand('inspect', project.sounds)).stdout).toContain('8 files');
  });

  it('prepare with overrides, again with --force', async () => {
    const { value } = await runJson('prepare', project.sounds, '--config', project.config, '--set', 'corpus.maxSlicesPerFile=1', '--force');
    expect(value).toEqual({ labels: TINY_LABELS, trainSlices: 6, validationSlices: 2 });
  });

  it('list every bad file', async () => {
    const bad = inRoot('bad');
    mkdirSync(join(bad, 'a'), { recursive: true });
    writeFileSync(join(bad, 'a', 'leer.wav'), '');
    writeFileSync(join(bad, 'a', 'Text 🎵.wav'), 'no sound at all, but long enough to be looked at');
    writeFileSync(join(bad, 'a', 'good.wav'), readFileSync(aSound()));
    const inspected = await runJson<{ bad: { name: string }[] }>('inspect', bad);
    expect(inspected.value.bad.map(({ name }) => name)).toEqual(['a/Text 🎵.wav', 'a/leer.wav']);
    const { status, stderr } = await refusal('prepare', bad, '--config', project.config, '--quiet');
    expect([status, stderr]).toEqual([EXIT_STATUS.data, expect.stringMatching(/2 of 3 files[^]*Text 🎵\.wav[^]*leer\.wav/)]);
  });
});

describe('demo', () => {
  it('replaces no run but its own', async () => {
    const before = readdirSync(run);
    const { status, stderr } = await refusal('demo', '--run', run, '--minutes', '1');
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringMatching(/--run: got .*, which holds other files, expected a new folder, or an earlier demonstration/)]);
    expect(readdirSync(run)).toEqual(before);
  });
});

describe('corpus', () => {
  it.each(['starter', 'drums'])('%s never replaces a manifest unless told to', async (name) => {
    const folder = inRoot(`own ${name}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'manifest.csv'), 'mine');
    const { status, stderr } = await refusal('corpus', name, '--out', folder);
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringMatching(/manifest\.csv: got a file that is already there[^]*--force/)]);
    expect(readdirSync(folder)).toEqual(['manifest.csv']);
  });
});

describe('reconstruct', () => {
  it('writes the ladder of some files', async () => {
    const out = inRoot('Leiter é');
    const { value } = await runJson<LadderNumbers & { page: string }>('reconstruct', run, aSound(), aSound(), '--out', out);
    expect(value.files.map(({ name }) => name)).toEqual(['É 0 #100%', 'É 0 #100%']);
    expect(Object.keys(value.files[0].rungs)).toEqual(['codec', 'inverted', 'vae']);
    expect(readdirSync(join(out, 'clips')).filter((name) => name.endsWith('.wav'))).toHaveLength(8);
    expect(readdirSync(join(out, 'clips')).filter((name) => name.endsWith('-difference.png'))).toHaveLength(6);
    const { codec, vae } = value.files[0].rungs;
    expect(codec!.logSpectralDb).toBeLessThan(vae!.logSpectralDb); // the autoencoder was trained for four steps
    expect(value.verdict.limit).not.toBeNull();
    expect(readFileSync(value.page, 'utf8')).toContain('Most is lost by');
    expect(JSON.parse(readFileSync(join(out, 'figures.json'), 'utf8'))).toMatchObject({ verdict: { limit: value.verdict.limit } });
    expect((await refusal('reconstruct', run, aSound(), '--out', out)).stderr).toContain('--force');
    expect((await runCommand('reconstruct', run, aSound(), '--out', out, '--force', '--iterations', '1', '--phase-method', 'fast')).status).toBe(0);
  });
});

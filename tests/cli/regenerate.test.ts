// A clip again from its JSON file; many clips, stopped and gone on with.
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT_STATUS } from '../../src/base/errors.js';
import { readManifest } from '../../src/corpus/manifest.node.js';
import { SAMPLER_NAMES } from '../../src/diffusion/index.js';
import { savePipeline } from '../../src/pipeline/folder.node.js';
import { progressivePipeline } from '../pipeline/small-upscaler.js';
import { smallPipeline } from '../pipeline/small-pipeline.js';
import { useEngine } from '../support/engine.js';
import { interruptCommand, refusal, runCommand, runJson } from './run-command.js';

const root = mkdtempSync(join(tmpdir(), 'melstrom é regenerate-'));
const inRoot = (...parts: string[]): string => join(root, ...parts);

useEngine();
beforeAll(async () => {
  for (const [name, pipeline] of [['run', smallPipeline()], ['large', progressivePipeline()]] as const) {
    await savePipeline(inRoot(name), pipeline);
    pipeline.dispose();
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const sorted = (folder: string, extension = ''): string[] => readdirSync(folder).filter((name) => name.endsWith(extension)).sort();
const contents = (folder: string): Record<string, string> => Object.fromEntries(sorted(folder).map((name) => [name, createHash('sha256').update(readFileSync(join(folder, name))).digest('hex')]));
/** What the command prints as JSON. */
const json = async <T = unknown>(...words: string[]): Promise<T> => (await runJson<T>(...words)).value;
const generate = <T = unknown>(out: string, ...flags: string[]): Promise<T> => json<T>('generate', inRoot('run'), '--out', inRoot(out), '--steps', '2', ...flags);

describe('regenerate', () => {
  it.each([
    ['run', ['--steps', '4', '--guidance', '3', '--guidance-rescale', '0.5', '--guidance-interval', '0.3,0.9']] as const,
    ...SAMPLER_NAMES.map((name) => ['run', ['--steps', '4', '--sampler', name, '--eta', '0.5', '--guidance', '3']] as const),
    ['run', ['--steps', '4', '--spacing', 'karras', '--sampler', 'heun', '--batch-size', '2', '--bit-depth', '24']],
    ['run', ['--steps', '4', '--sampler', 'scheduler', '--bit-depth', '32', '--seconds', '0.4', '--batch-size', '5', '--overlap', '0.3']],
    ['run', ['--steps', '4', '--loop', '--bpm', '400', '--bars', '0.5', '--beats-per-bar', '3', '--label', 'kick']],
    ['run', ['--from-vae-prior']],
    ['large', ['--steps', '4', '--upscaler-steps', '3', '--seconds', '0.2']],
  ] as const)('makes the clips of %s with %j again byte for byte', async (run, flags) => {
    const out = inRoot('again');
    await json('generate', inRoot(run), '--out', out, '--count', '2', '--seed', '40', ...flags);
    for (const name of sorted(out, '.json')) {
      const wav = join(out, name.replace('.json', '.wav'));
      const original = readFileSync(wav);
      rmSync(wav);
      expect(await json('regenerate', join(out, name))).toEqual({ file: wav, isIdentical: true });
      expect(readFileSync(wav).equals(original)).toBe(true);
    }
    rmSync(out, { recursive: true });
  });

  it('finds the run where it was moved to with its clips, or where it is told', async () => {
    await generate('moved/clips', '--count', '1');
    cpSync(inRoot('run'), inRoot('elsewhere', 'run'), { recursive: true });
    renameSync(inRoot('moved'), inRoot('elsewhere', 'moved'));
    const [name] = sorted(inRoot('elsewhere', 'moved', 'clips'), '.json');
    const sidecar = inRoot('elsewhere', 'moved', 'clips', name);
    expect(await json('regenerate', sidecar, '--out', inRoot('a.wav'))).toMatchObject({ isIdentical: true });
    renameSync(inRoot('elsewhere', 'run'), inRoot('elsewhere', 'hidden'));
    expect((await refusal('regenerate', sidecar, '--out', inRoot('b.wav'))).stderr).toContain('run: got');
    expect(await json('regenerate', sidecar, '--out', inRoot('b.wav'), '--run', inRoot('elsewhere', 'hidden'))).toMatchObject({ isIdentical: true });
    expect(await refusal('regenerate', sidecar, '--out', inRoot('b.wav'))).toMatchObject({ stderr: expect.stringMatching(/b\.wav: got a file that exists.*--force/) as string });
    await json('regenerate', sidecar, '--out', inRoot('b.wav'), '--force', '--run', inRoot('run'));
  });

  it('says when another engine gives other bits', async () => {
    await generate('engine', '--count', '1', '--engine', 'cpu');
    const [name] = sorted(inRoot('engine'), '.json');
    expect(await json('regenerate', inRoot('engine', name), '--out', inRoot('cpu.wav'))).toMatchObject({ isIdentical: true });
    const path = inRoot('engine', name);
    const record = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...record, sha256: '0', version: '0.0.0' }));
    const { status, stderr, stdout } = await runCommand('regenerate', path, '--out', inRoot('other.wav'), '--json');
    expect([status, stderr]).toEqual([0, expect.stringContaining('is not the recorded clip to the last bit: made with engine cpu and version 0.0.0')]);
    expect(stdout).toContain('"isIdentical": false');
  });

  it('refuses another model, another codec, and what is no sidecar', async () => {
    await generate('refused', '--count', '1');
    const [name] = sorted(inRoot('refused'), '.json');
    const path = inRoot('refused', name);
    expect(await refusal('regenerate', path, '--run', inRoot('large'), '--out', inRoot('c.wav'))).toMatchObject({
      status: EXIT_STATUS.checkpoint, stderr: expect.stringMatching(/hashes\.model: got a model with other weights \(.{12}\), expected .{12}\. Name the run/) as string,
    });
    const record = JSON.parse(readFileSync(path, 'utf8')) as { hashes: object };
    const changed = async (over: object): Promise<string> => {
      writeFileSync(inRoot('changed.json'), JSON.stringify({ ...record, run: 'run', ...over }));
      return (await refusal('regenerate', inRoot('changed.json'), '--out', inRoot('c.wav'))).stderr;
    };
    expect(await changed({ hashes: { ...record.hashes, codec: 'x' } })).toContain('other mel codec');
    expect(await changed({ hashes: { ...record.hashes, settings: 'x' } })).toContain('other labels, noise or scheduler');
    expect(await changed({ operation: 'sing' })).toContain('operation: got sing, expected generate');
    expect(await changed({ vocoder: 'choir' })).toContain('vocoder: got choir');
    expect(await changed({ sampler: 'dice', spacing: 'trailing' })).toContain('sampler: got dice');
    expect(await changed({ seed: -1 })).toContain('changed.json: seed');
    writeFileSync(inRoot('changed.json'), '{');
    expect((await refusal('regenerate', inRoot('changed.json'))).stderr).toContain('expected the JSON file beside a clip');
  });
});

describe('generate --resume', () => {
  const flags = ['--count', '11', '--batch-size', '4', '--manifest'];

  it('goes on where it was stopped: the same files as without a stop, none twice', async () => {
    await generate('whole', ...flags);
    const stopped = await interruptCommand(/^/, 'generate', inRoot('run'), '--out', inRoot('parts'), '--steps', '2', ...flags);
    expect(stopped.status, stopped.stderr).toBe(130);
    expect(stopped.stdout).toContain('--resume');
    for (const [name, hash] of Object.entries(contents(inRoot('parts')))) if (name !== 'manifest.csv') expect(contents(inRoot('whole'))[name]).toBe(hash);
    // As a kill leaves it: a record without its sound, inside a batch.
    cpSync(inRoot('whole', 'kick-0001-seed0.json'), inRoot('parts', 'kick-0001-seed0.json'));
    cpSync(inRoot('whole', 'kick-0001-seed0.wav'), inRoot('parts', 'kick-0001-seed0.wav'));
    cpSync(inRoot('whole', 'kick-0003-seed4.json'), inRoot('parts', 'kick-0003-seed4.json'));
    rmSync(inRoot('parts', 'kick-0003-seed4.wav'), { force: true });
    const resumed = await generate<{ files: unknown[]; skippedCount: number }>('parts', ...flags, '--resume');
    expect(resumed.skippedCount).toBeGreaterThan(0);
    expect(resumed.files.length + resumed.skippedCount).toBe(11);
    expect(contents(inRoot('parts'))).toEqual(contents(inRoot('whole')));
    expect(await generate('parts', ...flags, '--resume')).toMatchObject({ files: [], skippedCount: 11 });
    expect(contents(inRoot('parts'))).toEqual(contents(inRoot('whole')));
  });

  it('refuses clips that were made otherwise, and overwrites nothing without it', async () => {
    expect((await refusal('generate', inRoot('run'), '--out', inRoot('whole'), '--steps', '3', '--resume', ...flags)).stderr).toMatch(/steps: got 2, expected 3, as in this request/);
    expect((await refusal('generate', inRoot('run'), '--out', inRoot('whole'), '--steps', '2', ...flags)).stderr).toContain('already there');
    expect((await refusal('generate', inRoot('run'), '--out', inRoot('whole'), '--steps', '2', '--seed', '100', ...flags)).stderr).toContain('manifest.csv');
  });

  it('lists every clip with every setting in a manifest that is one of a corpus too', () => {
    const { rows, columnNames, bad } = readManifest(inRoot('whole', 'manifest.csv'));
    expect(bad).toEqual([]);
    expect(rows.map(({ columns }) => columns.seed)).toEqual(Array.from({ length: 11 }, (_, seed) => String(seed)));
    for (const { path, columns } of rows) {
      const record = JSON.parse(readFileSync(path.replace(/wav$/, 'json'), 'utf8')) as Record<string, never>;
      expect(columns.label).toBe(record.label);
      for (const [key, value] of Object.entries(record)) {
        if (key === 'file') continue;
        if (typeof value === 'object' && value !== null) for (const [inner, part] of Object.entries(value)) expect(columns[`${key}.${inner}`]).toBe(String(part));
        else expect([key, columns[key]]).toEqual([key, value === null ? '' : String(value)]);
      }
    }
    expect(columnNames.slice(0, 1)).toEqual(['path']);
  });

  it('shows clips per second and time left', async () => {
    const { stdout, status } = await runCommand('generate', inRoot('run'), '--out', inRoot('shown'), '--steps', '2', '--count', '5', '--batch-size', '2');
    expect([status, stdout]).toEqual([0, expect.stringMatching(/generate: 100\/100 % \| [\d.]+ clips\/s \| left \d+ s \| clips 4\/5/)]);
  });
});

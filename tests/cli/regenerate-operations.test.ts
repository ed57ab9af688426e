// Every operation on a sound, and those between several things, made again from the JSON file beside each clip, byte for byte.
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { savePipeline } from '../../src/pipeline/folder.node.js';
import { sine, writeSound } from '../corpus/sounds.js';
import { smallPipeline } from '../pipeline/small-pipeline.js';
import { useEngine } from '../support/engine.js';
import { refusal, runCommand, runJson } from './run-command.js';

const root = mkdtempSync(join(tmpdir(), 'melstrom é regenerate operations-'));
const inRoot = (...parts: string[]): string => join(root, ...parts);

useEngine();
beforeAll(async () => {
  const pipeline = smallPipeline();
  await savePipeline(inRoot('run'), pipeline);
  pipeline.dispose();
  mkdirSync(inRoot('sounds'));
  writeSound(inRoot('sounds'), 'été.wav', sine(0.11, { hz: 440 }));
  writeSound(inRoot('sounds'), 'zwei.wav', sine(0.09, { hz: 900, sampleRateHz: 16_000 }), { sampleRateHz: 16_000 });
  writeSound(inRoot('sounds'), 'long.wav', sine(0.5, { hz: 300 }));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Written {
  readonly files: readonly { readonly wav: string; readonly json: string }[];
}

const [first, second, long] = ['été.wav', 'zwei.wav', 'long.wav'].map((name) => inRoot('sounds', name));
const FAST = ['--seed', '30', '--steps', '3', '--guidance', '2.5'];
const MORPH = ['--seed', '30', '--sampler-steps', '3', '--steps', '5', '--batch-size', '2', '--rounds', '1'];

describe('regenerate', () => {
  it.each([
    ['vary', [first, second, '--resample', '--strength', '0.6', '--count', '2', '--batch-size', '3', '--label', 'kick:0.7', '--label', 'Snäre / drum:0.3', ...FAST]],
    ['vary', [first, '--strength', '1', '--sampler', 'ddim', '--eta', '0.4', '--spacing', 'karras', '--bit-depth', '32', '--negative-label', 'kick', ...FAST]],
    ['vary', [first, '--strength', '0', ...FAST]],
    ['fill', [long, '--from', '0.2', '--to', '0.26', '--fade', '0.004', '--count', '3', '--batch-size', '2', '--strength', '0.9', '--heed-rounds', '1', '--resamples', '1', '--detail', '0.5', '--hold', '0.02', ...FAST]],
    ['fill', [first, '--low', '500', '--high', '2000', '--sampler', 'ddpm', '--bit-depth', '24', ...FAST]],
    ['morph', ['seed:1', 'label:kick', ...MORPH]],
    ['generate', ['--count', '3', '--batch-size', '2', '--level-steps', '3', ...FAST]],
    ['morph', [first, second, '--resample', '--corrections', '1', '--sampler', 'ddim', '--label', 'kick', ...MORPH]],
    ['combine', ['--label', 'kick:3', '--label', 'Snäre / drum', '--count', '3', '--batch-size', '2', '--guidance-rescale', '0.5', '--level-steps', '2', ...FAST]],
    ['extend', [long, '--seconds', '0.3', '--before', '--count', '2', ...FAST]],
    ['generate', ['--loop', '--seconds', '0.31', '--count', '3', '--batch-size', '8', ...FAST]],
    ['generate', ['--seconds', '4.5', '--count', '2', '--bit-depth', '16', ...FAST]], // long enough to be streamed
    ['generate', ['--seconds', '0.7', '--overlap', '0', '--sampler', 'euler-ancestral', ...FAST]],
  ] as const)('makes every clip of %s with %j again', async (command, words) => {
    const out = inRoot('again');
    const { value } = await runJson<Written>(command, inRoot('run'), ...words, '--out', out);
    expect(value.files.length).toBeGreaterThan(0);
    for (const { wav, json } of value.files) {
      const original = readFileSync(wav);
      rmSync(wav);
      expect((await runJson('regenerate', json)).value).toEqual({ file: wav, isIdentical: true });
      expect(readFileSync(wav).equals(original)).toBe(true);
    }
    rmSync(out, { recursive: true });
  });

  it('makes a clip again whose record is of before there were level steps', async () => {
    const { value: { files: [{ json }] } } = await runJson<Written>('generate', inRoot('run'), '--count', '1', ...FAST, '--level-steps', '0', '--out', inRoot('earlier'));
    const { levelSteps, ...record } = JSON.parse(readFileSync(json, 'utf8')) as { levelSteps: number };
    expect(levelSteps).toBe(0);
    writeFileSync(json, JSON.stringify(record));
    expect((await runJson('regenerate', json, '--force')).value).toMatchObject({ isIdentical: true });
  });

  it('finds sounds and run where everything was moved together, and says which sound is missing', async () => {
    const { value: { files: [{ json }] } } = await runJson<Written>('vary', inRoot('run'), first, '--strength', '0.5', ...FAST, '--out', inRoot('clips'));
    const name = json.slice(inRoot('clips').length + 1);
    mkdirSync(inRoot('elsewhere'));
    for (const folder of ['run', 'sounds', 'clips']) renameSync(inRoot(folder), inRoot('elsewhere', folder));
    expect((await runJson('regenerate', inRoot('elsewhere', 'clips', name), '--force')).value).toMatchObject({ isIdentical: true });
    rmSync(inRoot('elsewhere', 'sounds', 'été.wav'));
    expect((await refusal('regenerate', inRoot('elsewhere', 'clips', name), '--force')).stderr).toContain('été.wav');
  });

  it('makes clips after prompts at weights again', async () => {
    const theirs = fileURLToPath(new URL('../pipeline/fixtures/text-to-image', import.meta.url));
    expect((await runCommand('import', theirs, '--out', inRoot('text'))).status).toBe(0);
    const words = ['--prompt', 'kick:0.7', '--prompt', 'a bright bell:0.3', '--negative-prompt', 'noise', '--count', '2', '--batch-size', '2'];
    const { value } = await runJson<Written>('combine', inRoot('text'), ...words, ...FAST, '--out', inRoot('prompts'));
    for (const { json } of value.files) expect((await runJson('regenerate', json, '--force')).value).toMatchObject({ isIdentical: true });
  });
});

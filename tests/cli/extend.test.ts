import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.node.js';
import { savePipeline } from '../../src/pipeline/folder.node.js';
import { sine, writeSound } from '../corpus/sounds.js';
import { smallPipeline } from '../pipeline/small-pipeline.js';
import { useEngine } from '../support/engine.js';
import { refusal, runJson } from './run-command.js';

const root = mkdtempSync(join(tmpdir(), 'melstrom é extend-'));
const inRoot = (...parts: string[]): string => join(root, ...parts);

useEngine();
beforeAll(async () => {
  const pipeline = smallPipeline();
  await savePipeline(inRoot('run'), pipeline);
  pipeline.dispose();
  writeSound(root, 'été.wav', sine(0.5, { hz: 440 }));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const FLAGS = ['--seconds', '0.25', '--steps', '2'];

describe('extend', () => {
  it.each([
    [['--label', 'kick', '--count', '2', '--seed', '7', '--heed-rounds', '1', '--resamples', '1', '--detail', '0.5', '--hold', '0.02', '--fade', '0.01', '--overlap', '0.6', '--png'], 'after'],
    [['--before', '--sampler', 'ddim', '--eta', '0.5', '--spacing', 'leading', '--guidance', '3', '--batch-size', '2', '--bit-depth', '32'], 'before'],
  ] as const)('keeps the sound and adds to it with %j, and again byte for byte', async (flags, side) => {
    const { value } = await runJson<{ files: { wav: string; json: string }[] }>('extend', inRoot('run'), inRoot('été.wav'), '--out', inRoot(side), ...FLAGS, ...flags);
    const rate = (await decodeFile(value.files[0].wav)).sampleRateHz;
    expect(rate).toBe(8000);
    for (const { wav, json } of value.files) {
      expect(wav).toContain(`été-${side}-seed`);
      expect((await decodeFile(wav)).channels[0].length).toBe(4000 + 2000);
      expect(JSON.parse(readFileSync(json, 'utf8'))).toMatchObject({ operation: 'extend', run: '../run', extension: { input: { file: '../été.wav', downmix: 'mean' }, seconds: 0.25, isBefore: side === 'before' } });
      const bytes = readFileSync(wav);
      expect((await runJson('regenerate', json, '--out', inRoot('again.wav'), '--force')).value).toMatchObject({ isIdentical: true });
      expect(readFileSync(inRoot('again.wav')).equals(bytes)).toBe(true);
    }
    expect(readdirSync(inRoot(side)).filter((name) => name.endsWith('.png')).length).toBe(side === 'after' ? 2 : 0);
  });

  it('refuses to overwrite, unless told to, and to make a clip again from another sound', async () => {
    expect((await refusal('extend', inRoot('run'), inRoot('été.wav'), '--out', inRoot('after'), ...FLAGS, '--seed', '7', '--label', 'kick')).stderr).toContain('already there');
    await runJson('extend', inRoot('run'), inRoot('été.wav'), '--out', inRoot('after'), ...FLAGS, '--seed', '7', '--force', '--engine', 'auto');
    writeFileSync(inRoot('other.wav'), readFileSync(inRoot('été.wav')));
    writeSound(root, 'été.wav', sine(0.5, { hz: 441 }));
    expect((await refusal('regenerate', inRoot('after', 'été-after-seed7.json'), '--out', inRoot('again.wav'), '--force')).stderr).toContain('got another file');
  });

  it('converts a file of another rate when told to, and makes that again', async () => {
    writeSound(root, 'anders.wav', sine(0.5, { hz: 440, sampleRateHz: 22_050 }), { sampleRateHz: 22_050 });
    const { value } = await runJson<{ files: { wav: string; json: string }[] }>('extend', inRoot('run'), inRoot('anders.wav'), '--resample', '--out', inRoot('converted'), ...FLAGS);
    const { sampleRateHz, channels } = await decodeFile(value.files[0].wav);
    expect([sampleRateHz, channels[0].length]).toEqual([8000, 4000 + 2000]);
    expect((await runJson('regenerate', value.files[0].json, '--out', inRoot('again.wav'), '--force')).value).toMatchObject({ isIdentical: true });
  });

  it.each([
    [['--out', 'x'], '--seconds: got nothing'],
    [['--seconds', '1'], '--out: got nothing'],
    [['--seconds', '0', '--out', 'x'], '--seconds: got 0'],
    [['--seconds', '1', '--out', 'x', '--label', 'gong'], "--label: got 'gong'"],
    [['--seconds', '1', '--out', 'x', '--prompt', 'a bell', '--negative-prompt', 'hiss'], "--prompt: got 'a bell'"],
  ])('refuses %j', async (flags, message) => {
    expect((await refusal('extend', inRoot('run'), inRoot('été.wav'), ...flags)).stderr).toContain(message);
  });
});

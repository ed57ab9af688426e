// vary, fill, morph and combine as a user types them.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadMono } from '../../src/audio/load.node.js';
import { EXIT_STATUS } from '../../src/base/errors.js';
import { savePipeline } from '../../src/pipeline/folder.node.js';
import { sine, writeSound } from '../corpus/sounds.js';
import { smallPipeline } from '../pipeline/small-pipeline.js';
import { useEngine } from '../support/engine.js';
import { refusal, runJson } from './run-command.js';

const root = mkdtempSync(join(tmpdir(), 'melstrom operations é '));
const run = join(root, 'pipeline');
const inRoot = (name: string): string => join(root, name);
const FAST = ['--seed', '3', '--quiet'];

useEngine();
beforeAll(async () => {
  const pipeline = smallPipeline({ labels: ['kick', 'tom', 'odd:2'] });
  await savePipeline(run, pipeline);
  pipeline.dispose();
  writeSound(root, 'eins.wav', sine(0.11, { hz: 440 }));
  writeSound(root, 'zwei.wav', sine(0.09, { hz: 900 }));
  writeSound(root, 'lang.wav', sine(0.5, { hz: 440 }));
  writeSound(root, 'anders.wav', sine(0.1, { hz: 440, sampleRateHz: 22_050 }), { sampleRateHz: 22_050 });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Written {
  readonly files: readonly { readonly wav: string; readonly json: string }[];
}

/** Records of what a command has written. */
async function records(...words: string[]): Promise<Record<string, unknown>[]> {
  const { value } = await runJson<Written>(...words, ...FAST);
  return value.files.map(({ json }) => JSON.parse(readFileSync(json, 'utf8')) as Record<string, unknown>);
}

describe('vary', () => {
  it('draws versions of each sound, with every flag in the record', async () => {
    const made = await records(
      'vary', run, inRoot('eins.wav'), inRoot('zwei.wav'), '--out', inRoot('vary'), '--strength', '0.4', '--count', '2', '--label', 'kick:3', '--label', 'odd:2', '--negative-label', 'tom',
      '--sampler', 'ddim', '--spacing', 'karras', '--steps', '3', '--guidance', '2.5', '--guidance-rescale', '0.6', '--guidance-interval', '0.2,0.9', '--eta', '0.2', '--batch-size', '3', '--png', '--bit-depth', '24',
    );
    expect(readdirSync(inRoot('vary')).filter((name) => name.endsWith('.png')).length).toBe(4);
    expect(made.map(({ file }) => file)).toEqual(['eins-vary-0001-seed3.wav', 'eins-vary-0002-seed4.wav', 'zwei-vary-0001-seed5.wav', 'zwei-vary-0002-seed6.wav']);
    expect(made[2]).toMatchObject({
      operation: 'vary', seed: 5, sampler: 'ddim', spacing: 'karras', steps: 3, guidance: 2.5, guidanceRescale: 0.6, guidanceInterval: [0.2, 0.9], eta: 0.2, bitDepth: 24,
      operationSettings: {
        strength: 0.4, input: { file: join('..', 'zwei.wav'), sampleCount: 720 },
        mix: { parts: [{ label: 'kick', weight: 0.75 }, { label: 'odd:2', weight: 0.25 }], negative: [{ label: 'tom', weight: 1 }] },
      },
    });
  });

  it.each([
    [EXIT_STATUS.usage, "got '1.5', expected a number from 0 to 1", ['--strength', '1.5']],
    [EXIT_STATUS.usage, '--strength: got nothing', []],
    [EXIT_STATUS.usage, "--label: got 'snare', expected one of kick, tom, odd:2", ['--strength', '1', '--label', 'snare:2']],
    [EXIT_STATUS.usage, "a weight of 0 for 'kick'", ['--strength', '1', '--label', 'kick:0']],
    [EXIT_STATUS.usage, 'this model follows no text', ['--strength', '1', '--prompt', 'a kick']],
    [EXIT_STATUS.usage, 'mixes[0].negative', ['--strength', '1', '--negative-label', 'kick', '--guidance', '1']],
  ])('refuses with status %d: %s', async (status, message, flags) => {
    const result = await refusal('vary', run, inRoot('eins.wav'), '--out', inRoot('refused'), ...flags);
    expect([result.status, result.stderr]).toEqual([status, expect.stringContaining(message)]);
  });

  it('refuses a file of another rate, unless it is to be converted, and one that is too long', async () => {
    const asked = ['--out', inRoot('rates'), '--strength', '0'];
    const other = await refusal('vary', run, inRoot('anders.wav'), ...asked);
    expect([other.status, other.stderr]).toEqual([EXIT_STATUS.data, expect.stringContaining('got 22050 Hz, expected 8000 Hz, the model\'s rate. Add --resample')]);
    const long = await refusal('vary', run, inRoot('lang.wav'), ...asked);
    expect([long.status, long.stderr]).toEqual([EXIT_STATUS.data, expect.stringContaining('got 0.50 s, expected at most 0.13 s')]);
    expect(await records('vary', run, inRoot('anders.wav'), ...asked, '--resample')).toHaveLength(1);
  });
});

describe('fill', () => {
  it('keeps every sample outside a stretch of time in the file it writes', async () => {
    const [made] = await records('fill', run, inRoot('lang.wav'), '--out', inRoot('fill'), '--from', '0.2', '--to', '0.26', '--steps', '2', '--fade', '0.005', '--strength', '0.9');
    expect(made).toMatchObject({ operation: 'fill', bitDepth: 32, operationSettings: { strength: 0.9, fadeSeconds: 0.005, region: { fromSample: 1600, toSample: 2080 } } });
    const [before, after] = await Promise.all([inRoot('lang.wav'), join(inRoot('fill'), made.file as string)].map((path) => loadMono(path, { sampleRateHz: 8000, downmix: 'mean' })));
    expect(after.subarray(0, 1600)).toEqual(before.subarray(0, 1600));
    expect(after.subarray(2080)).toEqual(before.subarray(2080));
    expect(after).not.toEqual(before);
  });

  it('fills a band, and refuses what is no region of the sound', async () => {
    const [made] = await records('fill', run, inRoot('eins.wav'), '--out', inRoot('band'), '--low', '1000', '--high', '2000', '--steps', '1');
    expect(made.operationSettings).toMatchObject({ region: { fromSample: 0, toSample: 880, lowHz: 1000, highHz: 2000 } });
    const none = await refusal('fill', run, inRoot('eins.wav'), '--out', inRoot('none'));
    expect([none.status, none.stderr]).toEqual([EXIT_STATUS.usage, expect.stringContaining('fill: got no region')]);
    const outside = await refusal('fill', run, inRoot('eins.wav'), '--out', inRoot('none'), '--from', '0.1', '--to', '0.2');
    expect([outside.status, outside.stderr]).toEqual([EXIT_STATUS.usage, expect.stringContaining('region: from and to: got 0.1 and 0.2 s, expected within 0 and 0.11 s')]);
  });
});

describe('morph', () => {
  it('goes between seeds, labels and sounds', async () => {
    const seeds = await records('morph', run, 'seed:1', 'seed:2', '--out', inRoot('seeds'), '--steps', '3', '--sampler-steps', '2', '--label', 'kick', '--rounds', '0');
    expect(seeds.map(({ seed, steps, label }) => [seed, steps, label])).toEqual([[1, 2, 'kick'], [1, 2, 'kick'], [2, 2, 'kick']]);
    const labels = await records('morph', run, 'label:kick', 'label:tom', '--out', inRoot('labels'), '--steps', '2', '--sampler-steps', '2');
    expect(labels.map(({ seed, label, file }) => [seed, label, file])).toEqual([[3, 'kick', 'kick-to-tom-0001-seed3.wav'], [3, 'tom', 'kick-to-tom-0002-seed3.wav']]);
    const sounds = await records('morph', run, inRoot('eins.wav'), inRoot('zwei.wav'), '--out', inRoot('sounds'), '--steps', '2', '--sampler-steps', '2', '--corrections', '1');
    expect(sounds[0]).toMatchObject({ operation: 'morph', guidance: 1, operationSettings: { corrections: 1, from: { input: { file: join('..', 'eins.wav') } }, position: 0 } });
  });

  it.each([
    ["<from>: got 'seed:-1'", ['seed:-1', 'seed:2']],
    ["<to>: got 'snare'", ['seed:1', 'label:snare']],
    ['which adds fresh noise', [inRoot('eins.wav'), 'seed:2', '--sampler', 'ddpm']],
  ])('refuses: %s', async (message, words) => {
    const { status, stderr } = await refusal('morph', run, ...words, '--out', inRoot('none'));
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringContaining(message)]);
  });
});

describe('combine', () => {
  it('draws after a mix, and refuses none', async () => {
    const made = await records('combine', run, '--label', 'kick:0.7', '--label', 'tom:0.3', '--count', '2', '--steps', '2', '--out', inRoot('combine'));
    expect(made.map(({ file, operation, label }) => [file, operation, label])).toEqual([['kick+tom-0001-seed3.wav', 'combine', null], ['kick+tom-0002-seed4.wav', 'combine', null]]);
    const none = await refusal('combine', run, '--out', inRoot('none'));
    expect([none.status, none.stderr]).toEqual([EXIT_STATUS.usage, expect.stringContaining('nothing to combine')]);
  });
});

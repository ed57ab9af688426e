// `evaluate` on folders of clips, whoever made them, with every flag.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { createRandom } from '../../src/base/random.js';
import { EXIT_STATUS } from '../../src/base/errors.js';
import { sine, writeSound } from '../corpus/sounds.js';
import { refusal, runCommand, runJson } from './run-command.js';

interface Figures {
  readonly page: string;
  readonly mel: { readonly sampleRateHz: number; readonly frames: number };
  readonly agreement: { readonly clips: number; readonly byLabel: object } | null;
  readonly sets: {
    readonly embedding: { readonly name: string };
    readonly counts: { readonly clips: number; readonly reference: number; readonly heldOut: number };
    readonly kernelDistance: { readonly value: number; readonly sameCount: { readonly high: number } };
    readonly memorisation: { readonly copiedShare: number; readonly baseline: string };
    readonly findings: readonly { readonly isFault: boolean; readonly text: string }[];
    readonly nearest: readonly { readonly clip: string; readonly training: string; readonly distanceDb: number }[];
  };
}

const root = mkdtempSync(join(tmpdir(), 'melstrom Ordner é '));
const inRoot = (...parts: string[]): string => join(root, ...parts);
const onnx = fileURLToPath(new URL('../evaluation/fixtures/onnx/embedding.yaml', import.meta.url));
const kept = process.env.MELSTROM_CACHE;

/** Tones and noises under two labels; another seed gives others of the same kind. */
function writeClips(folder: string, count: number, seed: number): void {
  for (let index = 0; index < count; index += 1) {
    const random = createRandom(seed, 'clips', index);
    const fade = (sample: number, at: number): number => sample * Math.exp((-at * (4 + 8 * seconds)) / 1600);
    const seconds = random.uniform();
    writeSound(folder, `tone é/tone ${index} #100%.wav`, sine(0.2, { hz: 300 + 900 * random.uniform(), gain: 0.1 + 0.5 * random.uniform() }).map(fade));
    writeSound(folder, `noise/noise ${index}.wav`, random.normals(1600).map((value) => 0.1 * value).map(fade));
  }
}

beforeAll(() => {
  process.env.MELSTROM_CACHE = inRoot('cache');
  writeClips(inRoot('real'), 10, 1);
  writeClips(inRoot('clips'), 5, 2);
});
afterAll(() => {
  if (kept === undefined) delete process.env.MELSTROM_CACHE;
  else process.env.MELSTROM_CACHE = kept;
  rmSync(root, { recursive: true, force: true });
});

const evaluate = async (clips: string, out: string, ...flags: string[]): Promise<Figures> =>
  (await runJson<Figures>('evaluate', inRoot(clips), '--against', inRoot('real'), '--out', inRoot(out), ...flags)).value;

describe('evaluate of a folder', () => {
  it('writes scores beside what real clips score, and a page that asks nothing of the network', async () => {
    const value = await evaluate('clips', 'report');
    expect(value.mel).toMatchObject({ sampleRateHz: 8000, frames: 64 });
    expect(value.sets).toMatchObject({ embedding: { name: 'spectral-32' }, counts: { clips: 10, reference: 20, heldOut: 0 }, memorisation: { baseline: 'other groups' } });
    expect(value.agreement).toMatchObject({ clips: 1, byLabel: { noise: 1, 'tone é': 1 } });
    expect(value.sets.memorisation.copiedShare).toBeLessThan(0.2);
    expect(JSON.parse(readFileSync(inRoot('report', 'figures.json'), 'utf8'))).toMatchObject({ sets: { counts: { clips: 10 } } });
    const page = readFileSync(value.page, 'utf8');
    expect(page).not.toMatch(/(?:src|href)="https?:/);
    expect(page.match(/<figure class="plot">/g)!.length).toBe(5);
    const sounds = [...page.matchAll(/src="([^"]+)"/g)].map((match) => decodeURIComponent(match[1].replaceAll('&#39;', "'")));
    expect(sounds.length).toBeGreaterThan(20);
    expect(sounds.filter((path) => !existsSync(inRoot('report', path)))).toEqual([]);
  });

  it('flags copies of the real clips and names the pairs', async () => {
    const value = await evaluate('real', 'report of copies');
    expect(value.sets.memorisation.copiedShare).toBe(1);
    expect(value.sets.findings.find(({ isFault }) => isFault)!.text).toContain('copies, or nearly');
    // Not 0: the slice is analysed up to the file's end, mirrored there, and the clip with the silence that fills it.
    for (const { clip, training, distanceDb } of value.sets.nearest) expect([clip, distanceDb < 1]).toEqual([training, true]);
  });

  it('takes labels from the records of generate before folders, and sees wrong ones', async () => {
    cpSync(inRoot('clips', 'noise'), inRoot('mislabelled'), { recursive: true });
    for (const name of readdirSync(inRoot('mislabelled'))) writeFileSync(inRoot('mislabelled', name.replace('.wav', '.json')), JSON.stringify({ label: 'tone é' }));
    expect((await evaluate('mislabelled', 'report of labels')).agreement).toMatchObject({ clips: 0, byLabel: { 'tone é': 0 } });
    writeFileSync(inRoot('mislabelled', 'noise 0.json'), '{');
    const { status, stderr } = await refusal('evaluate', inRoot('mislabelled'), '--against', inRoot('real'), '--out', inRoot('none'), '--quiet');
    expect([status, stderr]).toEqual([EXIT_STATUS.data, expect.stringMatching(/noise 0\.json: got what is no JSON/)]);
  });

  it('leaves out clips of labels that the real sounds do not have, and says so', async () => {
    cpSync(inRoot('clips'), inRoot('more'), { recursive: true });
    writeSound(inRoot('more'), 'siren/siren.wav', sine(0.2));
    const { status, stderr } = await runCommand('evaluate', inRoot('more'), '--against', inRoot('real'), '--out', inRoot('report of more'));
    expect([status, stderr]).toEqual([0, expect.stringContaining('1 of 11 clips have no label that the real sounds know')]);
  });

  it('takes the settings of a configuration, an ONNX embedding and a seed', async () => {
    const mel = { sampleRateHz: 8000, fftSize: 256, windowSamples: 256, hopSamples: 64, melBins: 16, minHz: 50, maxHz: 4000, frames: 32 };
    writeFileSync(inRoot('own.yaml'), stringify({ mel, corpus: { path: 'elsewhere', validationShare: 0.2 } }));
    const flags = ['--config', inRoot('own.yaml'), '--embedding', onnx, '--seed', '4'];
    const value = await evaluate('clips', 'report by onnx', ...flags);
    expect(value.mel).toMatchObject(mel);
    expect(value.sets).toMatchObject({ embedding: { name: 'fixture' }, counts: { clips: 10, reference: 16, heldOut: 4 }, memorisation: { baseline: 'held out' } });
    expect(await evaluate('clips', 'report by onnx', ...flags, '--force')).toEqual(value);
  });

  it('refuses what it can make no report of', async () => {
    mkdirSync(inRoot('empty'));
    const against = ['--against', inRoot('real'), '--out', inRoot('none')];
    expect((await refusal('evaluate', inRoot('clips'))).stderr).toMatch(/model_index\.json, expected a run folder, or with --against a folder of clips/);
    expect((await refusal('evaluate', inRoot('clips'), '--against', inRoot('real'))).stderr).toMatch(/--out: got nothing/);
    expect((await refusal('evaluate', inRoot('empty'), ...against)).stderr).toMatch(/empty: got no sound, expected a run folder, or a folder of clips/);
    expect((await refusal('evaluate', inRoot('clips'), '--against', inRoot('nowhere'), '--out', inRoot('none'))).stderr).toMatch(/--against/);
    expect(existsSync(inRoot('none'))).toBe(false);
  });
});

// `evaluate` on models with and without labels, against their own corpus and others.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { EXIT_STATUS } from '../../src/base/errors.js';
import { convPrecision, supportsBfloat16 } from '../../src/engine/ops/index.js';
import { sine, writeSound } from '../corpus/sounds.js';
import { refusal, runCommand, runJson } from './run-command.js';
import { TINY_LABELS, useTinyProject } from './tiny-project.js';

interface Figures {
  readonly page: string;
  readonly judgeAgreement: number | null;
  readonly judgeAccuracyOnValidation: number | null;
  readonly agreementByLabel: Readonly<Record<string, number>>;
  readonly generatedCount: number;
  readonly precision: string;
  readonly levels: { readonly realRangeLufs: readonly [number, number]; readonly realHighestPeakDbfs: number };
  readonly inversionError: { readonly activeErrorDb: number };
  readonly vaeError: { readonly activeErrorDb: number };
  readonly sets: { readonly counts: object; readonly memorisation: { readonly baseline: string } | null; readonly nearest: readonly unknown[] } | null;
}

const project = useTinyProject();
const inRoot = (...parts: string[]): string => join(project.root, ...parts);
let run: string;
beforeAll(async () => {
  run = inRoot('Lauf é');
  const { status, stderr } = await runCommand('train', project.config, '--run', run);
  expect(status, stderr).toBe(0);
});

describe('evaluate', () => {
  it('writes figures and a page with real, inverted, reconstructed and generated clips of every label', async () => {
    const { value } = await runJson<Figures>('evaluate', run, '--clips', '2');
    expect(value).toMatchObject({ page: join(run, 'report', 'index.html'), generatedCount: 4, judgeAccuracyOnValidation: 1 });
    expect(Object.keys(value.agreementByLabel)).toEqual(TINY_LABELS);
    expect(value.vaeError.activeErrorDb).toBeGreaterThan(0);
    expect(value.inversionError.activeErrorDb).toBeGreaterThan(0);
    expect(value.levels.realHighestPeakDbfs).toBeCloseTo(-6, 0); // sines of half scale
    expect(value.levels.realRangeLufs[0]).toBeGreaterThan(-15);
    expect(value.sets).toMatchObject({ counts: { clips: 4, reference: 6, heldOut: 2 }, memorisation: { baseline: 'held out' }, embedding: { name: 'spectral-32' } });
    expect(value.sets!.nearest).toHaveLength(4);
    expect(readdirSync(join(run, 'report')).sort()).toEqual(['clips', 'contact-sheet.png', 'figures.json', 'index.html']);
    const page = readFileSync(value.page, 'utf8');
    for (const label of TINY_LABELS) expect(page).toContain(label.replace("'", '&#39;'));
    for (const source of [...page.matchAll(/(?:src)="([^"]+)"/g)].map((match) => decodeURIComponent(match[1].replaceAll('&#39;', "'")))) {
      expect(existsSync(join(run, 'report', source)), source).toBe(true);
    }
  });

  it.for(['auto', 'float32'] as const)('draws in the precision of the flag, %s', async (precision) => {
    const { value } = await runJson<Figures>('evaluate', run, '--clips', '1', '--precision', precision, '--out', inRoot(`in ${precision}`));
    expect(value.precision).toBe(precision === 'auto' && supportsBfloat16() ? 'bfloat16' : 'float32');
    expect(convPrecision()).toBe('float32'); // as it was before
  });

  it('replaces an earlier report with --force alone, and never a folder with other files', async () => {
    expect((await refusal('evaluate', run, '--clips', '1')).stderr).toContain('--force');
    writeFileSync(join(run, 'report', 'notes.txt'), 'mine');
    const { status, stderr } = await refusal('evaluate', run, '--clips', '1', '--force');
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringContaining('notes.txt')]);
    expect((await runCommand('evaluate', run, '--clips', '1', '--out', inRoot('elsewhere ü'))).status).toBe(0);
  });

  it('matches labels of other sounds by name, and leaves out those it does not know', async () => {
    const other = inRoot('other sounds');
    cpSync(join(project.sounds, TINY_LABELS[1]), join(other, TINY_LABELS[1]), { recursive: true });
    writeSound(other, 'aaa unknown/one.wav', sine(0.1, { gain: 0.01 }));
    const { value } = await runJson<Figures>('evaluate', run, '--against', other, '--out', inRoot('against'), '--clips', '1');
    expect(value.agreementByLabel).toEqual({ [TINY_LABELS[1]]: 1 });
    expect(value.levels.realRangeLufs[0]).toBeGreaterThan(-15); // not those of the unknown label, 34 dB quieter
    expect(readdirSync(join(inRoot('against'), 'clips')).some((name) => name.startsWith('grosse-Trommel'))).toBe(true);
    const strange = inRoot('strange sounds');
    writeSound(strange, 'nothing known/one.wav', sine(0.1));
    const { status, stderr } = await refusal('evaluate', run, '--against', strange, '--out', inRoot('no report'), '--quiet');
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringMatching(/got nothing known, expected some of the model's: cloche d'été, grosse Trommel/)]);
    expect(existsSync(inRoot('no report'))).toBe(false);
  });

  it('has no judge for a model without labels, and says so when nothing was held out', async () => {
    const flat = inRoot('flat');
    mkdirSync(flat);
    for (let index = 0; index < 3; index += 1) writeSound(flat, `${index}.wav`, sine(0.5, { hz: 300 + 50 * index, gain: 0.25 }));
    const flatRun = inRoot('flat run');
    const trained = await runCommand('train', project.config, '--run', flatRun, '--corpus', flat, '--set', 'corpus.validationShare=0');
    expect(trained.status, trained.stderr).toBe(0);
    const { value } = await runJson<Figures>('evaluate', flatRun, '--clips', '2');
    expect(value).toMatchObject({ judgeAgreement: null, judgeAccuracyOnValidation: null, agreementByLabel: {}, generatedCount: 2 });
    expect(value.levels.realHighestPeakDbfs).toBeCloseTo(-12, 1);
    const page = readFileSync(value.page, 'utf8');
    expect(page).toContain('Real (trained on)');
    expect(page).not.toContain('Judge');
  });

  it('wants a run folder, or a folder of clips and real sounds', async () => {
    expect((await refusal('evaluate', run, '--config', project.config, '--out', inRoot('none'))).stderr).toMatch(/--config: got it together with a run/);
    expect((await refusal('evaluate', run, '--embedding', 'nowhere.yaml', '--out', inRoot('none'))).stderr).toMatch(/--embedding: got 'nowhere.yaml', expected 'spectral'/);
    expect((await refusal('evaluate', join(run, 'pipeline'))).stderr).toContain('a pipeline folder without configuration');
    expect((await refusal('evaluate', project.sounds)).stderr).toContain('model_index.json');
  });
});

import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeInspection, inspectCorpus, type Inspection } from '../../src/corpus/inspect.node.js';
import { prepareCorpus } from '../../src/corpus/prepare.node.js';
import { sine, temporaryFolder, testConfig, writeSound } from './sounds.js';

const root = temporaryFolder();
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('inspectCorpus', () => {
  const sounds = join(root, 'sounds 🎵');
  let report: Inspection;
  beforeAll(async () => {
    for (let index = 0; index < 4; index += 1) writeSound(sounds, `tone/${index}.wav`, sine(0.5, { hz: 500 + 50 * index }));
    writeSound(sounds, 'tone/again.wav', sine(0.5, { hz: 500 }));
    writeSound(sounds, 'odd/high.wav', sine(1, { hz: 9000, sampleRateHz: 22050 }), { sampleRateHz: 22050 });
    writeSound(sounds, 'odd/clipped.wav', sine(0.5, { gain: 3 }));
    writeSound(sounds, 'odd/silent.wav', new Float32Array(4000));
    writeSound(sounds, 'odd/click.wav', sine(0.01));
    writeSound(sounds, 'odd/stereo.wav', sine(0.5, { hz: 700 }), { channels: 2 });
    writeSound(sounds, 'odd/cut.wav', sine(1));
    truncateSync(join(sounds, 'odd/cut.wav'), 1000);
    writeFileSync(join(sounds, 'odd/empty.flac'), '');
    report = await inspectCorpus({ config: testConfig(sounds), withContactSheet: true });
  });

  it('counts what is there', () => {
    expect(report.fileCount).toBe(9);
    expect(report.seconds).toBeCloseTo(4.26, 2);
    expect(report.labels.map(({ label, files }) => [label, files])).toEqual([['odd', 5], ['tone', 4]]);
    expect(report.trainFiles + report.validationFiles).toBe(9);
    expect(report.sampleRates).toEqual({ 8000: 8, 22050: 1 });
    expect(report.channels).toEqual({ 1: 8, 2: 1 });
    expect(report.formats).toEqual({ wav: 9 });
  });

  it('finds what is wrong', () => {
    expect(report.bad.map(({ name }) => name).sort()).toEqual(['odd/cut.wav', 'odd/empty.flac']);
    expect(report.duplicates.map(({ name }) => name)).toEqual(['tone/again.wav']);
    expect(report.clipped.map(({ name }) => name)).toEqual(['odd/clipped.wav']);
    expect(report.silentFiles).toEqual(['odd/silent.wav']);
    expect(report.tooShort.map(({ name }) => name)).toEqual(['odd/click.wav']);
  });

  it('tells what the codec would lose', () => {
    expect(report.codec.mostAboveMaxHz[0].name).toBe('odd/high.wav');
    expect(report.codec.mostAboveMaxHz[0].value).toBeGreaterThan(0.99);
    expect(report.codec.aboveMaxHzShare).toBeCloseTo(report.codec.mostAboveMaxHz.reduce((sum, { value }) => sum + value, 0) / 9, 2);
    expect(report.warnings.join('\n')).toMatch(/energy lies above mel\.maxHz/);
    expect(report.warnings.join('\n')).toMatch(/slices are few/);
  });

  it('counts slices as prepare cuts them', async () => {
    for (const corpus of [{}, { sliceHopFrames: 7 }, { maxSlicesPerFile: 1 }, { minFill: 0.9 }]) {
      const config = testConfig(sounds, { ...corpus, maxBadShare: 0.5 });
      const prepared = await prepareCorpus({ config, cacheFolder: join(root, 'cache'), force: true });
      expect((await inspectCorpus({ config })).sliceCount).toBe(prepared.sliceCount('train') + prepared.sliceCount('validation'));
      prepared.close();
    }
  });

  it('draws a contact sheet, a row per label', () => {
    const { width, height } = decode(report.contactSheet ?? new Uint8Array());
    expect(width).toBe(8 * 36 + 4);
    expect(height).toBe(2 * 20 + 4);
  });

  it('reads as text', () => {
    const text = describeInspection(report).join('\n');
    expect(text).toContain('9 files');
    expect(text).toContain('odd/cut.wav: ');
    expect(text).toContain('tone/again.wav = tone/0.wav');
  });

  it('fails when nothing can be read, naming every file', async () => {
    const folder = join(root, 'nothing');
    writeSound(folder, 'a/x.wav', sine(1));
    truncateSync(join(folder, 'a/x.wav'), 30);
    await expect(inspectCorpus({ config: testConfig(folder) })).rejects.toThrow(/no sound that can be read[^]*a\/x\.wav/);
  });
});

import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { scanCorpus, surveyCorpus } from '../../src/corpus/scan.node.js';
import { sine, temporaryFolder, testConfig, writeLabelled, writeSound } from './sounds.js';

const root = temporaryFolder();
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folderCount = 0;
const freshFolder = (): string => {
  folderCount += 1;
  const folder = join(root, String(folderCount));
  mkdirSync(folder);
  return folder;
};
const corpusOf = (path: string, settings: Record<string, unknown> = {}) => testConfig(path, settings).corpus;

describe('a folder', () => {
  it('labels by the first folder, keeps odd names, leaves out what is hidden or no sound', async () => {
    const folder = freshFolder();
    writeSound(folder, 'große Trommel 🥁/Schlag 1 é.wav', sine(0.05));
    writeSound(folder, 'große Trommel 🥁/tief/a, "b".wav', sine(0.06));
    writeSound(folder, 'loose.WAV', sine(0.07));
    writeSound(folder, '.hidden/x.wav', sine(0.08));
    writeSound(folder, 'snare/.x.wav', sine(0.09));
    writeFileSync(join(folder, 'notes.txt'), 'x');
    const { files, labels, otherFileCount, bad } = await surveyCorpus(corpusOf(folder));
    expect(files.map(({ name, label }) => [name, label])).toEqual([
      ['große Trommel 🥁/Schlag 1 é.wav', 'große Trommel 🥁'],
      ['große Trommel 🥁/tief/a, "b".wav', 'große Trommel 🥁'],
      ['loose.WAV', null],
    ]);
    expect(labels).toEqual(['große Trommel 🥁']);
    expect(otherFileCount).toBe(1);
    expect(bad).toEqual([]);
  });

  it('composes names, so that a Mac and a Linux agree on labels', async () => {
    const folder = freshFolder();
    writeSound(folder, 'caf\u0065\u0301/a.wav', sine(0.05));
    expect((await scanCorpus(corpusOf(folder)))[0].label).toBe('caf\u00e9');
  });

  it('follows links, survives a loop of links, and names a link to nothing', async () => {
    const folder = freshFolder();
    const elsewhere = freshFolder();
    writeSound(elsewhere, 'far.wav', sine(0.05));
    writeSound(folder, 'kick/near.wav', sine(0.06));
    symlinkSync(elsewhere, join(folder, 'linked'));
    symlinkSync(folder, join(folder, 'kick', 'loop'));
    symlinkSync(join(folder, 'nowhere.wav'), join(folder, 'kick', 'broken.wav'));
    const { files, bad } = await surveyCorpus(corpusOf(folder));
    expect(files.map(({ name }) => name)).toEqual(['kick/near.wav', 'linked/far.wav']);
    expect(bad.map(({ name }) => name)).toEqual(['kick/broken.wav']);
  });

  it('drops sounds of equal content, and says when their labels differ', async () => {
    const folder = freshFolder();
    writeSound(folder, 'a/1.wav', sine(0.05));
    writeSound(folder, 'a/2.wav', sine(0.05));
    writeSound(folder, 'b/3.wav', sine(0.05));
    writeSound(folder, 'b/4.wav', sine(0.05, { hz: 500 }));
    const { files, duplicates } = await surveyCorpus(corpusOf(folder));
    expect(files.map(({ name }) => name)).toEqual(['a/1.wav', 'b/4.wav']);
    expect(duplicates).toEqual([{ name: 'a/2.wav', sameAs: 'a/1.wav', hasOtherLabel: false }, { name: 'b/3.wav', sameAs: 'a/1.wav', hasOtherLabel: true }]);
  });

  it('keeps the labels asked for, in that order, and counts the others', async () => {
    const folder = freshFolder();
    writeLabelled(folder, 2);
    const { labels, files, otherLabels } = await surveyCorpus(corpusOf(folder, { labels: ['mid', 'high'] }));
    expect(labels).toEqual(['mid', 'high']);
    expect(files).toHaveLength(4);
    expect(otherLabels).toEqual({ low: 2 });
    await expect(scanCorpus(corpusOf(folder, { labels: ['kick'] }))).rejects.toThrow(/names none of the labels found: high 2|names none of the labels found: high, low, mid/);
  });

  it('says what is wrong with a folder that is missing or empty', async () => {
    await expect(scanCorpus(corpusOf(join(root, 'none')))).rejects.toThrow(/none: got a folder that cannot be read/);
    await expect(scanCorpus(corpusOf(freshFolder()))).rejects.toThrow(/got no sound that can be used/);
  });

  it('reads no labels when told so', async () => {
    const folder = freshFolder();
    writeLabelled(folder, 2);
    expect((await surveyCorpus(corpusOf(folder, { labelsFrom: 'none' }))).labels).toEqual([]);
  });
});

function manifest(folder: string, text: string, name = 'manifest.csv'): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe('a manifest', () => {
  it('in the folder is used by itself; paths are relative to it, further columns are kept', async () => {
    const folder = freshFolder();
    writeSound(folder, 'x/one, two.wav', sine(0.05));
    writeSound(folder, 'x/three.wav', sine(0.06));
    writeSound(folder, 'not listed.wav', sine(0.07));
    manifest(folder, '\uFEFFpath,label,split,group,text\n"x/one, two.wav",kick,validation,g1,"a ""big"" one"\nx/three.wav,,train,g2,\n');
    const files = await scanCorpus(corpusOf(folder));
    expect(files.map(({ name, label, group, split }) => [name, label, group, split])).toEqual([['x/one, two.wav', 'kick', 'g1', 'validation'], ['x/three.wav', null, 'g2', 'train']]);
    expect(files[0].columns.text).toBe('a "big" one');
  });

  it('may be the path itself, and groups by any column', async () => {
    const folder = freshFolder();
    for (let index = 0; index < 6; index += 1) writeSound(folder, `${index}.wav`, sine(0.05, { hz: 300 + index }));
    const path = manifest(folder, `path,label,speaker\n${[0, 1, 2, 3, 4, 5].map((index) => `${index}.wav,a,s${index % 3}`).join('\n')}`, 'list.csv');
    const files = await scanCorpus(corpusOf(path, { groupBy: 'speaker', validationGroups: ['s1'] }));
    expect(files.filter(({ split }) => split === 'validation').map(({ name }) => name)).toEqual(['1.wav', '4.wav']);
    await expect(scanCorpus(corpusOf(path, { groupBy: 'speakr' }))).rejects.toThrow(/corpus\.groupBy: got 'speakr'.*The nearest is speaker\./);
    await expect(scanCorpus(corpusOf(path, { groupBy: 'speaker', validationGroups: ['s9'] }))).rejects.toThrow(/corpus\.validationGroups: got s9/);
  });

  it('refuses a group on both sides, an unknown split, no column path; lists files that are not there', async () => {
    const folder = freshFolder();
    writeSound(folder, 'a.wav', sine(0.05));
    writeSound(folder, 'b.wav', sine(0.06));
    const scanOf = (text: string) => surveyCorpus(corpusOf(manifest(folder, text)));
    await expect(scanOf('path,group,split\na.wav,g,train\nb.wav,g,validation\n')).rejects.toThrow(/1 group in both train and validation: g/);
    await expect(scanOf('path,split\na.wav,maybe\n')).rejects.toThrow(/row 2: got the split 'maybe'/);
    await expect(scanOf('file,label\na.wav,x\n')).rejects.toThrow(/got the columns file, label, expected a CSV with a header and a column called path/);
    await expect(scanOf('path,label\na.wav,"x\n')).rejects.toThrow(/a manifest that cannot be read/);
    expect((await scanOf('path\na.wav\nc.wav\n')).bad[0]).toMatchObject({ name: 'c.wav' });
  });
});

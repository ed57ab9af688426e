// Captions from a manifest's column, through the cache to every slice.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cacheSettings } from '../../src/corpus/cache-index.js';
import { prepareCorpus } from '../../src/corpus/prepare.node.js';
import { scanCorpus } from '../../src/corpus/scan.node.js';
import { sine, temporaryFolder, testConfig, writeSound } from './sounds.js';

const root = temporaryFolder();
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folderCount = 0;

/** Three sounds, one of them of two slices, with a manifest. */
function corpusFolder(captions: readonly string[] = ['a dry kick, "short"', '', 'ein tiefer Ton']): string {
  folderCount += 1;
  const folder = join(root, String(folderCount));
  mkdirSync(folder);
  writeSound(folder, 'a.wav', sine(0.1));
  writeSound(folder, 'b.wav', sine(0.1, { hz: 500 }));
  writeSound(folder, 'c.wav', sine(0.4, { hz: 200 }));
  const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const rows = ['a', 'b', 'c'].map((name, index) => `${name}.wav,${index === 0 ? 'validation' : 'train'},${cell(captions[index])}`);
  writeFileSync(join(folder, 'manifest.csv'), ['path,split,words', ...rows, ''].join('\n'));
  return folder;
}

const captioned = (folder: string, over: Record<string, unknown> = {}) => testConfig(folder, { captionColumn: 'words', ...over }, { unet: { conditionNetwork: {}, textEncoder: 'elsewhere' } });

describe('captions', () => {
  it('come from the column that is named, composed, an empty cell as an empty text', async () => {
    const files = await scanCorpus(captioned(corpusFolder(['cafe\u0301', '', 'low'])).corpus);
    expect(files.map(({ caption }) => caption)).toEqual(['café', '', 'low']);
  });

  it('are none unless asked for', async () => {
    const config = testConfig(corpusFolder());
    expect((await scanCorpus(config.corpus)).map(({ caption }) => caption)).toEqual([null, null, null]);
    const corpus = await prepareCorpus({ config, cacheFolder: join(root, 'plain-cache') });
    expect(corpus.captionsOf('train')).toBeNull();
    expect(corpus.files.every((file) => !('caption' in file))).toBe(true);
    expect(cacheSettings(config)).not.toHaveProperty(['corpus.captionColumn']);
    corpus.close();
  });

  it('are each slice\'s of a file, on both sides of the split, also from the cache', async () => {
    const config = captioned(corpusFolder());
    const cacheFolder = join(root, 'cache');
    for (let time = 0; time < 2; time += 1) {
      const corpus = await prepareCorpus({ config, cacheFolder });
      expect(corpus.captionsOf('validation')).toEqual(['a dry kick, "short"']);
      expect(corpus.captionsOf('train')).toEqual(['', 'ein tiefer Ton', 'ein tiefer Ton']);
      corpus.close();
    }
  });

  it('make another cache when one changes', async () => {
    const folder = corpusFolder();
    const config = captioned(folder);
    const cacheFolder = join(root, 'changed-cache');
    const before = await prepareCorpus({ config, cacheFolder });
    before.close();
    const manifest = ['path,split,words', 'a.wav,validation,kick', 'b.wav,train,', 'c.wav,train,ein tiefer Ton', ''].join('\n');
    writeFileSync(join(folder, 'manifest.csv'), manifest);
    await expect(prepareCorpus({ config, cacheFolder })).rejects.toThrow(/1 file is under another label, caption, group or split \(a\.wav\)/);
    await expect(prepareCorpus({ config: captioned(folder, { captionColumn: 'split' }), cacheFolder })).rejects.toThrow(/corpus\.captionColumn is "words" in the cache and "split"/);
    const after = await prepareCorpus({ config, cacheFolder, force: true });
    expect(after.captionsOf('validation')).toEqual(['kick']);
    expect(after.key).not.toBe(before.key);
    after.close();
  });

  it('are refused by name where the column is not there', async () => {
    await expect(scanCorpus(captioned(corpusFolder(), { captionColumn: 'word' }).corpus)).rejects.toThrow(/corpus\.captionColumn: got 'word', expected one of path, split, words.*The nearest is words/s);
    const bare = join(root, 'bare');
    writeSound(bare, 'kick/a.wav', sine(0.1));
    await expect(scanCorpus(captioned(bare).corpus)).rejects.toThrow(/expected null, since .*bare has no manifest/);
  });
});

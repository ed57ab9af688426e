import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadMono } from '../../src/audio/load.node.js';
import { prepareCorpus, type PreparedCorpus } from '../../src/corpus/prepare.node.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
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

describe('prepareCorpus', () => {
  const sounds = join(root, 'labelled é 🥁');
  const cacheFolder = join(root, 'cache');
  const config = testConfig(sounds);
  let corpus: PreparedCorpus;
  beforeAll(async () => {
    writeLabelled(sounds);
    corpus = await prepareCorpus({ config, cacheFolder });
  });
  afterAll(() => corpus.close());

  it('slices every sound, pads it with silence and says how much is sound', async () => {
    expect(corpus.labels).toEqual(['high', 'low', 'mid']);
    expect(corpus.sliceCount('train') + corpus.sliceCount('validation')).toBe(18);
    expect(corpus.sliceCount('validation')).toBe(3);
    const { image, label, fill, file, offsetFrames } = corpus.slice('train', 0);
    expect(offsetFrames).toBe(0);
    expect(file.startsWith(corpus.labels[label])).toBe(true);
    expect(fill).toBe(13 / 32);
    const whole = createMelCodec(config.mel).analyse(await loadMono(join(sounds, file), { sampleRateHz: 8000, downmix: 'mean' }));
    for (let row = 0; row < 16; row += 1) {
      for (let frame = 0; frame < 32; frame += 1) {
        const expected = frame < whole.frameCount ? whole.data[row * whole.frameCount + frame] : -1;
        expect(Math.abs(image[row * 32 + frame] - expected)).toBeLessThan(2e-5);
      }
    }
  });

  it('draws batches that depend on seed and step alone', () => {
    const augment = { gainDb: 6, shiftFrames: 4 };
    const request = { split: 'train', step: 5, batchSize: 4, seed: 3, augment } as const;
    const first = corpus.batch(request);
    for (let step = 0; step < 9; step += 1) corpus.batch({ ...request, step });
    expect(corpus.batch(request)).toEqual(first);
    expect(corpus.batch({ ...request, seed: 4 }).images).not.toEqual(first.images);
    expect(corpus.batch({ ...request, augment: undefined }).indices).toEqual(first.indices);
    expect(corpus.batch({ ...request, augment: undefined }).images).not.toEqual(first.images);
  });

  it('shows every slice once per epoch, whatever the batch size', () => {
    const count = corpus.sliceCount('train');
    const seen = [0, 1, 2].flatMap((step) => [...corpus.batch({ split: 'train', step, batchSize: 5, seed: 0 }).indices]);
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
    expect(corpus.batch({ split: 'train', step: 0, batchSize: 2 * count, seed: 0 }).indices).toHaveLength(2 * count);
  });

  it('uses the cache the second time', async () => {
    const path = join(cacheFolder, 'index.json');
    utimesSync(path, 1, 1);
    const again = await prepareCorpus({ config, cacheFolder });
    expect(again.key).toBe(corpus.key);
    expect(again.batch({ split: 'train', step: 1, batchSize: 3, seed: 0 })).toEqual(corpus.batch({ split: 'train', step: 1, batchSize: 3, seed: 0 }));
    again.close();
    expect(readdirSync(cacheFolder).sort()).toEqual(['index.json', 'slices.bin']);
  });

  it('refuses a cache made with other settings, naming each with both values', async () => {
    const other = testConfig(sounds, { validationShare: 0.3, balanceLabels: true }, { mel: { ...config.mel, floorDb: -70 } });
    await expect(prepareCorpus({ config: other, cacheFolder })).rejects.toThrow(/mel\.floorDb is -80 in the cache and -70 in the configuration; corpus\.validationShare is 0\.15 in the cache and 0\.3/);
  });

  it('refuses a cache of other files, naming them, and replaces it when told to', async () => {
    const copy = join(freshFolder(), 'sounds');
    writeLabelled(copy, 2);
    const folder = join(freshFolder(), 'cache');
    const before = await prepareCorpus({ config: testConfig(copy), cacheFolder: folder });
    before.close();
    writeSound(copy, 'low/new one.wav', sine(0.05));
    await expect(prepareCorpus({ config: testConfig(copy), cacheFolder: folder })).rejects.toThrow(/1 file is new \(low\/new one\.wav\)/);
    const after = await prepareCorpus({ config: testConfig(copy), cacheFolder: folder, force: true });
    expect(after.files).toHaveLength(7);
    after.close();
  });

  it('does not replace a folder with a user\'s files, even when told to', async () => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'thesis.txt'), 'x');
    await expect(prepareCorpus({ config, cacheFolder: folder, force: true })).rejects.toThrow(/a folder with other files in it \(thesis\.txt\)/);
    expect(readFileSync(join(folder, 'thesis.txt'), 'utf8')).toBe('x');
  });

  it('names a cache that is cut off', async () => {
    const folder = join(freshFolder(), 'cache');
    (await prepareCorpus({ config, cacheFolder: folder })).close();
    truncateSync(join(folder, 'slices.bin'), 100);
    await expect(prepareCorpus({ config, cacheFolder: folder })).rejects.toThrow(/slices\.bin: got 100 bytes, expected 18432 bytes, 18 slices/);
    writeFileSync(join(folder, 'index.json'), '{"format":');
    await expect(prepareCorpus({ config, cacheFolder: folder })).rejects.toThrow(/index\.json: got a cache index that cannot be read/);
  });

  it('says at once that a folder cannot be written', async () => {
    const file = join(freshFolder(), 'file');
    writeFileSync(file, '');
    await expect(prepareCorpus({ config, cacheFolder: join(file, 'cache') })).rejects.toThrow(/a place that cannot be written/);
  });

  it('lies under MELSTROM_CACHE unless told otherwise, in a folder named after its content', async () => {
    const before = process.env.MELSTROM_CACHE;
    process.env.MELSTROM_CACHE = join(freshFolder(), 'cache ü');
    try {
      (await prepareCorpus({ config: testConfig(sounds, {}, { name: 'Klänge / 1' }) })).close();
      expect(readdirSync(join(process.env.MELSTROM_CACHE, 'corpora'))).toEqual([expect.stringMatching(/^Klänge-1-[0-9a-f]{16}$/)]);
    } finally {
      if (before === undefined) delete process.env.MELSTROM_CACHE;
      else process.env.MELSTROM_CACHE = before;
    }
  });

  it('leaves nothing behind when stopped', async () => {
    const parent = freshFolder();
    const stop = new AbortController();
    stop.abort();
    await expect(prepareCorpus({ config, cacheFolder: join(parent, 'cache'), signal: stop.signal })).rejects.toThrow(/abort/i);
    expect(readdirSync(parent)).toEqual([]);
  });
});

describe('bad files', () => {
  const sounds = join(root, 'bad');
  const warnings: string[] = [];
  const reporter = { log: { info: () => undefined, warn: (text: string) => void warnings.push(text) }, startProgress: () => ({ update: () => undefined, end: () => undefined }) };
  beforeAll(() => {
    writeLabelled(sounds, 3);
    writeSound(sounds, 'low/cut.wav', sine(2));
    truncateSync(join(sounds, 'low/cut.wav'), 20_000);
    writeFileSync(join(sounds, 'low/empty.wav'), '');
    writeFileSync(join(sounds, 'mid/text.wav'), 'this is no sound at all, only text');
  });

  it('stop the job by default, every one named with its error', async () => {
    const failure = prepareCorpus({ config: testConfig(sounds), cacheFolder: join(root, 'bad-cache') });
    await expect(failure).rejects.toThrow(/3 of 12 files that cannot be used, expected at most[^]*corpus\.maxBadShare: 0\.25[^]*cut\.wav[^]*empty\.wav[^]*text\.wav/);
    expect(existsSync(join(root, 'bad-cache'))).toBe(false);
  });

  it('are skipped up to the share that is allowed, with none of their sound', async () => {
    const corpus = await prepareCorpus({ config: testConfig(sounds, { maxBadShare: 0.25 }), cacheFolder: join(root, 'bad-cache'), reporter });
    expect(corpus.bad.map(({ name }) => name).sort()).toEqual(['low/cut.wav', 'low/empty.wav', 'mid/text.wav']);
    expect(corpus.sliceCount('train') + corpus.sliceCount('validation')).toBe(9);
    expect(warnings.join()).toContain('3 of 12 files cannot be used and are skipped');
    for (let index = 0; index < corpus.sliceCount('train'); index += 1) expect(corpus.slice('train', index).file).not.toContain('cut');
    corpus.close();
  });
});

describe('long sounds', () => {
  const sounds = join(root, 'long');
  beforeAll(() => {
    const sweep = Float32Array.from({ length: 60 * 8000 }, (_, index) => 0.4 * Math.sin((index * index) / 2e6));
    writeSound(sounds, 'a.wav', sweep);
    writeSound(sounds, 'b.wav', sweep.map((value) => value / 2));
  });

  it('give the same frames streamed as whole, many write buffers long', async () => {
    const config = testConfig(sounds, { sliceHopFrames: 4, validationShare: 0, labelsFrom: 'none' });
    const corpus = await prepareCorpus({ config, cacheFolder: join(root, 'long-cache') });
    const whole = createMelCodec(config.mel).analyse(await loadMono(join(sounds, 'a.wav'), { sampleRateHz: 8000, downmix: 'mean' }));
    expect(corpus.sliceCount('train')).toBeGreaterThan(3700);
    let worst = 0;
    for (let index = 0; index < corpus.sliceCount('train') / 2; index += 1) {
      const { image, offsetFrames, fill, label } = corpus.slice('train', index);
      expect(label).toBe(0);
      for (let frame = 0; frame < Math.round(fill * 32); frame += 1) {
        for (let row = 0; row < 16; row += 1) worst = Math.max(worst, Math.abs(image[row * 32 + frame] - whole.data[row * whole.frameCount + offsetFrames + frame]));
      }
    }
    expect(worst).toBeLessThan(1.6e-5); // half a step of 16 bits
    corpus.close();
  });

  it('give no more slices than asked for', async () => {
    const corpus = await prepareCorpus({ config: testConfig(sounds, { maxSlicesPerFile: 3, validationShare: 0.5 }), cacheFolder: join(root, 'few-cache') });
    expect(corpus.sliceCount('train')).toBe(3);
    expect(corpus.sliceCount('validation')).toBe(3);
    corpus.close();
  });
});

it('draws labels equally often when told to', async () => {
  const sounds = freshFolder();
  for (let index = 0; index < 9; index += 1) writeSound(sounds, `many/${index}.wav`, sine(0.05, { hz: 200 + index }));
  writeSound(sounds, 'few/one.wav', sine(0.05, { hz: 900 }));
  const corpus = await prepareCorpus({ config: testConfig(sounds, { balanceLabels: true, validationShare: 0 }), cacheFolder: join(freshFolder(), 'c') });
  const { labels, indices } = corpus.batch({ split: 'train', step: 0, batchSize: 18, seed: 1 });
  expect([...labels].filter((label) => label === 0)).toHaveLength(9);
  expect(new Set(indices).size).toBe(10);
  expect(() => corpus.batch({ split: 'validation', step: 0, batchSize: 1, seed: 1 })).toThrow(/no validation slices/);
  corpus.close();
});

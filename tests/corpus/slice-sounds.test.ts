import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareCorpus } from '../../src/corpus/prepare.node.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { expectClose } from '../support/close.js';
import { sine, temporaryFolder, testConfig, writeSound } from './sounds.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the sounds of slices', () => {
  it.each([
    ['one after the other', {}],
    ['overlapping, each from its onset', { sliceHopFrames: 12, alignOnset: true }],
  ])('are the recordings under the slices, %s', async (_, corpus) => {
    writeSound(folder, 'sounds/a/long.wav', sine(0.7, { hz: 700, silenceSeconds: 0.1 }));
    writeSound(folder, 'sounds/a/short.wav', sine(0.1, { hz: 300 }));
    writeSound(folder, 'sounds/b/other rate.wav', sine(0.5, { hz: 500, sampleRateHz: 16_000 }), { sampleRateHz: 16_000 });
    const config = testConfig(`${folder}/sounds`, { validationShare: 0, ...corpus });
    const prepared = await prepareCorpus({ config, cacheFolder: `${folder}/cache` });
    const { frames, hopSamples, melBins } = config.mel;
    const codec = createMelCodec(config.mel);
    const seen = new Set<number>();
    for await (const { index, samples } of prepared.sounds('train')) {
      seen.add(index);
      const { image, fill } = prepared.slice('train', index);
      const filled = Math.round(fill * frames);
      expect(samples).toHaveLength(filled * hopSamples);
      const { data, frameCount } = codec.analyse(samples);
      for (let frame = 3; frame < filled - 3; frame += 1) {
        expectClose(Array.from({ length: melBins }, (_unused, row) => data[row * frameCount + frame]), Array.from({ length: melBins }, (_unused, row) => image[row * frames + frame]), { absolute: 1e-3, reason: 'the cache holds 16 bits a value, and the window reaches past a slice by two frames' });
      }
    }
    expect(seen.size).toBe(prepared.sliceCount('train'));
    expect(seen.size).toBeGreaterThan(3);
    prepared.close();
  });

  it('are missed by name when a file has gone', async () => {
    writeSound(folder, 'sounds/gone.wav', sine(0.2));
    writeSound(folder, 'sounds/there.wav', sine(0.2, { hz: 500 }));
    const prepared = await prepareCorpus({ config: testConfig(`${folder}/sounds`, { validationShare: 0 }), cacheFolder: `${folder}/cache` });
    rmSync(`${folder}/sounds/gone.wav`);
    const read = async (): Promise<void> => {
      for await (const { samples } of prepared.sounds('train')) expect(samples.length).toBeGreaterThan(0);
    };
    await expect(read()).rejects.toMatchObject({ kind: 'data', message: expect.stringContaining('gone.wav') as unknown });
    prepared.close();
  });
});

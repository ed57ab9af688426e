import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadMono, loadSound, streamSound } from '../../src/audio/load.node.js';
import { createRandom } from '../../src/base/random.js';
import { melSchema } from '../../src/config/mel.js';
import { augmentSlice } from '../../src/corpus/augment.js';
import { cacheSettings } from '../../src/corpus/cache-index.js';
import { inspectCorpus } from '../../src/corpus/inspect.node.js';
import { prepareCorpus, type PreparedCorpus } from '../../src/corpus/prepare.node.js';
import { createImageCodec } from '../../src/spectrogram/image-codec.js';
import { silentFrame } from '../../src/spectrogram/mel-image.js';
import { expectClose } from '../support/close.js';
import { sine, temporaryFolder, testConfig, writeSound } from './sounds.js';

const MEL = { sampleRateHz: 8000, fftSize: 256, windowSamples: 256, hopSamples: 64, melBins: 16, minHz: 50, maxHz: 4000, frames: 32, channels: 2 };
const root = temporaryFolder();
const config = testConfig(root, { validationShare: 0, labelsFrom: 'none' }, { mel: MEL });
let corpus: PreparedCorpus;
const interleaved = (left: Float32Array, right: Float32Array): Float32Array => Float32Array.from({ length: 2 * left.length }, (_, index) => (index % 2 === 0 ? left : right)[Math.floor(index / 2)]);

beforeAll(async () => {
  writeSound(root, 'a left.wav', interleaved(sine(0.1), sine(0.1, { gain: 0.1 })), { channels: 2 });
  writeSound(root, 'b mono.wav', sine(0.1));
  writeSound(root, 'c long.wav', interleaved(sine(9, { hz: 300 }), sine(9, { hz: 700 })), { channels: 2, sampleRateHz: 16_000 });
  corpus = await prepareCorpus({ config, cacheFolder: join(root, '../', `${root.split('/').at(-1)}-cache`) });
});
afterAll(() => {
  corpus.close();
  rmSync(corpus.folder, { recursive: true, force: true });
  rmSync(root, { recursive: true, force: true });
});

describe('a stereo corpus', () => {
  it('is cut into slices of mid, side and panning, which are those of the codec', async () => {
    const codec = createImageCodec(config.mel);
    for (const name of ['a left.wav', 'c long.wav']) {
      const whole = codec.analyse(await loadSound(join(root, name), { ...config.mel, downmix: 'mean' }));
      const frame = silentFrame(config.mel);
      for (let index = 0; index < corpus.sliceCount('train'); index += 1) {
        const { image, file, offsetFrames, fill } = corpus.slice('train', index);
        if (file !== name) continue;
        const filled = Math.round(fill * 32);
        const expected = Float32Array.from(image, (_, cell) => {
          const [row, at] = [Math.floor(cell / 32), cell % 32];
          return at < filled ? whole.data[row * whole.frameCount + offsetFrames + at] : frame[row];
        });
        expectClose(image, expected, { absolute: 2e-5, reason: 'the cache keeps 16 bits' });
      }
    }
  });

  it('has no side where a file has one channel', () => {
    const index = Array.from({ length: corpus.sliceCount('train') }, (_, each) => each).find((each) => corpus.slice('train', each).file === 'b mono.wav')!;
    const { image } = corpus.slice('train', index);
    expect(image.subarray(16 * 32, 32 * 32).every((value) => value === -1)).toBe(true);
    expectClose(image.subarray(32 * 32), new Float32Array(16 * 32), { absolute: 2e-5, reason: 'the cache keeps 16 bits, of which none is 0' });
  });

  it('gives batches of whole stereo slices', () => {
    const { images, indices } = corpus.batch({ split: 'train', step: 0, batchSize: 3, seed: 1 });
    expect(images.length).toBe(3 * 48 * 32);
    expect(images.subarray(48 * 32, 2 * 48 * 32)).toEqual(corpus.slice('train', indices[1]).image);
  });

  it('is another cache than that of one channel, whose settings are what they were', () => {
    expect(cacheSettings(config)['mel.channels']).toBe(2);
    expect('mel.channels' in cacheSettings(testConfig(root))).toBe(false);
  });

  it('is inspected by both of its channels, and a file of three is bad', async () => {
    writeSound(root, 'd three.wav', sine(0.3), { channels: 3 });
    const report = await inspectCorpus({ config, withContactSheet: true });
    rmSync(join(root, 'd three.wav'));
    expect(report.channels).toEqual({ 1: 1, 2: 2 });
    expect(report.bad).toEqual([{ name: 'd three.wav', error: expect.stringContaining('got 3 channels, expected 1 or 2') as string }]);
    expect(report.codec.floorShare).toBeGreaterThan(0);
    expect(report.contactSheet!.length).toBeGreaterThan(100);
  });
});

describe('loadSound', () => {
  it('keeps left and right, gives a mono sound twice, and is loadMono for one channel', async () => {
    const load = (name: string, channels: 1 | 2): Promise<Float32Array[]> => loadSound(join(root, name), { sampleRateHz: 8000, downmix: 'mean', channels });
    const [left, right] = await load('a left.wav', 2);
    expectClose(left, sine(0.1), { absolute: 1e-4, reason: '16 bits' });
    expectClose(right, sine(0.1, { gain: 0.1 }), { absolute: 1e-4, reason: '16 bits' });
    const [first, second] = await load('b mono.wav', 2);
    expect(first).toEqual(second);
    expect(await load('c long.wav', 1)).toEqual([await loadMono(join(root, 'c long.wav'), { sampleRateHz: 8000, downmix: 'mean' })]);
    for await (const block of streamSound(join(root, 'a left.wav'), { sampleRateHz: 8000, downmix: 'right', channels: 1 })) expect(block.length).toBe(1);
  });
});

describe('augmentSlice of a stereo slice', () => {
  const shape = { melBins: 2, channels: melSchema.parse({ channels: 2 }).channels, frames: 3, rangeDb: 80 };
  const image = (): Float32Array => Float32Array.of(0, 0, -1, 0.2, 0, -1, -0.5, -0.5, -1, -0.4, 0.1, -1, 0.9, -0.3, 0, -0.9, 0.3, 0);

  it('moves levels alike and leaves panning', () => {
    const moved = image();
    augmentSlice(moved, 2, { augment: { gainDb: 8, shiftFrames: 0 }, shape, random: createRandom(1) });
    const step = moved[0] - image()[0];
    expect(Math.abs(step)).toBeGreaterThan(0.001);
    expectClose(moved.subarray(0, 12), image().subarray(0, 12).map((value) => (value === -1 ? -1 : value + step)), { absolute: 1e-6 });
    expect(moved.subarray(12)).toEqual(image().subarray(12));
  });

  it('moves silence in whose panning is the middle', () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const moved = image();
      const fill = augmentSlice(moved, 2, { augment: { gainDb: 0, shiftFrames: 1 }, shape, random: createRandom(seed) });
      if (fill !== 3) continue;
      expect([0, 3, 6, 9, 12, 15].map((cell) => moved[cell])).toEqual([-1, -1, -1, -1, 0, 0]);
      return;
    }
    expect.fail('no shift was drawn');
  });
});

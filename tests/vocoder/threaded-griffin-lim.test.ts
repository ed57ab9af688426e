// The same sounds to the last bit, whether threads make them or the thread that asks.
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { inOrder } from '../../src/base/in-order.js';
import { melSchema } from '../../src/config/mel.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import type { MelImage } from '../../src/spectrogram/mel-image.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { createThreadedGriffinLim as createFromSource } from '../../src/vocoder/threaded-griffin-lim.node.js';
import type { VocoderOptions } from '../../src/vocoder/vocoder.js';
import { useCompiled } from '../support/compiled.js';

type ThreadedModule = typeof import('../../src/vocoder/threaded-griffin-lim.node.js');

const mel = melSchema.parse({ melBins: 24, frames: 16, fftSize: 256, windowSamples: 256, hopSamples: 64, sampleRateHz: 8000, minHz: 60, maxHz: 4000 });
const options = { iterations: 6, gateDb: 1 };
const alone = createGriffinLimVocoder(mel, options);
const compiled = useCompiled();
let create: ThreadedModule['createThreadedGriffinLim'];
beforeAll(async () => {
  ({ createThreadedGriffinLim: create } = await compiled.load<ThreadedModule>('src/vocoder/threaded-griffin-lim.node.ts'));
});

function imageOf(seed: number, frames = 40): MelImage {
  const random = createRandom(seed);
  const sound = Float32Array.from({ length: 64 * (frames - 1) }, (_, at) => 0.3 * Math.sin((at * (200 + 90 * seed)) / 1200) + 0.02 * random.normal());
  return createMelCodec(mel).analyse(sound);
}

const known = (count: number): VocoderOptions => ({ known: { channels: [Float32Array.from({ length: count }, (_, at) => 0.2 * Math.sin(at / 7))], spans: [{ from: 0, to: 900 }] }, sampleCount: count });
const CASES: readonly (readonly [string, VocoderOptions])[] = [
  ['a plain image', { seed: 3 }],
  ['a loop', { seed: 4, isLoop: true, sampleCount: 2400 }],
  ['more samples than the image has', { sampleCount: 4000 }],
  ['known samples', known(64 * 39)],
  ['a sound of which a part is made anew', { around: { channels: [new Float32Array(64 * 39).fill(0.1)], limit: (difference) => difference.fill(0, 0, 1000) }, sampleCount: 64 * 39 }],
];

describe.each([1, 3])('with %i threads', (workers) => {
  it.each(CASES)('%s gives the same samples', async (_, asked) => {
    const { sampleRateHz, channels } = await create(mel, options, { workers }).invert(imageOf(1), asked);
    const expected = alone.invert(imageOf(1), asked);
    expect(sampleRateHz).toBe(8000);
    expect(channels).toHaveLength(1);
    expect(Buffer.from(channels[0].buffer).equals(Buffer.from(expected.channels[0].buffer))).toBe(true);
    expect(channels[0].some((sample) => Math.abs(sample) > 0.01)).toBe(true);
  });

  it('many images at once, some of them long, come out as one by one', async () => {
    const images = Array.from({ length: 7 }, (_, seed) => imageOf(seed, seed === 2 ? 1300 : 40));
    const vocoder = create(mel, options, { workers });
    const sounds: Float32Array[] = [];
    for await (const { channels } of inOrder(images, vocoder.lanes!, (image) => vocoder.invert(image))) sounds.push(channels[0]);
    expect(sounds).toEqual(images.map((image) => alone.invert(image).channels[0]));
  });
});

it('takes an image that is a part of a larger buffer', async () => {
  const image = imageOf(1);
  const larger = new Float32Array(2 * image.data.length);
  larger.set(image.data, 100);
  const view = { ...image, data: larger.subarray(100, 100 + image.data.length) };
  expect((await create(mel, options, { workers: 1 }).invert(view)).channels).toEqual(alone.invert(image).channels);
});

it('has the name of the one that works alone, and takes one image more than it has threads', () => {
  const vocoder = create(mel, { iterations: 6, method: 'fast' }, { workers: 2 });
  expect([vocoder.name, vocoder.lanes]).toEqual(['griffin-lim-6-fast', 3]);
});

it('refuses the image of another codec as the one that works alone does', async () => {
  const other = { ...imageOf(1), settings: { ...mel, floorDb: -60 } };
  const vocoder = create(mel, options, { workers: 1 });
  let expected: unknown;
  try {
    alone.invert(other);
  } catch (error) {
    expected = error;
  }
  await expect(vocoder.invert(other)).rejects.toThrow((expected as Error).message);
  expect((expected as Error).message).toContain('floorDb -60');
});

it('stops at once when it is told to', async () => {
  const stop = new AbortController();
  const vocoder = create(mel, { iterations: 10_000 }, { workers: 1, signal: stop.signal });
  setTimeout(() => stop.abort(new Error('Ctrl-C')), 100);
  await expect(vocoder.invert(imageOf(1, 1000))).rejects.toThrow('Ctrl-C');
});

it('works alone where no thread can be started', async () => {
  const vocoder = createFromSource(mel, options, { workers: 2 }); // beside the sources there is no file that a thread could run
  expect((await vocoder.invert(imageOf(1), { seed: 3 })).channels).toEqual(alone.invert(imageOf(1), { seed: 3 }).channels);
});

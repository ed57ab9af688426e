// A long sound analysed in pieces by threads: the same values to the last bit as in one go.
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { melSchema } from '../../src/config/mel.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { useCompiled } from '../support/compiled.js';

type ThreadsModule = typeof import('../../src/spectrogram/analyse-in-threads.node.js');

const mel = melSchema.parse({ melBins: 16, frames: 16, fftSize: 256, windowSamples: 200, hopSamples: 64, sampleRateHz: 8000, minHz: 60, maxHz: 4000 });
const compiled = useCompiled();
let analyseInThreads: ThreadsModule['analyseInThreads'];
beforeAll(async () => {
  ({ analyseInThreads } = await compiled.load<ThreadsModule>('src/spectrogram/analyse-in-threads.node.ts'));
});

const noise = createRandom(5).normals(64 * 2048 * 3 + 64);

describe('analyseInThreads', () => {
  // Lengths about the edges of pieces of 2048 frames, where a last piece has one frame, and where it ends within a window of them.
  it.each([1, 500, 64 * 2047, 64 * 2048, 64 * 2048 + 1, 64 * 2049, 64 * 2050 + 63, 64 * 4095 + 63, 64 * 4096, 64 * 6144, 64 * 6144 + 17])('gives the values of %i samples', async (count) => {
    const sound = noise.slice(0, count);
    const { data } = createMelCodec(mel).analyse(sound);
    for (const workers of [0, 1, 3]) {
      const image = await analyseInThreads(sound, mel, { workers });
      expect([image.settings, image.frameCount]).toEqual([mel, data.length / 16]);
      expect(Buffer.from(image.data.buffer).equals(Buffer.from(data.buffer)), `${workers} threads`).toBe(true);
    }
  });

  it('leaves the sound as it was', async () => {
    const sound = noise.slice(0, 64 * 5000);
    await analyseInThreads(sound, mel, { workers: 2 });
    expect(sound).toEqual(noise.slice(0, 64 * 5000));
  });

  it('names a sample that is no number by its place in the whole sound', async () => {
    const sound = noise.slice(0, 64 * 5000);
    sound[64 * 4500] = Number.NaN;
    await expect(analyseInThreads(sound, mel, { workers: 2 })).rejects.toThrow(`mel codec: got NaN at sample ${64 * 4500}, expected finite samples`);
    await expect(analyseInThreads(new Float32Array(0), mel, { workers: 2 })).rejects.toThrow('no samples');
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    stop.abort(new Error('Ctrl-C'));
    await expect(analyseInThreads(noise, mel, { workers: 2, signal: stop.signal })).rejects.toThrow('Ctrl-C');
  });
});

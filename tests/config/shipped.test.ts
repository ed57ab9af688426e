// The configurations that come with Melstrom: all can be read; what the codecs for full bandwidth keep of a sound, in one channel and in two.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.js';
import { loadRunConfig } from '../../src/config/load.node.js';
import { imageChannels } from '../../src/config/mel-layout.js';
import { resolveOverrides } from '../../src/config/run-config.js';
import { rmsDb } from '../../src/dsp/loudness.js';
import { midSide } from '../../src/dsp/mid-side.js';
import { createImageCodec } from '../../src/spectrogram/image-codec.js';
import { createMelCodec } from '../../src/spectrogram/mel-codec.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { expectClose } from '../support/close.js';

const CONFIGS = [['stereo-44k', 44_100], ['stereo-48k', 48_000]] as const;
const load = (name: string): ReturnType<typeof loadRunConfig> => loadRunConfig(join(import.meta.dirname, '../../configs', `${name}.yaml`));

/** Half a second of noise up to half of the rate with a hit in it, louder on the left. */
function sound(sampleRateHz: number): readonly [Float32Array, Float32Array] {
  const count = sampleRateHz / 2;
  const noise = (name: string): Float32Array => createRandom(5, 'bandwidth', name).normals(count);
  const [common, left, right] = ['common', 'left', 'right'].map(noise);
  const level = (index: number): number => 0.02 + 0.2 * Math.exp(-(Math.max(0, index - count / 4) / sampleRateHz) * 20) * (index >= count / 4 ? 1 : 0);
  return [common.map((sample, index) => level(index) * (sample + 0.3 * left[index])), common.map((sample, index) => level(index) * (0.6 * sample + 0.3 * right[index]))];
}

it.each(readdirSync(join(import.meta.dirname, '../../configs')))('configs/%s is complete and without contradiction', async (file) => {
  const { name } = await load(file.replace(/\.yaml$/, ''));
  expect(`${name}.yaml`).toBe(file);
});

it('configs/notes.yaml lets slices begin at every frame of a latent column', async () => {
  const { corpus: { sliceHopFrames }, vae } = await load('notes');
  const frames = 2 ** (vae!.network.block_out_channels.length - 1);
  expect(new Set(Array.from({ length: frames }, (_, slice) => (slice * sliceHopFrames!) % frames)).size).toBe(frames);
});

describe.each(CONFIGS)('configs/%s.yaml', (name, sampleRateHz) => {
  it('reaches up to half of its rate, and its networks see the three channels of stereo', async () => {
    const { mel } = await load(name);
    expect([mel.sampleRateHz, mel.channels, mel.maxHz]).toEqual([sampleRateHz, 2, sampleRateHz / 2]);
    expect(imageChannels(mel)).toBe(3);
  });

  it.each([1, 2] as const)("keeps level, mono sum and width within 0.5 dB, and the cells of mid within 1.2 dB and of side within 2 dB, in the codec's own round trip: %d channel(s)", async (channels) => {
    const { mel } = resolveOverrides(await load(name), [`mel.channels=${channels}`]);
    const original = sound(sampleRateHz).slice(0, channels);
    const image = createImageCodec(mel).analyse(original);
    const got = createGriffinLimVocoder(mel, { iterations: 16 }).invert(image, { seed: 1, sampleCount: original[0].length }).channels;
    expect(got.length).toBe(channels);
    original.forEach((signal, channel) => expectClose(rmsDb(got[channel]), rmsDb(signal), { absolute: 0.5 }));
    const parts = (signals: readonly Float32Array[]): readonly Float32Array[] => (channels === 1 ? signals : midSide(signals[0], signals[1]));
    const codec = createMelCodec({ ...mel, channels: 1 });
    parts(original).forEach((signal, part) => {
      const made = parts(got)[part];
      expectClose(rmsDb(made), rmsDb(signal), { absolute: 0.5 });
      const [before, after] = [signal, made].map((each) => codec.toDb(codec.analyse(each)));
      expect(before.reduce((sum, db, cell) => sum + Math.abs(db - after[cell]), 0) / before.length).toBeLessThan(part === 0 ? 1.2 : 2); // measured for side 1.6: it follows the mid in part, under whose cells it fluctuates by itself
    });
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createClip, durationSeconds, frameCountOf } from '../../src/audio/clip.js';
import { downmix, type DownmixRule } from '../../src/audio/downmix.js';
import { encodeWav } from '../../src/audio/encode-wav.js';
import { loadMono, streamMono } from '../../src/audio/load.node.js';
import { createResampler, joinBlocks, resampleClip } from '../../src/audio/resample.js';
import { chirpSnrDb } from './chirp.js';

const left = Float32Array.of(1, 0, -0.5);
const right = Float32Array.of(0, 1, 0.5);
const third = Float32Array.of(0.5, 0.5, 0);

describe('downmix', () => {
  it.each<[DownmixRule, number[]]>([
    ['mean', [0.5, 0.5, 0]],
    ['left', [1, 0, -0.5]],
    ['right', [0, 1, 0.5]],
    ['mid', [0.5, 0.5, 0]],
    ['side', [0.5, -0.5, -0.5]],
  ])('%s', (rule, expected) => {
    expect(Array.from(downmix([left, right], rule))).toEqual(expected);
    if (rule !== 'side') expect(downmix([left], rule)).toEqual(left);
  });

  it('averages any number of channels, and takes the first two for the rules of stereo', () => {
    expect(Array.from(downmix([left, right, third], 'mean'))).toEqual([0.5, 0.5, 0]);
    expect(Array.from(downmix([left, right, third], 'mid'))).toEqual([0.5, 0.5, 0]);
  });

  it('refuses the side of a mono sound, no channels, and an unknown rule', () => {
    expect(() => downmix([left], 'side')).toThrow(/one channel/);
    expect(() => downmix([], 'mean')).toThrow(/no channel/);
    expect(() => downmix([left, right], 'middle' as DownmixRule)).toThrow(/got 'middle', expected one of mean/);
  });
});

describe('clips', () => {
  it('have a rate, a length and a duration', () => {
    const clip = createClip(4, [left, right]);
    expect(frameCountOf(clip)).toBe(3);
    expect(durationSeconds(clip)).toBe(0.75);
    expect(() => createClip(4, [left, Float32Array.of(1)])).toThrow(/lengths 3 and 1/);
    expect(() => createClip(4, [])).toThrow(/channel count/);
    expect(() => createClip(0, [left])).toThrow(/sampleRateHz/);
  });

  it('change their rate whole and in blocks alike, every channel by itself', async () => {
    const channels = [Float32Array.from({ length: 900 }, (_, index) => Math.sin(index * 0.1)), new Float32Array(900).fill(0.25)];
    const clip = await resampleClip(createClip(48_000, channels), 22_050);
    expect(clip.sampleRateHz).toBe(22_050);
    const resampler = await createResampler({ fromHz: 48_000, toHz: 22_050, channelCount: 2 });
    const parts = [resampler.process(channels.map((channel) => channel.subarray(0, 500))), resampler.process(channels.map((channel) => channel.subarray(500))), resampler.flush()];
    expect(clip.channels).toEqual([0, 1].map((channel) => joinBlocks(parts.map((part) => part[channel]))));
    expect(await resampleClip(clip, 22_050)).toBe(clip);
  });
});

describe('loadMono', () => {
  it('decodes, downmixes and resamples in place', async () => {
    const path = fileURLToPath(new URL('fixtures/chirp.flac', import.meta.url));
    const samples = await loadMono(path, { sampleRateHz: 22_050, downmix: 'left' });
    expect(samples.length).toBe(6500);
    expect(chirpSnrDb(samples, { rateHz: 22_050, channel: 0, edge: 300 })).toBeGreaterThan(80);
    const blocks: Float32Array[] = [];
    for await (const block of streamMono(path, { sampleRateHz: 22_050, downmix: 'left' })) blocks.push(block);
    expect(joinBlocks(blocks)).toEqual(samples);
  });

  it.each(['chirp-no-info.mp3', 'chirp.opus'])('gives %s whole, whatever its header tells of the length', async (name) => {
    const path = fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
    const blocks: Float32Array[] = [];
    for await (const block of streamMono(path, { sampleRateHz: 32_000, downmix: 'mean' })) blocks.push(block);
    expect(await loadMono(path, { sampleRateHz: 32_000, downmix: 'mean' })).toEqual(joinBlocks(blocks));
  });

  it('names the file whose channels do not fit the rule', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'melstrom-mono-'));
    const path = join(folder, 'mono.wav');
    await writeFile(path, await encodeWav(createClip(22_050, [left]), { bitDepth: 16 }));
    await expect(loadMono(path, { sampleRateHz: 22_050, downmix: 'side' })).rejects.toMatchObject({ kind: 'data', where: path });
    await rm(folder, { recursive: true });
  });
});

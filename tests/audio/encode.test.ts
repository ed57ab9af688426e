import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClip } from '../../src/audio/clip.js';
import { decodeFile } from '../../src/audio/decode.node.js';
import { encodeWav, writeWav } from '../../src/audio/encode.node.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'melstrom encode é 🎵 '));
});
afterAll(() => rm(folder, { recursive: true }));

const DEPTHS = [16, 24, 32] as const;
const sine = Float32Array.from({ length: 4001 }, (_, index) => 0.9 * Math.sin(index * 0.05));
const clipOf = (...channels: Float32Array[]): ReturnType<typeof createClip> => createClip(22_050, channels);

let fileCount = 0;
async function throughFile(clip: ReturnType<typeof clipOf>, options: Parameters<typeof encodeWav>[1]): Promise<ReturnType<typeof clipOf>> {
  fileCount += 1;
  const path = join(folder, `${fileCount}.wav`);
  await writeFile(path, await encodeWav(clip, options));
  return decodeFile(path);
}

const worstOf = (a: Float32Array, b: Float32Array): number => a.reduce((worst, value, index) => Math.max(worst, Math.abs(value - b[index])), 0);

describe('encodeWav', () => {
  it.each([
    [16, 1.5 / 32768],
    [24, 0.51 / 8388608 + 2 ** -25],
    [32, 0],
  ] as const)('%i bits come back within the width of a step', async (bitDepth, tolerance) => {
    const back = await throughFile(clipOf(sine, sine.map((value) => -value / 2)), { bitDepth });
    expect(back.sampleRateHz).toBe(22_050);
    expect(back.channels.length).toBe(2);
    expect(worstOf(back.channels[0], sine)).toBeLessThanOrEqual(tolerance);
    expect(worstOf(back.channels[1], sine.map((value) => -value / 2))).toBeLessThanOrEqual(tolerance);
  });

  it('keeps 16-bit sound bit for bit, both ends of the scale and silence included', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -32768, max: 32767 }), { minLength: 1, maxLength: 50 }), async (steps) => {
        const samples = Float32Array.from(steps, (step) => step / 32768);
        for (const bitDepth of DEPTHS) expect((await throughFile(clipOf(samples), { bitDepth })).channels[0]).toEqual(samples);
      }),
      { numRuns: 20 },
    );
  });

  it('dithers 16 bits: a tone below one step survives, the error has the noise power of triangular dither, the seed decides', async () => {
    const quiet = Float32Array.from({ length: 50_000 }, (_, index) => (0.4 / 32768) * Math.sin(index * 0.1));
    const [back] = (await throughFile(clipOf(quiet), { bitDepth: 16, seed: 3 })).channels;
    const correlation = back.reduce((sum, value, index) => sum + value * quiet[index], 0) / quiet.reduce((sum, value) => sum + value * value, 0);
    expect(correlation).toBeGreaterThan(0.9);
    expect(correlation).toBeLessThan(1.1);
    const errorPower = back.reduce((sum, value, index) => sum + ((value - quiet[index]) * 32768) ** 2, 0) / quiet.length;
    expect(errorPower).toBeGreaterThan(0.23); // 1/6 from the dither, 1/12 from rounding
    expect(errorPower).toBeLessThan(0.27);
    const bytes = await encodeWav(clipOf(quiet), { bitDepth: 16, seed: 3 });
    expect(await encodeWav(clipOf(quiet), { bitDepth: 16, seed: 3 })).toEqual(bytes);
    expect(await encodeWav(clipOf(quiet), { bitDepth: 16, seed: 4 })).not.toEqual(bytes);
  });

  it('refuses to clip and names the peak, normalises when told to, and leaves float alone', async () => {
    const loud = clipOf(Float32Array.of(0.5, -1.25));
    for (const bitDepth of [16, 24] as const) {
      await expect(encodeWav(loud, { bitDepth })).rejects.toThrow(/a peak of 1\.2500 \(1\.94 dBFS\)/);
      const back = await throughFile(loud, { bitDepth, onClip: 'normalise' });
      expect(worstOf(back.channels[0], Float32Array.of(0.4, -1))).toBeLessThan(2 / 32768);
    }
    expect((await throughFile(loud, { bitDepth: 32 })).channels[0]).toEqual(loud.channels[0]);
  });

  it('refuses values that are not finite', async () => {
    for (const bitDepth of DEPTHS) await expect(encodeWav(clipOf(Float32Array.of(0, NaN)), { bitDepth })).rejects.toThrow('WAV: got NaN at sample 1 of channel 0');
  });

  it('pads an odd number of bytes, as the format asks', async () => {
    const bytes = await encodeWav(clipOf(Float32Array.of(0.5)), { bitDepth: 24 });
    expect(bytes.length).toBe(48);
    expect(new DataView(bytes.buffer).getUint32(4, true)).toBe(40);
  });
});

describe('writeWav', () => {
  it('replaces a file only when told to, and leaves nothing else behind', async () => {
    const place = join(folder, 'write');
    await mkdir(place);
    const path = join(place, 'sound ü 🥁.wav');
    await writeWav(path, clipOf(sine), { bitDepth: 16 });
    const first = await readFile(path);
    await expect(writeWav(path, clipOf(sine), { bitDepth: 24 })).rejects.toMatchObject({ kind: 'usage', where: path, got: 'a file that is already there' });
    expect(await readFile(path)).toEqual(first);
    await writeWav(path, clipOf(sine), { bitDepth: 24, force: true });
    expect(await readFile(path)).not.toEqual(first);
    await expect(writeWav(join(place, 'loud.wav'), clipOf(Float32Array.of(2)), { bitDepth: 16 })).rejects.toMatchObject({ where: join(place, 'loud.wav') });
    expect(await readdir(place)).toEqual(['sound ü 🥁.wav']);
  });

  it('says why a file cannot be written', async () => {
    await expect(writeWav(join(folder, 'nowhere', 'a.wav'), clipOf(sine), { bitDepth: 16 })).rejects.toMatchObject({ kind: 'data', got: /folder does not exist/ });
    const locked = join(folder, 'locked');
    await mkdir(locked);
    await chmod(locked, 0o500);
    // The superuser may write everywhere.
    if (process.getuid?.() !== 0) await expect(writeWav(join(locked, 'a.wav'), clipOf(sine), { bitDepth: 16 })).rejects.toMatchObject({ got: /permission denied/ });
    const taken = join(folder, 'taken.wav');
    await mkdir(taken);
    await expect(writeWav(taken, clipOf(sine), { bitDepth: 16, force: true })).rejects.toMatchObject({ kind: 'data', where: taken });
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeWav } from '../../src/audio/encode.node.js';
import { loadMono } from '../../src/audio/load.node.js';
import { readSpans } from '../../src/audio/spans.node.js';

const RATE_HZ = 8000;
const load = { sampleRateHz: RATE_HZ, downmix: 'mean' } as const;
const folder = mkdtempSync(join(tmpdir(), 'melstrom spans é '));
const path = join(folder, 'ramp.wav');
let whole: Float32Array;
beforeAll(async () => {
  const samples = Float32Array.from({ length: 200_000 }, (_, index) => Math.sin(index / 7) * (index / 400_000));
  await writeWav(path, { sampleRateHz: RATE_HZ, channels: [samples] }, { bitDepth: 32 });
  whole = await loadMono(path, load);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function spansOf(starts: readonly number[], sampleCount: number): Promise<Float32Array[]> {
  const spans: Float32Array[] = [];
  for await (const samples of readSpans(path, { ...load, starts, sampleCount })) spans.push(samples);
  return spans;
}

describe('readSpans', () => {
  it.each([
    ['apart, at both ends and across blocks', [0, 65_000, 130_990, 199_000], 1000],
    ['overlapping', [10, 300, 700], 1000],
    ['longer than a block', [5, 20_000], 150_000],
  ])('gives what a slice of the whole file gives: %s', async (_what, starts, sampleCount) => {
    expect(await spansOf(starts, sampleCount)).toEqual(starts.map((start) => whole.slice(start, start + sampleCount)));
  });

  it('fills with silence beyond the end', async () => {
    const [half, none] = await spansOf([199_500, 250_000], 1000);
    expect(half.subarray(0, 500)).toEqual(whole.subarray(199_500));
    expect([...half.subarray(500)].every((sample) => sample === 0)).toBe(true);
    expect(none).toEqual(new Float32Array(1000));
  });

  it('names a file that cannot be read', async () => {
    await expect(readSpans(join(folder, 'nowhere.wav'), { ...load, starts: [0], sampleCount: 1 }).next()).rejects.toThrow(/nowhere\.wav: no such file/);
  });
});

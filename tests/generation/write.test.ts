import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/audio/decode.node.js';
import type { GeneratedClip, Sidecar } from '../../src/generation/index.js';
import { planOutput, writeClip, writeGenerated, type WrittenClip } from '../../src/generation/write.node.js';
import { decodeMelPng } from '../../src/spectrogram/png.js';
import { SMALL_MEL } from '../pipeline/small-pipeline.js';
import { expectClose } from '../support/close.js';

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'melstrom clips é🥁-'));
  folder = join(root, 'out', 'clips');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const sidecar: Sidecar = {
  operation: 'generate', label: 'kick', prompt: null, negativePrompt: null, seed: 1, sampler: 'ddim', spacing: 'trailing', steps: 3, upscaler: null, guidance: 2, guidanceRescale: 0, guidanceInterval: [0, 1], levelSteps: 0, eta: 0, precision: 'float32', vocoder: 'v', inversion: { spectralConvergenceDb: -30, levelDifferenceDb: 0 }, frameCount: 4, sampleRateHz: 8000,
  durationSeconds: 0.01, isLoop: false, tempo: null, overlap: null, batch: { limit: 16, size: 2, index: 0 }, hashes: { model: 'm', codec: 'c', settings: 's' }, engine: { name: 'e', tensorflowJs: '4' }, version: '0.1.0',
};

function clipOf(index: number, peak = 0.5): GeneratedClip {
  const samples = Float32Array.from({ length: 80 }, (_, at) => peak * Math.sin(at / 3));
  samples[7] = peak;
  const image = { settings: SMALL_MEL, frameCount: 4, data: Float32Array.from({ length: 32 }, (_, at) => at / 16 - 1) };
  return { index, image, clip: { sampleRateHz: 8000, channels: [samples] }, seed: index + 1, label: 0, sidecar: { ...sidecar, seed: index + 1 } };
}

async function* clipsOf(...clips: GeneratedClip[]): AsyncGenerator<GeneratedClip> {
  yield* clips;
}

async function* failing(): AsyncGenerator<GeneratedClip> {
  yield clipOf(0);
  throw new Error('stopped');
}

async function collect(written: AsyncIterable<WrittenClip>): Promise<WrittenClip[]> {
  const all: WrittenClip[] = [];
  for await (const one of written) all.push(one);
  return all;
}

const pipeline = { labels: ['kick'] };
const request = { seeds: [1, 2], labels: [0, 0] };

describe('writeGenerated', () => {
  it('writes WAV, JSON and PNG under the planned names', async () => {
    const names = await planOutput(folder, pipeline, request, { png: true });
    const written = await collect(writeGenerated(folder, names, clipsOf(clipOf(0), clipOf(1)), { png: true, bitDepth: 24 }));
    expect(readdirSync(folder).sort()).toEqual(['json', 'png', 'wav'].map((extension) => `kick-0001-seed1.${extension}`).concat(['json', 'png', 'wav'].map((extension) => `kick-0002-seed2.${extension}`)));
    const clip = await decodeFile(written[1].wav);
    expectClose(clip.channels[0], clipOf(1).clip.channels[0], { absolute: 2 ** -22 });
    expect(JSON.parse(readFileSync(written[1].json, 'utf8'))).toEqual({
      file: 'kick-0002-seed2.wav', run: null, ...sidecar, seed: 2, bitDepth: 24, gainDb: 0, sha256: createHash('sha256').update(readFileSync(written[1].wav)).digest('hex'),
    });
    expectClose(decodeMelPng(readFileSync(written[0].png!), 'png').data, clipOf(0).image.data, { absolute: 2e-5 });
  });

  it.each([16, 24, 32] as const)('writes %d bits, the same bytes each time', async (bitDepth) => {
    const write = async (name: string): Promise<Buffer> => readFileSync((await writeClip(root, name, clipOf(0), { bitDepth })).wav);
    expect(await write('a')).toEqual(await write('b'));
  });

  it('turns down what is beyond full scale, and says so; floating point keeps it', async () => {
    const loud = await writeClip(root, 'loud', clipOf(0, 2), { bitDepth: 16 });
    expectClose(loud.gainDb, -20 * Math.log10(2), { absolute: 1e-6 });
    expect((JSON.parse(readFileSync(loud.json, 'utf8')) as { gainDb: number }).gainDb).toBe(loud.gainDb);
    expectClose(Math.max(...(await decodeFile(loud.wav)).channels[0]), 1, { absolute: 1e-4 });
    const kept = await writeClip(root, 'kept', clipOf(0, 2), { bitDepth: 32 });
    expect(kept.gainDb).toBe(0);
    expectClose(Math.max(...(await decodeFile(kept.wav)).channels[0]), 2);
  });

  it('refuses what is already there before anything is drawn, unless forced', async () => {
    const names = await planOutput(folder, pipeline, request);
    writeFileSync(join(folder, `${names[1]}.json`), 'mine');
    await expect(planOutput(folder, pipeline, request)).rejects.toThrow(/seed2\.json.*already there/);
    await expect(writeClip(folder, names[1], clipOf(1))).rejects.toThrow('already there');
    expect(readdirSync(folder)).toEqual([`${names[1]}.json`]);
    expect(readFileSync(join(folder, `${names[1]}.json`), 'utf8')).toBe('mine');
    expect(await planOutput(folder, pipeline, request, { force: true })).toEqual(names);
    await writeClip(folder, names[1], clipOf(1), { force: true });
    expect(readFileSync(join(folder, `${names[1]}.json`), 'utf8')).toContain('"seed": 2');
  });

  it('leaves neither part of a clip when one cannot be written', async () => {
    mkdirSync(join(root, 'clip.wav'));
    await expect(writeClip(root, 'clip', clipOf(0), { force: true })).rejects.toThrow('clip.wav');
    expect(existsSync(join(root, 'clip.json'))).toBe(false);
    const broken = clipOf(1);
    broken.clip.channels[0][3] = Number.NaN;
    await expect(writeClip(root, 'broken', broken)).rejects.toThrow('NaN');
    expect(readdirSync(root)).toEqual(['clip.wav']);
  });

  it('keeps the clips written before a failure', async () => {
    await expect(collect(writeGenerated(root, ['one', 'two'], failing()))).rejects.toThrow('stopped');
    expect(readdirSync(root).sort()).toEqual(['one.json', 'one.wav']);
  });

  it('says at once when the folder cannot be', async () => {
    writeFileSync(join(root, 'file'), '');
    await expect(planOutput(join(root, 'file', 'clips'), pipeline, request)).rejects.toThrow('file');
  });
});

// An embedding by two small ONNX networks against numpy, and what is refused.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { openOnnxEmbedding } from '../../src/evaluation/onnx-embedding.node.js';
import { expectClose } from '../support/close.js';

const fixtures = fileURLToPath(new URL('fixtures/onnx', import.meta.url));
const text = readFileSync(join(fixtures, 'embedding.yaml'), 'utf8');
const expected = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8')) as Record<'signal' | 'mean' | 'deviation', number[]>;
const folder = mkdtempSync(join(tmpdir(), 'melstrom-onnx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
for (const name of ['frames.onnx', 'embed.onnx']) copyFileSync(join(fixtures, name), join(folder, name));

/** The fixture's description with one thing changed. */
function changed(from: string | RegExp, to: string): string {
  const path = join(folder, 'changed.yaml');
  writeFileSync(path, text.replace(from, to));
  return path;
}

describe('ONNX embedding', () => {
  const signal = Float32Array.from(expected.signal);

  it('runs networks one after the other as numpy does, in windows, scaled and pooled', async () => {
    const embedding = await openOnnxEmbedding(join(fixtures, 'embedding.yaml'));
    expect(embedding).toMatchObject({ name: 'fixture', sampleRateHz: 8000 });
    expect(embedding.description).toMatch(/frames\.onnx \(SHA-256 [0-9a-f]{16}.*then embed\.onnx.*3 frames at a time, 2 apart.*mean-and-deviation/);
    expectClose(await embedding.embed(signal), [...expected.mean, ...expected.deviation], { absolute: 1e-4, reason: 'float32' });
    const mean = await openOnnxEmbedding(changed('pool: mean-and-deviation', 'pool: mean'));
    expectClose(await mean.embed(signal), expected.mean, { absolute: 1e-4, reason: 'float32' });
  });

  it('adds the same noise to every clip, and fills short clips with silence', async () => {
    const noisy = await openOnnxEmbedding(changed('pool:', 'noiseSigma: 0.01\nleastSeconds: 0.0045\npool:'));
    const silence = await noisy.embed(new Float32Array(36));
    expect(silence).toEqual(await noisy.embed(new Float32Array(4)));
    expect(silence).not.toEqual(await (await openOnnxEmbedding(join(fixtures, 'embedding.yaml'))).embed(new Float32Array(36)));
  });

  it.each([
    ['another network', /sha256: \w+/, `sha256: ${'a'.repeat(64)}`, /frames\.onnx: got SHA-256 [0-9a-f]{64}, expected a{64}/],
    ['an unknown key', 'pool:', 'pol:', /changed\.yaml: got .*pol/],
    ['a missing network', 'model: embed.onnx', 'model: none.onnx', /stages\.model: got 'none\.onnx', which can't be read/],
    ['what is no network', 'model: embed.onnx', 'model: changed.yaml', /changed\.yaml: got .*expected a network that the ONNX runtime reads/],
  ])('refuses %s', async (_, from, to, message) => {
    await expect(openOnnxEmbedding(changed(from, to))).rejects.toThrow(message);
  });

  it('names the input whose shape is wrong', async () => {
    const embedding = await openOnnxEmbedding(changed('frames: 3', 'frames: 2'));
    await expect(embedding.embed(signal)).rejects.toThrow(/embed\.onnx: got .*expected input 'window' of shape \[1, 2, 4\]/);
  });
});

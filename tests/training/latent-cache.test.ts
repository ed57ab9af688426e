import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs';
import { silentReporter } from '../../src/base/logger.js';
import { deriveNetworks } from '../../src/config/derive.js';
import { createAutoencoderKL, type AutoencoderKL } from '../../src/models/index.js';
import { imagesToTensor } from '../../src/training/corpus-source.js';
import { openLatentCache, type LatentCacheOptions } from '../../src/training/latent-cache.node.js';
import { expectClose } from '../support/close.js';
import { useEngine } from '../support/engine.js';
import { tinyConfig, tinyCorpus } from './_tiny-run.js';

useEngine();

const config = tinyConfig();
const STANDARD = { scale: 2, shift: 0.5 };

let folder: string;
let vae: AutoencoderKL;
let encodedCount: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'melstrom latents '));
  encodedCount = 0;
  const network = createAutoencoderKL(deriveNetworks(config, 2).vae, { seed: 1 });
  vae = { ...network, encode: (image) => ((encodedCount += image.shape[0]), network.encode(image)) };
});
afterEach(() => {
  vae.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const open = (over: Partial<LatentCacheOptions> = {}) =>
  openLatentCache({
    path: join(folder, 'latents.f32'), vae, kind: 'kl', corpus: tinyCorpus(config), augment: { gainDb: 0, shiftFrames: 0 }, seed: 1, batchSize: 4,
    balanceLabels: false, key: 'a', reporter: silentReporter, ...over,
  });

describe('the latent cache', () => {
  it('is made once, again for another key, and again when cut short', async () => {
    (await open())!.close();
    expect(encodedCount).toBe(14);
    (await open())!.close();
    expect(encodedCount).toBe(14);
    (await open({ key: 'b' }))!.close();
    expect(encodedCount).toBe(28);
    truncateSync(join(folder, 'latents.f32'), 100);
    (await open({ key: 'b' }))!.close();
    expect(encodedCount).toBe(42);
    expect(readdirSync(folder).sort()).toEqual(['latents.f32', 'latents.f32.json']);
  });

  it('gives standardised samples of the posterior: every slice once per epoch, noise anew at each pass', async () => {
    const corpus = tinyCorpus(config);
    const cache = (await open())!;
    const source = cache.source(STANDARD);
    const seen: number[] = [];
    for (let pass = 0; pass < 5; pass += 1) {
      const { clean, labels, indices } = await source.draw(pass, 2);
      for (const [item, index] of Array.from(indices).entries()) {
        const { image, label, fill } = await corpus.slice('train', index);
        seen.push(index);
        expect(labels[item]).toBe(label);
        const expected = tf.tidy(() => {
          const { mean, logVariance } = vae.encode(imagesToTensor({ images: image, labels: Int32Array.of(label), fills: Float32Array.of(fill), indices: [index] }, corpus.mel));
          return { mean: mean.dataSync(), deviation: tf.exp(tf.mul(logVariance, 0.5)).dataSync() };
        });
        const drawn = tf.tidy(() => tf.slice(clean, [item, 0, 0, 0], [1, -1, -1, -1]).dataSync<'float32'>());
        const noise = drawn.map((value, at) => (value / STANDARD.scale + STANDARD.shift - expected.mean[at]) / expected.deviation[at]);
        const power = noise.reduce((sum, value) => sum + value * value, 0) / noise.length;
        expectClose(power, 1, { absolute: 0.6, reason: '64 standard normal draws' });
      }
      clean.dispose();
    }
    expect(seen.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const [one, again, other] = await Promise.all([source.draw(0, 2), source.draw(0, 2), source.draw(5, 10)]);
    expect(again.clean.dataSync()).toEqual(one.clean.dataSync());
    expect(Array.from(other.indices)).toHaveLength(10);
    tf.dispose([one.clean, again.clean, other.clean]);
    cache.close();
  });

  it('uses means alone for the plain autoencoder, and balances labels when told to', async () => {
    const cache = (await open({ kind: 'plain', balanceLabels: true, corpus: { ...tinyCorpus(config, { trainCount: 9 }) } }))!;
    const source = cache.source({ scale: 1, shift: 0 });
    const { clean, labels } = await source.draw(0, 8);
    expect(Array.from(labels).filter((label) => label === 1)).toHaveLength(4);
    const fixed: number[] = [];
    for await (const batch of source.fixed(3, 4)) {
      fixed.push(batch.labels.length);
      batch.clean.dispose();
    }
    expect(fixed).toEqual([3, 1]);
    clean.dispose();
    cache.close();
  });

  it('encodes augmented copies of the training slices', async () => {
    const cache = (await open({ augment: { gainDb: 6, shiftFrames: 2 } }))!;
    expect(encodedCount).toBe(8 * 10 + 4);
    cache.close();
  });

  it('stops at the signal and leaves nothing behind', async () => {
    const before = tf.memory().numTensors;
    expect(await open({ signal: AbortSignal.abort() })).toBeNull();
    expect(existsSync(join(folder, 'latents.f32'))).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

// Which engine starts, and what it says when it is not the one hoped for.
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { currentEngine, describeEngine } from '../../src/engine/engine-info.js';
import { hasEngine } from '../../src/engine/setup/set-up.node.js';
import { startEngine } from '../../src/engine/start.node.js';
import { useTemporaryCache } from './temporary-cache.js';

const kept = process.env.MELSTROM_ENGINE;
afterEach(() => {
  if (kept === undefined) delete process.env.MELSTROM_ENGINE;
  else process.env.MELSTROM_ENGINE = kept;
});

const product = (): number[] => [...tf.tidy(() => tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.eye(2)).flatten()).dataSync()];

describe('startEngine', () => {
  it('falls back to wasm where nothing is set up, and says why', async () => {
    const cache = useTemporaryCache();
    try {
      const info = await startEngine('auto');
      expect(info).toMatchObject({ name: 'wasm', isNative: false, hasFusedKernels: false });
      expect(info.reason).toContain('melstrom setup');
      expect(currentEngine()).toEqual(info);
      expect(tf.getBackend()).toBe('wasm');
      expect(product()).toEqual([1, 2, 3, 4]);
      await expect(startEngine('tensorflow')).rejects.toMatchObject({ kind: 'engine', where: 'engine tensorflow' });
    } finally {
      cache.remove();
    }
  });

  it('starts the engine that the environment names', async () => {
    process.env.MELSTROM_ENGINE = 'cpu';
    expect(await startEngine('auto')).toMatchObject({ name: 'cpu', isNative: false });
    expect(tf.getBackend()).toBe('cpu');
    expect(product()).toEqual([1, 2, 3, 4]);
  });

  it('refuses an unknown name in the environment', async () => {
    process.env.MELSTROM_ENGINE = 'tensorflou';
    await expect(startEngine('auto')).rejects.toThrow(/MELSTROM_ENGINE: got 'tensorflou', expected auto, tensorflow, wasm, cpu/);
  });

  it.runIf(hasEngine('tensorflow'))('starts the native engine (skipped where it is not set up)', async () => {
    const info = await startEngine('tensorflow');
    expect(info).toMatchObject({ name: 'tensorflow', isNative: true });
    expect(info.version).toMatch(/^2\./);
    expect(tf.getBackend()).toBe('tensorflow');
    expect(product()).toEqual([1, 2, 3, 4]);
    expect(await startEngine('tensorflow')).toBe(info);
  });
});

describe('describeEngine', () => {
  const info = { name: 'tensorflow', version: '2.21.0', threads: 2, isNative: true, hasFusedKernels: true, isUsingGpu: false } as const;
  it('says in one line what matters', () => {
    expect(describeEngine(info)).toBe('tensorflow 2.21.0, 2 threads, fused kernels');
    expect(describeEngine({ ...info, isUsingGpu: true, hasFusedKernels: false })).toBe('tensorflow 2.21.0, 2 threads, GPU, no fused kernels');
    expect(describeEngine({ ...info, name: 'wasm', version: '4', threads: 1, isNative: false })).toBe('wasm 4, 1 thread');
  });
});

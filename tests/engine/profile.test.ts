// The profile counts what was run, adds up, and leaves the engine as it was.
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { conv2d } from '../../src/engine/ops/index.js';
import { isProduct, productShare, recordProfile } from '../../src/engine/profile.js';
import { startEngine } from '../../src/engine/start.node.js';
import { useEngine } from '../support/engine.js';

useEngine();

function work(): number {
  return tf.tidy(() => {
    const x = tf.ones([2, 8, 8, 4]) as tf.Tensor4D;
    const kernel = tf.ones([3, 3, 4, 4]) as tf.Tensor4D;
    return tf.sum(tf.sqrt(conv2d(x, kernel, null, { padding: 'same' }))).dataSync()[0];
  });
}

describe.each(['auto', 'cpu'] as const)('the profile on engine %s', (engine) => {
  it('names every kind with its calls, and its times fit into the whole', async () => {
    await startEngine(engine);
    const alone = work();
    const recording = recordProfile();
    expect(work()).toBe(alone);
    tf.tensor1d([1, 2]).dispose();
    const profile = recording.stop();
    const calls = new Map(profile.operations.map(({ kind, calls: count }) => [kind, count]));
    expect(calls.get('Sqrt')).toBe(1);
    expect(profile.operations.some(({ kind }) => isProduct(kind))).toBe(true);
    const inside = profile.operations.reduce((sum, { milliseconds }) => sum + milliseconds, profile.uploadMilliseconds + profile.fetchMilliseconds);
    expect(inside).toBeLessThanOrEqual(profile.wallMilliseconds);
    expect(profile.operations.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
    expect(profile.fetchMilliseconds).toBeGreaterThan(0);
    const share = productShare(profile);
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(1);
    await startEngine('auto');
  });

  it('ends once, and sees nothing afterwards', async () => {
    await startEngine(engine);
    const first = recordProfile();
    work();
    const profile = first.stop();
    const second = recordProfile();
    work();
    expect(first.stop()).toBe(profile); // and does not end the second
    work();
    const twice = new Map(second.stop().operations.map(({ kind, calls }) => [kind, calls]));
    expect(profile.operations.map(({ kind, calls }) => [kind, 2 * calls])).toEqual(profile.operations.map(({ kind }) => [kind, twice.get(kind)]));
    await startEngine('auto');
  });
});

it('knows products by their names', () => {
  for (const kind of ['Conv2D', 'Conv2DBackpropFilter', 'Conv2DBackpropInput', 'BatchMatMulV2', 'BatchMatMul', '_FusedConv2D', 'FusedMatMul', 'MelstromConv2d', 'MelstromWinogradKernelGrad', 'MelstromAttentionGrad']) expect(isProduct(kind)).toBe(true);
  for (const kind of ['Cast', 'MelstromAddBias', 'MelstromGroupNorm', 'Softmax', 'Mul']) expect(isProduct(kind)).toBe(false);
});

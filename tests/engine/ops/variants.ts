// The two ways an operation can be computed, and when one of them can't be tried.
import * as tf from '@tensorflow/tfjs';
import { beforeEach, afterEach, type TestContext } from 'vitest';
import { allowNativeKernels, hasNativeKernel } from '../../../src/engine/ops/index.js';
import { createRandom } from '../../../src/base/random.js';
import { grid, type Grid } from './oracles.js';

export const VARIANTS = ['native', 'composed'] as const;
export type Variant = (typeof VARIANTS)[number];

/** Chooses the variant for each test of the block; skips native tests, with the reason, where the kernels are not loaded. */
export function useVariant(variant: Variant): void {
  beforeEach((context: TestContext) => {
    allowNativeKernels(variant === 'native');
    if (variant === 'native' && !hasNativeKernel('GroupNorm')) context.skip('the native kernels are not loaded: run `melstrom setup`');
  });
  afterEach(() => allowNativeKernels(true));
}

/** Lets each test of the block take the path of a GPU: composed operations and TensorFlow's own, on whatever device there is. */
export function takeGpuPath(): void {
  const backend = (): { isUsingGpuDevice: boolean } => tf.backend() as unknown as { isUsingGpuDevice: boolean };
  let before = false;
  beforeEach(() => {
    before = backend().isUsingGpuDevice;
    backend().isUsingGpuDevice = true;
  });
  afterEach(() => {
    backend().isUsingGpuDevice = before;
  });
}

/** Seeded standard normal values, rounded to float32 so that both sides start equal. */
export function randomGrids(shapes: readonly (readonly number[])[], seed: number): Grid[] {
  return shapes.map((shape, index) => {
    const random = createRandom(seed, 'operation', index);
    return grid(shape, () => Math.fround(random.normal()));
  });
}

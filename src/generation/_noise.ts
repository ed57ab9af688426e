// The noise of a batch: for each network that draws, where it starts and what is added on its way.
import type * as tf from '@tensorflow/tfjs';
import { createRandom, type Random } from '../base/random.js';
import { drawNoise } from '../diffusion/samplers/sampler.js';
import type { SampleShape } from '../pipeline/pipeline.js';

/** Unit normal noise of one network. Memory: the caller's. */
export interface NetworkNoise {
  /** Shape: [B, H, W, C]. */
  readonly initial: tf.Tensor4D;
  /** Of what a sampler adds: one sequence per item, at its start. */
  readonly added: readonly Random[];
}

/** What noise is drawn for: where sampling starts, a sampler's steps, what is given. */
type NoiseUse = 'initial' | 'steps' | 'known';

/** The sequence of a seed. @param network 0 for the UNet, 1 for the upscaler */
export function noiseSequence(seed: number, network: number, use: NoiseUse): Random {
  if (network === 0) return createRandom(seed, 'noise', use);
  return use === 'initial' ? createRandom(seed, 'noise', 'upscaler') : createRandom(seed, 'noise', 'upscaler', use);
}

/** The noise of each network, an item's from its seed alone. Memory: the caller disposes. */
export function drawBatchNoise(seeds: readonly number[], shapes: readonly SampleShape[]): NetworkNoise[] {
  return shapes.map((shape, network) => ({
    initial: drawNoise(seeds.map((seed) => noiseSequence(seed, network, 'initial')), [seeds.length, ...shape]),
    added: seeds.map((seed) => noiseSequence(seed, network, 'steps')),
  }));
}

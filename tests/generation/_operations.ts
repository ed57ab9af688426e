// What tests of all operations share: one small pipeline's sounds, settings, and the samplers in turn.
import type { GeneratedClip, InputSound, OperationClip } from '../../src/generation/index.js';
import { createRandom } from '../../src/base/random.js';
import { SAMPLER_NAMES, type SamplerName } from '../../src/diffusion/index.js';
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { SMALL_MEL } from '../pipeline/small-pipeline.js';

export const vocoder = createGriffinLimVocoder(SMALL_MEL, { iterations: 2 });

/** A decaying tone with some noise, not the same for two numbers. */
export function sound(number: number, sampleCount = 900): InputSound {
  const random = createRandom(number, 'operation test');
  const samples = Float32Array.from({ length: sampleCount }, (_, index) => Math.exp(-index / 300) * (0.5 * Math.sin((index * (number + 3)) / 20) + 0.05 * random.normal()));
  return { sampleRateHz: SMALL_MEL.sampleRateHz, channels: [samples], file: `sound ${number}.wav` };
}

export async function collect<T extends GeneratedClip = OperationClip>(clips: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const clip of clips) all.push(clip);
  return all;
}

/** Every way to sample: the pipeline's own scheduler, the samplers, and ddim with fresh noise. */
export const SAMPLERS: readonly { readonly sampler: SamplerName | 'scheduler'; readonly eta?: number; readonly addsNoise: boolean }[] = [
  { sampler: 'scheduler', addsNoise: false },
  ...SAMPLER_NAMES.map((sampler) => ({ sampler, addsNoise: sampler === 'ddpm' || sampler === 'euler-ancestral' })),
  { sampler: 'ddim', eta: 0.7, addsNoise: true },
];

/** The network and the autoencoder round otherwise in another batch. */
export const ROUNDING = { absolute: 2e-4, reason: 'the network rounds otherwise in another batch' };

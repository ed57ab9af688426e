// One network drawing after a mix: from noise or part way, under a mask or none; and the way back to the noise.
import * as tf from '@tensorflow/tfjs';
import { ALL_NOISE } from '../diffusion/guidance.js';
import { heedKnown } from '../diffusion/heed-known.js';
import { invertDdim } from '../diffusion/inversion.js';
import { resampleKnown } from '../diffusion/known-region.js';
import { blend, withMask } from '../diffusion/masked-denoiser.js';
import { noisedStart } from '../diffusion/part-way.js';
import { planSampler, planScheduler } from '../diffusion/sampling-plan.js';
import { createNoiseSchedule } from '../diffusion/schedule.js';
import { keptChannels, seesKept } from '../pipeline/inpainting.js';
import { createMixedDenoiser, disposeMix, showBeside, type MixedCondition } from '../pipeline/mixed-denoiser.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { Heeding } from './_heeding.js';
import type { NetworkNoise } from './_noise.js';
import { mixedCondition, type SoundMix } from './mix.js';
import type { DrawSettings } from './request.js';

/** What every network of a batch is drawn after. */
export interface RedrawAsked {
  /** What is started from, and what a mask keeps; null at strength 1 without a mask. */
  readonly clean: tf.Tensor4D | null;
  /** 1 where it is drawn anew. Shape: [B, H, W, 1]. Default everywhere. */
  readonly mask?: tf.Tensor4D;
  /** How what is drawn under a mask is made to go with what is kept. Default not at all. */
  readonly heeding?: Pick<Heeding, 'heedRounds' | 'resamples'>;
  readonly mixes: readonly SoundMix[];
  /** Steps are counted from those that a strength leaves out, each with what is seen through the noise, if anything is. */
  readonly onStep?: (step: number, denoised?: tf.Tensor4D) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

interface NetworkBatch extends RedrawAsked {
  /** Mutates: the positions of its sequences. */
  readonly noise: NetworkNoise;
  /** What an upscaler sees: the small image, enlarged. */
  readonly beside?: tf.Tensor4D;
}

/** A sound whose noise is wanted. */
export interface InvertAsked {
  readonly clean: tf.Tensor4D;
  readonly mixes: readonly SoundMix[];
  /** As in invertDdim. */
  readonly corrections: number;
  readonly onStep: () => void;
  readonly signal?: AbortSignal;
}

export interface NetworkRedraw {
  /** Whether fresh noise of DDIM is heard, and whether any is added on the way. */
  readonly hasEta: boolean;
  readonly addsNoise: boolean;
  /** Memory: the caller disposes the result; what is given stays. */
  run(batch: NetworkBatch): Promise<tf.Tensor4D>;
  /** The noise that leads to a sample. Memory: the caller disposes. */
  invert(asked: InvertAsked & { readonly beside?: tf.Tensor4D }): Promise<tf.Tensor4D>;
}

const NO_HEEDING = { heedRounds: 0, resamples: 0 };

/** Plans the drawing of one network at a strength above 0: 1 starts from noise alone. */
export function createNetworkRedraw(network: Pick<Pipeline, 'unet' | 'labels' | 'text' | 'diffusion' | 'scheduler'>, settings: DrawSettings, strength: number): NetworkRedraw {
  const { sampler = 'scheduler', spacing = 'trailing', steps, guidance, guidanceRescale = 0, guidanceInterval = ALL_NOISE, eta = 0 } = settings;
  const planned = { schedule: createNoiseSchedule(network.diffusion), steps, eta, strength };
  const { path, sample, hasEta, addsNoise, skipped } = sampler === 'scheduler' ? planScheduler<MixedCondition>(planned, network.scheduler) : planSampler<MixedCondition>(planned, sampler, spacing);
  const denoise = createMixedDenoiser(network, { guidance, guidanceRescale, guidanceInterval, timestepAt: path.timestepAt });
  const scale = path.initialScale ?? path.sigmas[0];
  const startOf = ({ clean, mask, noise: { initial } }: NetworkBatch): tf.Tensor4D => {
    if (clean === null || (strength === 1 && mask === undefined)) return tf.clone(initial);
    if (strength < 1) return noisedStart({ clean, noise: initial, sigma: scale });
    return tf.tidy(() => blend({ mask: mask!, drawn: initial, clean: tf.div(tf.add(clean, tf.mul(initial, path.sigmas[0])), scale) }));
  };
  return {
    hasEta,
    addsNoise,
    async run(batch) {
      const { clean, mask, heeding = NO_HEEDING, noise: { initial, added }, beside, mixes, onStep, signal } = batch;
      for (const sequence of added) sequence.position += skipped * wordsOf(initial);
      const masked = mask === undefined || clean === null ? null : { mask, clean };
      const known = masked && { clean: masked.clean, isKnown: tf.tidy(() => tf.sub<tf.Tensor4D>(1, masked.mask)) };
      const kept = known && seesKept(network) ? keptChannels(known) : undefined;
      const condition = showBeside(mixedCondition(network, mixes), beside ?? kept);
      const start = startOf(batch);
      const heedful = known === null ? denoise : heedKnown(denoise, known, heeding.heedRounds);
      try {
        const drawn = await sample({
          ...path, denoise: masked === null ? denoise : withMask(heedful, masked), initialNoise: start, condition,
          ...(known && { correct: resampleKnown(known, { denoise: heedful, condition, resamples: heeding.resamples, random: added }) }), random: added, onStep: (step, denoised) => onStep?.(skipped + step, denoised), signal,
        });
        if (masked === null) return drawn;
        const whole = blend({ ...masked, drawn });
        drawn.dispose();
        return whole;
      } finally {
        tf.dispose([start, kept, known?.isKnown]);
        disposeMix(condition);
      }
    },
    async invert({ clean, mixes, beside, corrections, onStep, signal }) {
      const condition = showBeside(mixedCondition(network, mixes), beside);
      try {
        return await invertDdim({ ...path, denoise, clean, condition, corrections, onStep, signal });
      } finally {
        disposeMix(condition);
      }
    },
  };
}

/** Random words that one draw of noise for one item takes: four for two numbers. */
function wordsOf({ shape: [, rows, columns, channels] }: tf.Tensor4D): number {
  return 4 * Math.ceil((rows * columns * channels) / 2);
}

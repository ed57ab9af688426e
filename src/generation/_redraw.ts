// The part that vary, fill, morph and combine share: a sampler that starts at noise or part way, under a mask or none, after a mix.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { Random } from '../base/random.js';
import type { SamplerName } from '../diffusion/samplers/by-name.js';
import { ALL_NOISE, type NoiseInterval } from '../diffusion/guidance.js';
import { heedKnown } from '../diffusion/heed-known.js';
import { resampleKnown } from '../diffusion/known-region.js';
import { blend, withMask } from '../diffusion/masked-denoiser.js';
import { noisedStart } from '../diffusion/part-way.js';
import { planSampler, planScheduler, type SamplingPlan } from '../diffusion/sampling-plan.js';
import { createNoiseSchedule } from '../diffusion/schedule.js';
import type { Denoiser } from '../diffusion/denoiser.js';
import type { Spacing } from '../diffusion/settings.js';
import { isGuided } from '../pipeline/denoiser.js';
import { keptChannels, seesKept } from '../pipeline/inpainting.js';
import { createMixedDenoiser, disposeMix, showBeside, type MixedCondition } from '../pipeline/mixed-denoiser.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { schedulerClassOf } from '../pipeline/scheduler-config.js';
import type { Heeding } from './_heeding.js';
import type { Batch, GeneratedClip, HowDrawn } from './_render.js';
import { checkMix, mixedCondition, type SoundMix } from './mix.js';
import type { OperationSidecar } from './operation.js';
import { checkGenerateRequest, type ClipRequest } from './request.js';

/** What an operation is told of sampling. */
export interface DrawSettings {
  /** Default `scheduler`: what the pipeline's own scheduler does. */
  readonly sampler?: SamplerName | 'scheduler';
  /** Noise levels that a named sampler visits. Default trailing. */
  readonly spacing?: Spacing;
  /** Steps from noise alone; part way there are fewer. */
  readonly steps: number;
  /** 1 follows the mix as trained; 0 ignores it. */
  readonly guidance: number;
  /** Share of the level and contrast that guidance adds which is taken back. Default 0. */
  readonly guidanceRescale?: number;
  /** Noise levels at which it is guided, as shares of noise: 0 is clean, 1 nothing but noise. Default all, [0, 1]. */
  readonly guidanceInterval?: NoiseInterval;
  /** Fresh noise of ddim. Default 0. */
  readonly eta?: number;
}

/** What every operation is told. */
export interface OperationRequest extends Omit<ClipRequest, 'frameCount'>, DrawSettings {
  /** What each clip is to be, one per clip. Default nothing in particular. */
  readonly mixes?: readonly SoundMix[];
}

/** One clip of an operation, with what the operation was told. */
export interface OperationClip extends GeneratedClip {
  readonly sidecar: OperationSidecar;
}

/** @throws MelstromError of kind 'usage' that names the argument */
export function checkOperation(pipeline: Pipeline, request: OperationRequest): void {
  const { seeds, mixes, guidance } = request;
  checkGenerateRequest(pipeline, { ...request, labels: seeds.map(() => null) });
  requireOnePerClip('mixes', mixes, seeds);
  mixes?.forEach((mix, index) => {
    checkMix(pipeline, mix, `mixes[${index}]`);
    if (guidance === 1 && (mix.negative ?? []).length > 0) {
      throw new MelstromError({ kind: 'usage', where: `mixes[${index}].negative`, got: 'a part, with a guidance of 1', expected: 'none', fix: 'At 1 guidance leads away from nothing; use a greater one.' });
    }
  });
}

/** @throws MelstromError of kind 'usage' */
export function requireOnePerClip(where: string, given: readonly unknown[] | undefined, seeds: readonly number[]): void {
  if (given === undefined || given.length === seeds.length) return;
  throw new MelstromError({ kind: 'usage', where: `${where} and seeds`, got: `${given.length} and ${seeds.length}`, expected: 'one of each per clip' });
}

const NO_HEEDING = { heedRounds: 0, resamples: 0 };

export interface RedrawBatch {
  /** What is started from, and what a mask keeps; null at strength 1 without a mask. */
  readonly clean: tf.Tensor4D | null;
  /** 1 where it is drawn anew. Shape: [B, H, W, 1]. Default everywhere. */
  readonly mask?: tf.Tensor4D;
  /** How what is drawn under a mask is made to go with what is kept. Default not at all. */
  readonly heeding?: Pick<Heeding, 'heedRounds' | 'resamples'>;
  readonly initialNoise: tf.Tensor4D;
  /** One sequence per item, at its start. */
  readonly random: readonly Random[];
  readonly mixes: readonly SoundMix[];
  /** Steps are counted from those that a strength leaves out. */
  readonly onStep?: Batch['onStep'];
  readonly signal?: AbortSignal;
}

export interface Redraw {
  readonly how: HowDrawn;
  /** What it samples with and along; null at strength 0. */
  readonly plan: SamplingPlan<MixedCondition> | null;
  readonly denoise: Denoiser<MixedCondition>;
  /** Memory: the caller disposes the result; what is given stays. */
  run(batch: RedrawBatch): Promise<tf.Tensor4D>;
}

/** Plans the drawing of a request at a strength: 0 gives the clean sample back, 1 starts from noise alone. */
export function createRedraw(pipeline: Pipeline, request: DrawSettings, strength = 1): Redraw {
  const { sampler = 'scheduler', spacing = 'trailing', steps, guidance, guidanceRescale = 0, guidanceInterval = ALL_NOISE, eta = 0 } = request;
  const isOwn = sampler === 'scheduler';
  const planned = { schedule: createNoiseSchedule(pipeline.diffusion), steps, eta, strength: strength === 0 ? 1 : strength };
  const plan = isOwn ? planScheduler<MixedCondition>(planned, pipeline.scheduler) : planSampler<MixedCondition>(planned, sampler, spacing);
  const { path, sample, hasEta, skipped } = plan;
  const denoise = createMixedDenoiser(pipeline, { guidance, guidanceRescale, guidanceInterval, timestepAt: path.timestepAt });
  const scale = path.initialScale ?? path.sigmas[0];
  const startOf = ({ clean, mask, initialNoise }: RedrawBatch): tf.Tensor4D => {
    if (clean === null || (strength === 1 && mask === undefined)) return tf.clone(initialNoise);
    if (strength < 1) return noisedStart({ clean, noise: initialNoise, sigma: scale });
    return tf.tidy(() => blend({ mask: mask!, drawn: initialNoise, clean: tf.div(tf.add(clean, tf.mul(initialNoise, path.sigmas[0])), scale) }));
  };
  return {
    how: {
      operation: 'redraw', // each operation puts its own name in its place
      sampler: isOwn ? schedulerClassOf(pipeline.scheduler) : sampler,
      spacing: isOwn ? null : spacing,
      steps, upscaler: null, guidance: isGuided(pipeline) ? guidance : null, guidanceRescale, guidanceInterval, eta: hasEta ? eta : null,
    },
    plan: strength === 0 ? null : plan,
    denoise,
    async run(batch) {
      const { clean, mask, heeding = NO_HEEDING, initialNoise, random, mixes, onStep, signal } = batch;
      if (strength === 0 && clean !== null) {
        await onStep?.(steps);
        return tf.clone(clean);
      }
      for (const sequence of random) sequence.position += skipped * wordsOf(initialNoise);
      const masked = mask === undefined || clean === null ? null : { mask, clean };
      const known = masked && { clean: masked.clean, isKnown: tf.tidy(() => tf.sub<tf.Tensor4D>(1, masked.mask)) };
      const beside = known && seesKept(pipeline) ? keptChannels(known) : undefined;
      const condition = showBeside(mixedCondition(pipeline, mixes), beside);
      const start = startOf(batch);
      const heedful = known === null ? denoise : heedKnown(denoise, known, heeding.heedRounds);
      try {
        const drawn = await sample({
          ...path, denoise: masked === null ? denoise : withMask(heedful, masked), initialNoise: start, condition,
          ...(known && { correct: resampleKnown(known, { denoise: heedful, condition, resamples: heeding.resamples, random }) }), random, onStep: (step, denoised) => onStep?.(skipped + step, denoised), signal,
        });
        if (masked === null) return drawn;
        const kept = blend({ ...masked, drawn });
        drawn.dispose();
        return kept;
      } finally {
        tf.dispose([start, beside, known?.isKnown]);
        disposeMix(condition);
      }
    },
  };
}

/** Random words that one draw of noise for one item takes: four for two numbers. */
function wordsOf({ shape: [, rows, columns, channels] }: tf.Tensor4D): number {
  return 4 * Math.ceil((rows * columns * channels) / 2);
}

/** The label by which a mix is named: that of its only part. */
export function soleLabel({ parts = [] }: SoundMix): number | null {
  return parts.length === 1 ? (parts[0].label ?? null) : null;
}

/** What a sidecar says in words; null where the model follows none. A mix of several parts is told by its operation. */
export function wordsOfMixes({ text }: Pick<Pipeline, 'text'>, mixes: readonly SoundMix[]): { prompts: readonly string[]; negativePrompt: string } | null {
  if (text === null) return null;
  return { prompts: mixes.map(({ parts = [] }) => (parts.length === 1 ? (parts[0].prompt ?? '') : '')), negativePrompt: '' };
}

/** Adds to each clip what its operation was told. */
export async function* withSettings<T extends OperationSidecar>(clips: AsyncIterable<GeneratedClip>, settingsOf: (index: number) => Promise<Pick<T, 'operation' | 'operationSettings'>>): AsyncGenerator<OperationClip> {
  for await (const clip of clips) yield { ...clip, sidecar: { ...clip.sidecar, ...(await settingsOf(clip.index)) } as OperationSidecar };
}

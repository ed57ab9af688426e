// The UNet of a pipeline under guidance by several labels or prompts at weights, away from several others.
import * as tf from '@tensorflow/tfjs';
import type { Denoiser } from '../diffusion/denoiser.js';
import type { NoiseInterval } from '../diffusion/guidance.js';
import { withMixedGuidance, type Share, type SharedMix } from '../diffusion/mixed-guidance.js';
import { createPipelineDenoiser, isGuided, type PipelineCondition } from './denoiser.js';
import type { Pipeline } from './pipeline.js';

/** What a batch is drawn toward and away from. Memory: the states in it are the caller's. */
export type MixedCondition = SharedMix<PipelineCondition>;

interface MixedGuidance {
  readonly guidance: number;
  readonly guidanceRescale: number;
  /** Default all noise levels. */
  readonly guidanceInterval?: NoiseInterval;
  /** As in createPipelineDenoiser. */
  readonly timestepAt: (sigma: number) => number;
}

/**
 * The pipeline's denoiser under guidance by a mix. Where every item has but one condition and no other to be led away from, that is
 * what createGuidedDenoiser gives. A UNet without classes and text is asked as it is.
 */
export function createMixedDenoiser(pipeline: Pick<Pipeline, 'unet' | 'labels' | 'diffusion'>, { guidance, guidanceRescale, guidanceInterval, timestepAt }: MixedGuidance): Denoiser<MixedCondition> {
  const denoise = createPipelineDenoiser(pipeline, timestepAt);
  if (!isGuided(pipeline)) return (noisy, sigma, { toward: [{ condition: { beside } }] }) => denoise(noisy, sigma, { classLabels: null, beside });
  return withMixedGuidance(denoise, { scale: guidance, rescale: guidanceRescale, interval: guidanceInterval, sharesOf: (mixed) => mixed, join: joinConditions });
}

function joinConditions(conditions: readonly PipelineCondition[]): PipelineCondition {
  const states = conditions.flatMap(({ textStates }) => textStates ?? []);
  const beside = conditions.flatMap((condition) => condition.beside ?? []);
  const classes = conditions.map(({ classLabels }) => classLabels);
  return {
    classLabels: classes.includes(null) ? null : Int32Array.from(classes.flatMap((part) => [...part!])),
    textStates: states.length === 0 ? undefined : tf.concat(states, 0),
    beside: beside.length === 0 ? undefined : tf.concat(beside, 0),
  };
}

/** The same mix for a UNet that sees something beside the sample, as PipelineCondition has it. Memory: that stays the caller's. */
export function showBeside({ toward, away }: MixedCondition, beside: tf.Tensor4D | undefined): MixedCondition {
  const show = (shares: readonly Share<PipelineCondition>[]): Share<PipelineCondition>[] => shares.map(({ condition, weights }) => ({ weights, condition: { ...condition, beside } }));
  return { toward: show(toward), away: show(away) };
}

/** Frees the states of a mix. */
export function disposeMix({ toward, away }: MixedCondition): void {
  tf.dispose([...toward, ...away].map(({ condition }: Share<PipelineCondition>) => condition.textStates));
}

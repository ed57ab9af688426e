// How the latents of a request are drawn by diffusion: what every operation that samples shares.
import * as tf from '@tensorflow/tfjs';
import { ALL_NOISE } from '../diffusion/guidance.js';
import type { KnownRegion } from '../diffusion/known-region.js';
import { planSampler, planScheduler, type SamplingPlan } from '../diffusion/sampling-plan.js';
import { createNoiseSchedule } from '../diffusion/schedule.js';
import { streamColumns, type KnownEnd } from '../diffusion/stream-columns.js';
import { withWindows } from '../diffusion/windows.js';
import { createGuidedDenoiser, isGuided, type PipelineCondition } from '../pipeline/denoiser.js';
import { keptChannels, seesKept } from '../pipeline/inpainting.js';
import { nullClassOf, type Pipeline } from '../pipeline/pipeline.js';
import { schedulerClassOf } from '../pipeline/scheduler-config.js';
import { encodePrompts } from '../pipeline/text.js';
import { selectCondition } from '../pipeline/window-condition.js';
import { holdGiven, type Given } from './_heeding.js';
import { noiseSequence } from './_noise.js';
import { DEFAULT_BATCH_SIZE, type Batch, type HowDrawn } from './_render.js';
import { createUpscale, showEnlarged } from './_upscale.js';
import { columnWindows, drawnShape, frameWindows, type ClipLength } from './length.js';
import type { GenerateRequest } from './request.js';

export interface Drawing {
  readonly how: Omit<HowDrawn, 'operation'>;
  readonly words: { readonly prompts: readonly string[]; readonly negativePrompt: string } | null;
  /** Shape: what is given and the result are of resultShape. Memory: the caller disposes the result. */
  draw(batch: Batch, given?: Given): Promise<tf.Tensor4D>;
  /** Draws one item, some columns at a time. Shape: [1, H, n, C] each, of what is given and the result as above. Memory: the caller disposes each. */
  stream(item: number, onAdvance: (share: number) => void, given?: Omit<KnownEnd, 'random'>): AsyncGenerator<tf.Tensor4D>;
}

/** Plans the sampling of a request that has been checked. @throws MelstromError when the sampler cannot take that many steps */
export function createDrawing(pipeline: Pipeline, request: GenerateRequest, length: ClipLength): Drawing {
  const { labels, seeds, steps, sampler = 'scheduler', spacing = 'trailing', guidance, guidanceRescale = 0, guidanceInterval = ALL_NOISE, eta = 0, batchSize = DEFAULT_BATCH_SIZE, signal } = request;
  const isOwn = sampler === 'scheduler';
  const schedule = createNoiseSchedule(pipeline.diffusion);
  const plan = (stepCount: number): SamplingPlan<PipelineCondition> => {
    const planned = { schedule, steps: stepCount, eta };
    return isOwn ? planScheduler(planned, pipeline.scheduler) : planSampler(planned, sampler, spacing);
  };
  const { path, sample, hasEta } = plan(steps);
  const windows = columnWindows(pipeline, length);
  const guided = createGuidedDenoiser(pipeline, { guidance, guidanceRescale, guidanceInterval, timestepAt: path.timestepAt });
  const joint = { windows, select: selectCondition(windows), batchSize };
  const upscale = createUpscale(pipeline, { plan, steps: request.upscalerSteps ?? steps, guidance, guidanceRescale, guidanceInterval, windows: frameWindows(pipeline, length), batchSize });
  const { text } = pipeline;
  const words = text === null ? null : { prompts: request.prompts ?? labels.map(() => ''), negativePrompt: request.negativePrompt ?? '' };
  const nullClass = nullClassOf(pipeline);
  const conditionOf = (items: readonly number[], known?: () => KnownRegion): PipelineCondition => ({
    classLabels: nullClass === null ? null : Int32Array.from(items, (item) => labels[item] ?? nullClass),
    beside: known && seesKept(pipeline) ? tf.tidy(() => forItems(keptChannels(known()), items.length)) : undefined,
    ...(text === null || words === null ? {} : {
      textStates: encodePrompts(text, items.map((item) => words.prompts[item])),
      negativeStates: encodePrompts(text, items.map(() => words.negativePrompt)),
    }),
  });
  return {
    how: {
      sampler: isOwn ? schedulerClassOf(pipeline.scheduler) : sampler,
      spacing: isOwn ? null : spacing,
      steps, upscaler: upscale && { factor: upscale.factor, steps: upscale.steps }, guidance: isGuided(pipeline) ? guidance : null, guidanceRescale, guidanceInterval, levelSteps: 0, eta: hasEta ? eta : null,
    },
    words,
    async draw({ items, noise: [{ initial, added }, second], onStep }, given) {
      const seen = given && upscale !== null ? upscale.reduce(given) : given;
      const condition = conditionOf(items, seen && (() => seen));
      const denoise = withWindows(guided, joint);
      const sequences = (network: number) => items.map((item) => noiseSequence(seeds[item], network, 'known'));
      const held = seen && holdGiven(seen, { denoise, condition, initial, random: sequences(0) });
      const show: Batch['onStep'] = (step, small) => (upscale === null || small === undefined ? onStep(step, small) : showEnlarged(small, upscale.factor, (whole) => onStep(step, whole)));
      const drawn = await sample({ ...path, denoise, initialNoise: initial, condition, random: added, onStep: show, signal, ...held }).finally(() => {
        disposeCondition(condition);
        if (upscale !== null) tf.dispose([seen?.clean, seen?.isKnown]);
      });
      if (upscale === null) return drawn;
      return upscale.run(drawn, { noise: second, labels: items.map((item) => labels[item]), given, known: sequences(1), onStep: (step, denoised) => onStep(steps + step, denoised), signal });
    },
    async *stream(item, onAdvance, given) {
      const seen = given && upscale !== null ? upscale.reduceEnd(given) : given;
      const condition = conditionOf([item], seen && (() => ({ clean: seen.clean, isKnown: tf.ones([1, 1, 1, 1]) })));
      const [rows, columns, channels] = drawnShape(pipeline, length);
      const besideFrom = seen?.isAtEnd === true ? columns - seen.clean.shape[2] : 0;
      const sequences = (network: number) => (['initial', 'steps', 'known'] as const).map((use) => noiseSequence(seeds[item], network, use));
      const [[initial, added, random], [second, secondAdded, known]] = [sequences(0), sequences(1)];
      const shares = { first: 0, second: 0 };
      const advance = (name: keyof typeof shares, share: number): void => {
        shares[name] = share;
        const secondSteps = upscale?.steps ?? 0;
        onAdvance((shares.first * steps + shares.second * secondSteps) / (steps + secondSteps));
      };
      try {
        const drawn = streamColumns({
          ...joint, path, sample, denoise: guided, condition: { ...condition, besideFrom }, rows, channels, initial, added, known: seen && { ...seen, random }, onAdvance: (share) => advance('first', share), signal,
        });
        if (upscale === null) yield* drawn;
        else yield* upscale.stream(drawn, { label: labels[item], given, initial: second, added: secondAdded, known, onAdvance: (share) => advance('second', share), signal });
      } finally {
        disposeCondition(condition);
        if (upscale !== null) seen?.clean.dispose();
      }
    },
  };
}

/** One item's tensor for all, or that of each. */
function forItems(tensor: tf.Tensor4D, count: number): tf.Tensor4D {
  return tensor.shape[0] === count ? tensor : tf.tile(tensor, [count, 1, 1, 1]);
}

function disposeCondition({ textStates, negativeStates, beside }: PipelineCondition): void {
  tf.dispose([textStates, negativeStates, beside]);
}

// The part that vary, fill, morph and combine share: drawing after a mix by every network of a pipeline.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import { ALL_NOISE } from '../diffusion/guidance.js';
import { isGuided } from '../pipeline/denoiser.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { schedulerClassOf } from '../pipeline/scheduler-config.js';
import { drawTwice } from './_draw-twice.js';
import type { NetworkNoise } from './_noise.js';
import { createNetworkRedraw, type InvertAsked, type NetworkRedraw, type RedrawAsked } from './_redraw-network.js';
import type { GeneratedClip, HowDrawn } from './_render.js';
import { checkMix, type SoundMix } from './mix.js';
import type { OperationSidecar } from './operation.js';
import { checkGenerateRequest, type ClipRequest, type DrawSettings } from './request.js';

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

/** Drawing by all networks of a pipeline, one after the other. */
export interface Redraw {
  readonly how: HowDrawn;
  /** Of all networks. */
  readonly steps: number;
  /** Whether fresh noise is added on the way, so that no initial noise alone leads to the result. */
  readonly addsNoise: boolean;
  /** Shape: clean, mask and result are of resultShape. Memory: the caller disposes the result; what is given stays. */
  run(batch: RedrawAsked & { readonly noise: readonly NetworkNoise[] }): Promise<tf.Tensor4D>;
  /** The noise of each network that leads to a sample of resultShape. Memory: the caller disposes. */
  invert(asked: InvertAsked): Promise<tf.Tensor4D[]>;
}

/** Plans the drawing of a request at a strength: 0 gives the clean sample back, 1 starts from noise alone. */
export function createRedraw(pipeline: Pipeline, request: DrawSettings, strength = 1): Redraw {
  const { sampler = 'scheduler', spacing = 'trailing', steps, upscalerSteps, guidance, guidanceRescale = 0, guidanceInterval = ALL_NOISE, eta = 0 } = request;
  const { upscaler, labels, diffusion, scheduler } = pipeline;
  const isOwn = sampler === 'scheduler';
  const planned = strength === 0 ? 1 : strength;
  const first = createNetworkRedraw(pipeline, request, planned);
  const wholeSteps = upscaler?.unet ? (upscalerSteps ?? steps) : 0;
  const second = upscaler?.unet ? createNetworkRedraw({ unet: upscaler.unet, labels, diffusion, scheduler, text: null }, { ...request, steps: wholeSteps }, planned) : null;
  const { run, invert } = upscaler === null ? drawOnce(first) : drawTwice({ first, second, steps, factor: upscaler.factor });
  return {
    how: {
      operation: 'redraw', // each operation puts its own name in its place
      sampler: isOwn ? schedulerClassOf(scheduler) : sampler,
      spacing: isOwn ? null : spacing,
      steps, upscaler: upscaler && { factor: upscaler.factor, steps: wholeSteps }, guidance: isGuided(pipeline) ? guidance : null, guidanceRescale, guidanceInterval, levelSteps: 0, eta: first.hasEta ? eta : null,
    },
    steps: steps + wholeSteps,
    addsNoise: first.addsNoise,
    async run(batch) {
      if (strength > 0 || batch.clean === null) return run(batch);
      await batch.onStep?.(steps + wholeSteps);
      return tf.clone(batch.clean);
    },
    invert,
  };
}

function drawOnce({ run, invert }: NetworkRedraw): Pick<Redraw, 'run' | 'invert'> {
  return {
    run: ({ noise: [noise], ...asked }) => run({ ...asked, noise }),
    invert: async (asked) => [await invert(asked)],
  };
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

// What is asked of generation, checked once at the border.
import { requireInteger, requireNumber } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import { ALL_NOISE, type NoiseInterval } from '../diffusion/guidance.js';
import type { SamplerName } from '../diffusion/samplers/by-name.js';
import type { Spacing } from '../diffusion/settings.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import type { Vocoder } from '../vocoder/vocoder.js';
import type { LengthRequest } from './length.js';
import type { Sidecar } from './sidecar.js';

/** How far a generation has come. */
export interface GenerationProgress {
  /** Network steps done and in all, over every batch; they end together with the last batch's images. */
  readonly doneSteps: number;
  readonly totalSteps: number;
  readonly doneClips: number;
  readonly totalClips: number;
}

/** What a clip would be if it were drawn no further: the sample that the network sees through the noise, decoded. */
export interface Preview {
  /** Position in the request. */
  readonly index: number;
  readonly seed: number;
  /** Steps of this clip done and in all. */
  readonly doneSteps: number;
  readonly totalSteps: number;
  /** Where the image begins in that of the clip: 0, but for a streamed clip, of which each preview is the next stretch. Unit: frames. */
  readonly firstFrame: number;
  /** A vocoder makes it heard. Of a fill it has the round trip of what is kept; of an extension the end of the sound, and what is new. */
  readonly image: MelImage;
}

/** What every kind of generation is told. */
export interface ClipRequest extends LengthRequest {
  /** One per clip. The same seed gives the same clip, whatever it is drawn with. */
  readonly seeds: readonly number[];
  /** Turns images into sound. */
  readonly vocoder: Vocoder;
  /** Clips, or windows of longer ones, that are drawn at once; changes memory and speed, and of the clips only what rounding does. Default 16. */
  readonly batchSize?: number;
  /**
   * Says which clips not to make, given the position in the request and the sidecar that the clip would have. The others come out as if
   * all were made. Default none.
   */
  readonly skip?: (index: number, sidecar: Sidecar) => boolean | Promise<boolean>;
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: GenerationProgress) => void;
  /**
   * Takes what each clip of a batch would be by now; the next step waits for what it returns. Of a morph, whose clips between the ends are
   * drawn again in each round, the steps of all rounds are counted, of which the last may not be needed. A clip that is streamed is never
   * there whole: of it each stretch comes when it is drawn, before it is made sound of.
   */
  readonly onPreview?: (preview: Preview) => void | Promise<void>;
  /** Steps from one preview to the next, of which the last step has none; a streamed clip has one for each stretch whatever this says. Default 1. */
  readonly previewEvery?: number;
  /** The engine's name for the sidecar. Default the backend's name. */
  readonly engine?: string;
}

/** What is told of sampling. */
export interface DrawSettings {
  /** Default `scheduler`: what the pipeline's own scheduler does. */
  readonly sampler?: SamplerName | 'scheduler';
  /** Noise levels that a named sampler visits. Default trailing, from the noisiest down. */
  readonly spacing?: Spacing;
  /** From noise alone; from a sound, at a strength below 1, there are fewer. */
  readonly steps: number;
  /** Steps of the upscaler, for a model that draws a small image first. null: as many as steps. Default null. */
  readonly upscalerSteps?: number | null;
  /** 1 follows labels and prompts as trained; 0 ignores them. */
  readonly guidance: number;
  /** Share of the level and contrast that guidance adds which is taken back. Default 0. */
  readonly guidanceRescale?: number;
  /** Noise levels at which it is guided, as shares of noise: 0 is clean, 1 nothing but noise. Default all, [0, 1]. */
  readonly guidanceInterval?: NoiseInterval;
  /**
   * Steps in which each clip is drawn once more without guidance, to find the level that it has then and is given: guidance above 1 makes clips
   * louder. For new clips; of one that is streamed, an excerpt tells. 0: as loud as guidance makes them. Default 0; 8 are enough.
   */
  readonly levelSteps?: number;
  /** Fresh noise of ddim. Default 0. */
  readonly eta?: number;
}

/** What diffusion is told. */
export interface GenerateRequest extends ClipRequest, DrawSettings {
  /** Index into the pipeline's labels per clip; null draws without a label. */
  readonly labels: readonly (number | null)[];
  /** What each clip is to be, for a model that follows text; left out, or '' for one: drawn without. */
  readonly prompts?: readonly string[];
  /** What no clip is to be: what guidance leads away from. Default '', from nothing in particular. */
  readonly negativePrompt?: string;
}

/** @throws MelstromError of kind 'usage' that names the argument */
export function checkClipRequest({ seeds, batchSize, previewEvery }: ClipRequest): void {
  seeds.forEach((seed, index) => requireInteger(`seeds[${index}]`, seed, { min: 0 }));
  if (batchSize !== undefined) requireInteger('batchSize', batchSize, { min: 1 });
  if (previewEvery !== undefined) requireInteger('previewEvery', previewEvery, { min: 1 });
}

/** @throws MelstromError of kind 'usage' that names the argument */
export function checkGenerateRequest(pipeline: Pipeline, request: GenerateRequest): void {
  checkClipRequest(request);
  const { labels, seeds, steps, upscalerSteps = null, guidance, guidanceRescale = 0, guidanceInterval: [low, high] = ALL_NOISE, levelSteps = 0, eta = 0 } = request;
  if (labels.length !== seeds.length) {
    throw new MelstromError({ kind: 'usage', where: 'labels and seeds', got: `${labels.length} and ${seeds.length}`, expected: 'one of each per clip' });
  }
  checkPrompts(pipeline, request);
  const last = pipeline.labels.length - 1;
  labels.forEach((label, index) => {
    if (label !== null && last < 0) throw new MelstromError({ kind: 'usage', where: `labels[${index}]`, got: String(label), expected: 'null, since the model has no labels' });
    if (label !== null) requireInteger(`labels[${index}]`, label, { min: 0, max: last });
  });
  if (upscalerSteps !== null && pipeline.upscaler === null) {
    throw new MelstromError({ kind: 'usage', where: 'upscalerSteps', got: String(upscalerSteps), expected: 'none, since the model has no upscaler' });
  }
  for (const [where, count] of [['steps', steps], ['upscalerSteps', upscalerSteps ?? 1]] as const) {
    requireInteger(where, count, { min: 1, max: pipeline.diffusion.trainTimesteps, fix: 'A sampler cannot take more steps than the training had timesteps.' });
  }
  requireInteger('levelSteps', levelSteps, { min: 0, max: pipeline.diffusion.trainTimesteps });
  requireNumber('guidance', guidance, { min: 0 });
  requireNumber('guidanceRescale', guidanceRescale, { min: 0, max: 1 });
  requireNumber('guidanceInterval: high', high, { min: 0, max: 1 });
  requireNumber('guidanceInterval: low', low, { min: 0, max: high });
  requireNumber('eta', eta, { min: 0, max: 1 });
}

function checkPrompts({ text }: Pipeline, { prompts, negativePrompt, seeds }: GenerateRequest): void {
  if (prompts !== undefined && prompts.length !== seeds.length) {
    throw new MelstromError({ kind: 'usage', where: 'prompts and seeds', got: `${prompts.length} and ${seeds.length}`, expected: 'one of each per clip' });
  }
  const where = negativePrompt ? 'negativePrompt' : 'prompts';
  if (text !== null || !(negativePrompt || prompts?.some((prompt) => prompt !== ''))) return;
  throw new MelstromError({ kind: 'usage', where, got: JSON.stringify(negativePrompt || prompts!.find((prompt) => prompt !== '')), expected: 'none, since the model follows no text' });
}

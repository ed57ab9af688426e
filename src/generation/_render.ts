// From a batch of decoded images to clips: the part that every kind of generation shares.
import * as tf from '@tensorflow/tfjs';
import { durationSeconds, type Clip } from '../audio/clip.js';
import { MelstromError } from '../base/errors.js';
import { inOrder } from '../base/in-order.js';
import { breathe } from '../diffusion/samplers/sampler.js';
import { convPrecision } from '../nn/operations.js';
import { modelHash, settingsHash } from '../pipeline/hash.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { MELSTROM_VERSION } from '../pipeline/version.js';
import { codecHash } from '../spectrogram/codec-identity.js';
import { withGain } from '../spectrogram/image-level.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { readImages } from './_images.js';
import { drawBatchNoise, type NetworkNoise } from './_noise.js';
import type { LevelDrawing } from './_unguided-level.js';
import { clipLength, columnWindows, networkShapes, type ClipLength } from './length.js';
import { checkClipRequest, type ClipRequest } from './request.js';
import { reportInversion, type InversionReport } from '../vocoder/inversion-report.js';
import type { Sidecar } from './sidecar.js';

/** One new sound. */
export interface GeneratedClip {
  /** Position in the request. */
  readonly index: number;
  readonly image: MelImage;
  readonly clip: Clip;
  readonly seed: number;
  readonly label: number | null;
  readonly sidecar: Sidecar;
}

/** The part of a sidecar that depends on how latents are drawn. */
export type HowDrawn = Pick<Sidecar, 'operation' | 'extension' | 'sampler' | 'spacing' | 'steps' | 'upscaler' | 'guidance' | 'guidanceRescale' | 'guidanceInterval' | 'levelSteps' | 'eta'>;

/** One batch to draw: positions in the request, and noise for them, of each network in turn. */
export interface Batch {
  readonly items: readonly number[];
  readonly noise: readonly NetworkNoise[];
  /** Steps that are counted from 1, the upscaler's after those of the first image, each with what is seen through the noise, if anything is. */
  readonly onStep: (step: number, denoised?: tf.Tensor4D) => void | Promise<void>;
}

interface RenderOptions {
  readonly pipeline: Pipeline;
  readonly request: ClipRequest;
  readonly labels: readonly (number | null)[];
  /** What was asked for in words; null where the model follows none. */
  readonly words: { readonly prompts: readonly string[]; readonly negativePrompt: string } | null;
  readonly how: HowDrawn;
  /** Returns the batch's latents, which are disposed here. */
  readonly draw: (batch: Batch) => Promise<tf.Tensor4D>;
  /** Says how loud each clip is to be, drawn from the same noise. Default as loud as it was drawn. */
  readonly level?: LevelDrawing | null;
  /** Default what the request says of length. */
  readonly length?: ClipLength;
  /** Makes the clip of an image. Default the request's vocoder, at the clip's length. */
  readonly invert?: (image: MelImage, seed: number, index: number) => MadeSound | Promise<MadeSound>;
}

export interface MadeSound extends Clip {
  /** The part that the image tells of. Default all of it. */
  readonly heard?: readonly Float32Array[];
}

/** Windows that are drawn at once when nothing is said. */
export const DEFAULT_BATCH_SIZE = 16;

/**
 * Draws batch after batch, decodes and inverts. An item's noise comes from its seed alone. Of clips that are longer than a window fewer
 * are drawn at once, so that there are no more windows in a batch than there would be clips.
 */
export async function* renderClips(options: RenderOptions): AsyncGenerator<GeneratedClip> {
  const { pipeline, request, labels, draw, level = null, length = clipLength(pipeline, request), invert = inverter(request, length) } = options;
  checkClipRequest(request);
  const { seeds, batchSize = DEFAULT_BATCH_SIZE, signal, skip } = request;
  const itemsPerBatch = Math.max(1, Math.floor(batchSize / columnWindows(pipeline, length).starts.length));
  const sidecarOf = await createSidecars(options, { length, batchSize, itemsPerBatch });
  const drawSteps = options.how.steps + (options.how.upscaler?.steps ?? 0);
  const steps = drawSteps + (level?.steps ?? 0);
  for (let start = 0; start < seeds.length; start += itemsPerBatch) {
    signal?.throwIfAborted();
    const items = Array.from({ length: Math.min(itemsPerBatch, seeds.length - start) }, (_, offset) => start + offset);
    const wanted: number[] = [];
    const report = async (step: number, denoised?: tf.Tensor4D): Promise<void> => {
      request.onStep?.({
        doneSteps: Math.ceil(start / itemsPerBatch) * steps + step,
        totalSteps: Math.ceil(seeds.length / itemsPerBatch) * steps,
        doneClips: start + (step === steps ? items.length : 0),
        totalClips: seeds.length,
      });
      if (denoised !== undefined && step < steps) await showPreviews(options, denoised, { length, batchSize, start, wanted, step, steps });
    };
    for (const item of items) if (!(await skip?.(item, sidecarOf(item)))) wanted.push(item);
    if (wanted.length === 0) {
      await report(steps);
      continue;
    }
    const drawImages = async (by: RenderOptions['draw'], onStep: Batch['onStep']): Promise<MelImage[]> => {
      const noise = drawBatchNoise(items.map((item) => seeds[item]), networkShapes(pipeline, length));
      return by({ items, noise, onStep })
        .then((latents) => readImages(pipeline, latents, { length, batchSize }))
        .finally(() => tf.dispose(noise.map(({ initial }) => initial)));
    };
    const images = await drawImages(draw, report);
    const unguided = level && (await drawImages((batch) => level.draw(batch), (step) => report(drawSteps + step)));
    yield* inOrder(wanted, request.vocoder.lanes ?? 1, async (index): Promise<GeneratedClip> => {
      await breathe();
      signal?.throwIfAborted();
      const drawn = images[index - start];
      clipFinite(drawn, seeds[index]);
      if (unguided !== null) clipFinite(unguided[index - start], seeds[index]);
      const image = unguided === null ? drawn : withGain(drawn, level!.gainDb(drawn, unguided[index - start]));
      const { heard, ...clip } = await invert(image, seeds[index], index);
      const inversion = reportInversion(image, { ...clip, channels: heard ?? clip.channels });
      return { index, image, clip, seed: seeds[index], label: labels[index], sidecar: sidecarOf(index, { inversion, durationSeconds: durationSeconds(clip) }) };
    });
  }
}

function inverter({ vocoder }: ClipRequest, { sampleCount, isLoop }: ClipLength): (image: MelImage, seed: number) => MadeSound | Promise<MadeSound> {
  return (image, seed) => vocoder.invert(image, { seed, sampleCount, isLoop });
}

interface PreviewOptions {
  readonly length: ClipLength;
  readonly batchSize: number;
  /** Position of the first item of the batch, and positions of those that are wanted. */
  readonly start: number;
  readonly wanted: readonly number[];
  readonly step: number;
  readonly steps: number;
}

/** Memory: the denoised sample stays. */
async function showPreviews({ pipeline, request: { seeds, onPreview, previewEvery = 1 } }: RenderOptions, denoised: tf.Tensor4D, { length, batchSize, start, wanted, step, steps }: PreviewOptions): Promise<void> {
  if (onPreview === undefined || step % previewEvery !== 0) return;
  const images = await readImages(pipeline, tf.clone(denoised), { length, batchSize });
  for (const index of wanted) {
    const image = images[index - start];
    await onPreview({ index, seed: seeds[index], doneSteps: step, totalSteps: steps, firstFrame: 0, image: { ...image, data: image.data.map((value) => Math.min(Math.max(value, -1), 1)) } });
  }
}

/** What is known of a clip when it is made. */
export interface MadeClip {
  readonly inversion: InversionReport;
  readonly durationSeconds: number;
}

interface SidecarOptions {
  readonly length: ClipLength;
  readonly batchSize: number;
  readonly itemsPerBatch: number;
}

/** The sidecar of each item, known before it is drawn; its duration is that of the clip once there is one. */
export async function createSidecars({ pipeline, request, labels, words, how }: Pick<RenderOptions, 'pipeline' | 'request' | 'labels' | 'words' | 'how'>, { length, batchSize, itemsPerBatch }: SidecarOptions): Promise<(index: number, made?: MadeClip) => Sidecar> {
  const { seeds, tempo } = request;
  const { sampleRateHz } = pipeline.mel;
  const hashes = { model: await modelHash(pipeline), codec: codecHash(pipeline.mel), settings: await settingsHash(pipeline) };
  const engine = { name: request.engine ?? tf.getBackend(), tensorflowJs: tf.version_core };
  const precision = convPrecision();
  return (index, made) => {
    const label = labels[index];
    const start = index - (index % itemsPerBatch);
    return {
      label: label === null ? null : pipeline.labels[label],
      prompt: words?.prompts[index] ?? null,
      negativePrompt: words?.negativePrompt ?? null,
      seed: seeds[index],
      ...how,
      precision,
      vocoder: request.vocoder.name,
      ...(made && { inversion: made.inversion }),
      frameCount: length.frameCount,
      sampleRateHz,
      durationSeconds: made?.durationSeconds ?? length.sampleCount / sampleRateHz,
      isLoop: length.isLoop,
      tempo: tempo === undefined ? null : { beatsPerBar: 4, ...tempo },
      overlap: length.overlap,
      batch: { limit: batchSize, size: Math.min(itemsPerBatch, seeds.length - start), index: index - start },
      hashes,
      engine,
      version: MELSTROM_VERSION,
    };
  };
}

/** Clips to [-1, 1]. On the host, since an engine's own clipping may turn NaN into a number. Mutates: data. */
export function clipFinite({ data }: MelImage, seed: number): void {
  if (data.every(Number.isFinite)) {
    data.forEach((value, cell) => {
      data[cell] = Math.min(Math.max(value, -1), 1);
    });
    return;
  }
  throw new MelstromError({
    kind: 'numeric',
    where: `clip of seed ${seed}`,
    got: 'an image that is not finite',
    fix: 'The weights are damaged or the training diverged; take an earlier checkpoint.',
  });
}

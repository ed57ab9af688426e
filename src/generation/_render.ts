// From a batch of decoded images to clips: the part that every kind of generation shares.
import * as tf from '@tensorflow/tfjs';
import { durationSeconds, type Clip } from '../audio/clip.js';
import { MelstromError } from '../base/errors.js';
import { createRandom, type Random } from '../base/random.js';
import { breathe, drawNoise } from '../diffusion/samplers/sampler.js';
import { modelHash } from '../pipeline/hash.js';
import { decodeLatents } from '../pipeline/latents.js';
import { sampleShape, type Pipeline } from '../pipeline/pipeline.js';
import { MELSTROM_VERSION } from '../pipeline/version.js';
import { codecHash } from '../spectrogram/codec-identity.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { checkClipRequest, drawnFrameCount, type ClipRequest } from './request.js';
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
export type HowDrawn = Pick<Sidecar, 'sampler' | 'spacing' | 'steps' | 'upscaler' | 'guidance' | 'guidanceRescale' | 'eta'>;

/** One batch to draw: positions in the request and unit normal noise for them. */
export interface Batch {
  readonly items: readonly number[];
  readonly initialNoise: tf.Tensor4D;
  readonly random: readonly Random[];
  /** Steps that are counted from 1, the upscaler's after those of the first image. */
  readonly onStep: (step: number) => void;
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
  /** Makes the clip of an image. Default the request's vocoder. */
  readonly invert?: (image: MelImage, seed: number, index: number) => Clip;
}

const DEFAULT_BATCH_SIZE = 16;

/** Draws batch after batch, decodes and inverts. An item's noise comes from its seed alone. */
export async function* renderClips({ pipeline, request, labels, words, how, draw, invert }: RenderOptions): AsyncGenerator<GeneratedClip> {
  checkClipRequest(request);
  const { seeds, batchSize = DEFAULT_BATCH_SIZE, signal } = request;
  const frameCount = request.frameCount ?? pipeline.mel.frames;
  const shape = sampleShape(pipeline, drawnFrameCount(pipeline, frameCount));
  const hashes = { model: await modelHash(pipeline), codec: codecHash(pipeline.mel) };
  const steps = how.steps + (how.upscaler?.steps ?? 0);
  const engine = { name: request.engine ?? tf.getBackend(), tensorflowJs: tf.version_core };
  for (let start = 0; start < seeds.length; start += batchSize) {
    signal?.throwIfAborted();
    const done = Math.ceil(start / batchSize) * steps;
    const items = Array.from({ length: Math.min(batchSize, seeds.length - start) }, (_, offset) => start + offset);
    const report = (step: number): void =>
      request.onStep?.({
        doneSteps: done + step,
        totalSteps: Math.ceil(seeds.length / batchSize) * steps,
        doneClips: start + (step === steps ? items.length : 0),
        totalClips: seeds.length,
      });
    const initialNoise = drawNoise(items.map((item) => createRandom(seeds[item], 'noise', 'initial')), [items.length, ...shape]);
    const images = await draw({ items, initialNoise, random: items.map((item) => createRandom(seeds[item], 'noise', 'steps')), onStep: report })
      .then((latents) => readImages(pipeline, latents, frameCount))
      .finally(() => initialNoise.dispose());
    for (const [offset, index] of items.entries()) {
      await breathe();
      signal?.throwIfAborted();
      const image = images[offset];
      clipFinite(image, seeds[index]);
      const clip = invert?.(image, seeds[index], index) ?? request.vocoder.invert(image, { seed: seeds[index] });
      const label = labels[index];
      const sidecar: Sidecar = {
        label: label === null ? null : pipeline.labels[label],
        prompt: words?.prompts[index] ?? null,
        negativePrompt: words?.negativePrompt ?? null,
        seed: seeds[index],
        ...how,
        vocoder: request.vocoder.name,
        frameCount,
        sampleRateHz: clip.sampleRateHz,
        durationSeconds: durationSeconds(clip),
        hashes,
        engine,
        version: MELSTROM_VERSION,
      };
      yield { index, image, clip, seed: seeds[index], label, sidecar };
    }
  }
}

/** Decodes, reads out and cuts to the wanted frames. Disposes of the latents. */
async function readImages(pipeline: Pipeline, latents: tf.Tensor4D, frameCount: number): Promise<MelImage[]> {
  let decoded: tf.Tensor4D;
  try {
    decoded = decodeLatents(pipeline, latents);
  } finally {
    latents.dispose();
  }
  try {
    const [batch, rows, columns] = decoded.shape;
    const values = (await decoded.data()) as Float32Array;
    return Array.from({ length: batch }, (_, item) => {
      const data = new Float32Array(rows * frameCount);
      for (let row = 0; row < rows; row += 1) {
        const from = (item * rows + row) * columns;
        data.set(values.subarray(from, from + frameCount), row * frameCount);
      }
      return { settings: pipeline.mel, frameCount, data };
    });
  } finally {
    decoded.dispose();
  }
}

/** Clips to [-1, 1]. On the host, since an engine's own clipping may turn NaN into a number. Mutates: data. */
function clipFinite({ data }: MelImage, seed: number): void {
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

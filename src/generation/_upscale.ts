// The second half of progressive generation: whole images drawn by the upscaler, given small ones.
import * as tf from '@tensorflow/tfjs';
import { MelstromError } from '../base/errors.js';
import type { Random } from '../base/random.js';
import { imageChannels } from '../config/mel-layout.js';
import type { NoiseInterval } from '../diffusion/guidance.js';
import { blend } from '../diffusion/masked-denoiser.js';
import type { SamplingPlan } from '../diffusion/sampling-plan.js';
import { streamColumns, type KnownEnd } from '../diffusion/stream-columns.js';
import { withWindows, type Piece, type Windows } from '../diffusion/windows.js';
import { createGuidedDenoiser, type PipelineCondition } from '../pipeline/denoiser.js';
import { nullClassOf, type Pipeline, type Upscaler } from '../pipeline/pipeline.js';
import { enlargeImages, reduceImages, reduceMask } from '../pipeline/resize.js';
import { selectCondition } from '../pipeline/window-condition.js';
import { holdGiven, type Given } from './_heeding.js';
import type { NetworkNoise } from './_noise.js';

interface UpscaleOptions {
  /** The plan of a number of steps. */
  readonly plan: (steps: number) => SamplingPlan<PipelineCondition>;
  readonly steps: number;
  readonly guidance: number;
  readonly guidanceRescale: number;
  readonly guidanceInterval?: NoiseInterval;
  /** In frames of the whole image. */
  readonly windows: Windows;
  readonly batchSize: number;
}

interface Batch {
  /** Left out where the upscaler is not trained. */
  readonly noise: NetworkNoise | undefined;
  /** null for none. */
  readonly labels: readonly (number | null)[];
  /** Of the whole image. Default nothing. */
  readonly given?: Given;
  /** Of resampling what goes with it: one sequence per item. */
  readonly known: readonly Random[];
  readonly onStep: (step: number, denoised: tf.Tensor4D) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

interface StreamedClip {
  /** null for none. */
  readonly label: number | null;
  /** Of the whole image, without the sequence of resampling. Default nothing. */
  readonly given?: Omit<KnownEnd, 'random'>;
  /** Sequences of the item, at their starts: its initial noise, what a sampler adds, resampling. */
  readonly initial: Random;
  readonly added: Random;
  readonly known: Random;
  readonly onAdvance: (share: number) => void;
  readonly signal?: AbortSignal;
}

/** What is done with the small images of a batch. */
export interface Upscale {
  readonly factor: 2 | 4;
  /** 0 where the upscaler is not trained: the images are enlarged as they are. */
  readonly steps: number;
  /** Shape: [B, H, W, C] -> [B, H·factor, W·factor, C]. Memory: disposes of the small images; the caller of the result. */
  run(small: tf.Tensor4D, batch: Batch): Promise<tf.Tensor4D>;
  /** The whole image of one item as columns of its small one come. Shape: [1, H, n, C] each. Memory: disposes of the small columns; the caller of each. */
  stream(small: AsyncGenerator<tf.Tensor4D>, clip: StreamedClip): AsyncGenerator<tf.Tensor4D>;
  /** What is given of the whole image, as the UNet is given it. Memory: the caller disposes. */
  reduce(given: Given): Given;
  /** The same of what a clip begins or ends with. Memory: the caller disposes of `clean`. */
  reduceEnd<E extends Pick<KnownEnd, 'clean'>>(end: E): E;
}

/** Shows a small batch as it is at the size of the whole. Memory: the small one stays, the whole one lasts as long as what `look` returns. */
export async function showEnlarged(small: tf.Tensor4D, factor: Upscaler['factor'], look: (whole: tf.Tensor4D) => unknown): Promise<void> {
  const whole = enlargeImages(small, factor);
  try {
    await look(whole);
  } finally {
    whole.dispose();
  }
}

/** null where the pipeline's UNet draws whole images. */
export function createUpscale({ upscaler, labels: names, diffusion, mel }: Pipeline, { plan, steps, guidance, guidanceRescale, guidanceInterval, windows, batchSize }: UpscaleOptions): Upscale | null {
  if (upscaler === null) return null;
  const { factor, unet } = upscaler;
  const [rows, channels] = [mel.melBins, imageChannels(mel)];
  const enlarge = (small: tf.Tensor4D): tf.Tensor4D => {
    const enlarged = enlargeImages(small, factor);
    small.dispose();
    return enlarged;
  };
  const reduce: Upscale['reduce'] = (given) => ({ ...given, ...reduceGiven(given, factor) });
  const reduceEnd: Upscale['reduceEnd'] = (end) => ({ ...end, clean: reduceImages(end.clean, factor) });
  if (unet === null) {
    return {
      factor, steps: 0, reduce, reduceEnd,
      run: async (small, { given }) => putGiven(enlarge(small), given),
      async *stream(small) {
        for await (const columns of small) yield enlarge(columns);
      },
    };
  }
  const asked = { unet, labels: names, diffusion };
  const { path, sample } = plan(steps);
  const guided = createGuidedDenoiser(asked, { guidance, guidanceRescale, guidanceInterval, timestepAt: path.timestepAt });
  const select = selectCondition(windows);
  const denoise = withWindows(guided, { windows, select, batchSize });
  const nullClass = nullClassOf(asked);
  const classesOf = (labels: readonly (number | null)[]): Int32Array | null => (nullClass === null ? null : Int32Array.from(labels, (label) => label ?? nullClass));
  return {
    factor,
    steps,
    reduce,
    reduceEnd,
    async run(small, { noise, labels, given, known, onStep, signal }) {
      const { initial, added } = noise!;
      const enlarged = enlarge(small);
      const condition: PipelineCondition = { classLabels: classesOf(labels), beside: enlarged };
      try {
        const held = given && holdGiven(given, { denoise, condition, initial, random: known });
        return await sample({ ...path, denoise, initialNoise: initial, condition, random: added, onStep, signal, ...held });
      } finally {
        enlarged.dispose();
      }
    },
    async *stream(small, { label, given, initial, added, known, onAdvance, signal }) {
      const seen = createSeenColumns(small, enlarge);
      try {
        yield* streamColumns<PipelineCondition>({
          path, sample, denoise: guided, windows, batchSize, rows, channels, initial, added, onAdvance, signal,
          condition: { classLabels: classesOf([label]) },
          select: (condition, pieces) => ({ ...select(condition, pieces), beside: seen.windows(pieces, windows.width) }),
          prepare: (from, to) => seen.reach(from, to),
          known: given && { ...given, random: known },
        });
      } finally {
        seen.dispose();
        await small.return(undefined);
      }
    },
  };
}

interface SeenColumns {
  /** Reads on until the columns before `to` are there, and forgets those before `from`. */
  reach(from: number, to: number): Promise<void>;
  /** Shape: [B, H, width, C]. Memory: the caller disposes. */
  windows(pieces: readonly Piece[], width: number): tf.Tensor4D;
  dispose(): void;
}

/** Columns of the enlarged small image, as far as they are needed. */
function createSeenColumns(small: AsyncGenerator<tf.Tensor4D>, enlarge: (small: tf.Tensor4D) => tf.Tensor4D): SeenColumns {
  let held: tf.Tensor4D | null = null;
  let heldFrom = 0;
  const replace = (next: tf.Tensor4D): void => {
    held?.dispose();
    held = next;
  };
  return {
    async reach(from, to) {
      while (held === null || heldFrom + held.shape[2] < to) {
        const { value, done } = await small.next();
        if (done) throw new MelstromError({ kind: 'internal', where: 'upscaler', got: `${heldFrom + (held?.shape[2] ?? 0)} columns`, expected: String(to) });
        const columns = enlarge(value);
        if (held === null) held = columns;
        else {
          replace(tf.concat([held, columns], 2));
          columns.dispose();
        }
      }
      const passed = from - heldFrom;
      if (passed <= 0) return;
      replace(tf.slice(held, [0, 0, passed, 0], [-1, -1, -1, -1]));
      heldFrom = from;
    },
    windows: (pieces, width) => tf.tidy(() => tf.concat(pieces.map(({ start }) => tf.slice(held!, [0, 0, start - heldFrom, 0], [-1, -1, width, -1])), 0) as tf.Tensor4D),
    dispose: () => held?.dispose(),
  };
}

/** A small cell is given when all cells under it are. Memory: the caller disposes. */
function reduceGiven({ clean, isKnown }: Given, factor: Upscaler['factor']): Pick<Given, 'clean' | 'isKnown'> {
  return tf.tidy(() => {
    const [items, rows, columns] = clean.shape;
    const whole = tf.broadcastTo(isKnown, [items, rows, columns, 1]) as tf.Tensor4D;
    return { clean: reduceImages(clean, factor), isKnown: tf.sub(1, reduceMask(tf.sub(1, whole), factor)) };
  });
}

/** What is given in the place of what was drawn. Memory: disposes of the drawn images. */
function putGiven(drawn: tf.Tensor4D, given: Given | undefined): tf.Tensor4D {
  if (given === undefined) return drawn;
  const put = tf.tidy(() => blend({ mask: tf.sub(1, given.isKnown), drawn, clean: given.clean }));
  drawn.dispose();
  return put;
}

// The way between the two ends of a morph: what lies at a position, and which positions are as far from one another.
import * as tf from '@tensorflow/tfjs';
import { createRandom, type Random } from '../base/random.js';
import { invertDdim } from '../diffusion/inversion.js';
import { slerp } from '../diffusion/slerp.js';
import { hostOrder } from '../pipeline/image-tensor.js';
import { decodeLatents } from '../pipeline/latents.js';
import { disposeMix } from '../pipeline/mixed-denoiser.js';
import { sampleShape, type Pipeline } from '../pipeline/pipeline.js';
import { evenPositions, unevenness } from './_even-steps.js';
import type { Redraw } from './_redraw.js';
import type { SoundEncoder, SoundSamples } from './_sounds.js';
import { blendMixes, mixedCondition, type SoundMix } from './mix.js';
import type { Preview } from './request.js';

/** A clip of the morph, as latents. */
export interface MorphPoint {
  readonly position: number;
  readonly latents: Float32Array;
  /** Mean change of a cell since the point before; null for the first. Unit: dB. */
  readonly changeDb: number | null;
}

interface PathOptions {
  readonly ends: readonly { readonly seed: number; readonly samples: SoundSamples | null; readonly mix: SoundMix }[];
  readonly redraw: Redraw;
  readonly encoder: SoundEncoder;
  readonly corrections: number;
  readonly batchSize: number;
  readonly onStep: () => void;
  /** Takes what a clip would be by now: its place among all, its steps, and its image. Left out, nothing is decoded for it. */
  readonly onPreview?: (preview: Omit<Preview, 'seed' | 'firstFrame'>) => void | Promise<void>;
  /** Default 1. */
  readonly previewEvery?: number;
  readonly signal?: AbortSignal;
}

/** A place on the way, and which clip of the morph it is to be. */
interface Place {
  readonly index: number;
  readonly position: number;
}

/** Steps of a clip before the present drawing of it, and in all drawings. */
interface DrawingSteps {
  readonly before: number;
  readonly total: number;
}

/** One end: its noise, and of a sound the latents and what its noise misses of them. */
interface End {
  readonly noise: Float32Array;
  readonly seed: number;
  readonly mix: SoundMix;
  readonly latents: Float32Array | null;
  missed: Float32Array | null;
}

interface Drawn {
  readonly position: number;
  readonly latents: Float32Array;
  /** Clipped to [-1, 1]. */
  readonly image: Float32Array;
}

export interface MorphPath {
  /** Points from end to end, drawn again at most `rounds` times; the round in which the steps were most alike is taken. */
  evenPoints(count: number, rounds: number): Promise<MorphPoint[]>;
}

/** Steps this much alike are not worth another round. */
const EVEN_ENOUGH = 1.1;

/** Finds the noise of both ends. Memory: leaves no tensor. @throws the signal's reason when aborted */
export async function createMorphPath(pipeline: Pipeline, options: PathOptions): Promise<MorphPath> {
  const ends: End[] = [];
  for (const end of options.ends) ends.push(await findEnd(pipeline, end, options));
  const { batchSize } = options;
  const { floorDb, ceilingDb, melBins, frames, channels } = pipeline.mel;
  const levels = channels * melBins * frames; // the cells of one channel or of mid and side: panning is no level

  const drawAll = async (places: readonly Place[], steps: DrawingSteps): Promise<Drawn[]> => {
    const drawn: Drawn[] = [];
    for (let start = 0; start < places.length; start += batchSize) {
      const batch = places.slice(start, start + batchSize);
      const raw = await drawRaw(pipeline, { ...options, ends }, { places: batch, steps });
      batch.forEach(({ position }, item) => rememberMissed(ends, position, raw[item]));
      const latents = raw.map((values, item) => addMissed(ends, batch[item].position, values));
      const images = await decodeAll(pipeline, latents);
      batch.forEach(({ position }, item) => drawn.push({ position, latents: latents[item], image: images[item] }));
    }
    return drawn;
  };
  const changesOf = (points: readonly Drawn[]): number[] =>
    points.slice(1).map(({ image }, index) => {
      const before = points[index].image;
      return (image.subarray(0, levels).reduce((sum, value, cell) => sum + Math.abs(value - before[cell]), 0) / levels) * ((ceilingDb - floorDb) / 2);
    });

  return {
    async evenPoints(count, rounds) {
      const { steps } = options.redraw.how;
      // The ends first, since what both miss is part of all that lies between.
      const outer = await drawAll([{ index: 0, position: 0 }, { index: count - 1, position: 1 }], { before: 0, total: steps });
      const between = (positions: readonly number[], round: number): Promise<Drawn[]> =>
        drawAll(positions.map((position, index) => ({ index, position })).slice(1, -1), { before: round * steps, total: (rounds + 1) * steps });
      let points = [outer[0], ...(await between(Array.from({ length: count }, (_, index) => index / (count - 1)), 0)), outer[1]];
      let best = points;
      for (let round = 0; round < rounds && count > 2 && unevenness(changesOf(best)) > EVEN_ENOUGH; round += 1) {
        points = [outer[0], ...(await between(evenPositions(points.map(({ position }) => position), changesOf(points)), round + 1)), outer[1]];
        if (unevenness(changesOf(points)) < unevenness(changesOf(best))) best = points;
      }
      const changes = changesOf(best);
      return best.map(({ position, latents }, index) => ({ position, latents, changeDb: index === 0 ? null : changes[index - 1] }));
    },
  };
}

async function findEnd(pipeline: Pipeline, { seed, samples, mix }: PathOptions['ends'][number], { redraw, encoder, corrections, onStep, signal }: PathOptions): Promise<End> {
  if (samples === null) return { noise: createRandom(seed, 'noise', 'initial').normals(itemSize(pipeline)), seed, mix, latents: null, missed: null };
  const clean = encoder.latents([encoder.image(samples)]);
  const condition = mixedCondition(pipeline, [mix]);
  try {
    const noise = await invertDdim({ ...redraw.plan!.path, denoise: redraw.denoise, clean, condition, corrections, onStep, signal });
    const values = (await noise.data()) as Float32Array;
    noise.dispose();
    return { noise: values, seed, mix, latents: (await clean.data()) as Float32Array, missed: null };
  } finally {
    clean.dispose();
    disposeMix(condition);
  }
}

/** What the sampler makes of the noise at some positions. */
async function drawRaw(pipeline: Pipeline, { ends, redraw, onStep, onPreview, previewEvery = 1, signal }: Omit<PathOptions, 'ends'> & { ends: readonly End[] }, { places, steps }: { readonly places: readonly Place[]; readonly steps: DrawingSteps }): Promise<Float32Array[]> {
  const [from, to] = ends;
  const shape = sampleShape(pipeline);
  const positions = places.map(({ position }) => position);
  const show = async (step: number, denoised?: tf.Tensor4D): Promise<void> => {
    onStep();
    const doneSteps = steps.before + step;
    if (onPreview === undefined || denoised === undefined || doneSteps === steps.total || doneSteps % previewEvery !== 0) return;
    const seen = itemsOf(pipeline, (await denoised.data()) as Float32Array).map((values, item) => addMissed(ends, positions[item], values));
    const images = await decodeAll(pipeline, seen);
    for (const [item, { index }] of places.entries()) await onPreview({ index, doneSteps, totalSteps: steps.total, image: { settings: pipeline.mel, frameCount: pipeline.mel.frames, data: images[item] } });
  };
  const initialNoise = tf.tidy(() => tf.stack(positions.map((position) => tf.tensor3d(slerp(from.noise, to.noise, position), [...shape]))) as tf.Tensor4D);
  const random = positions.map((position) => blendedRandom(from.seed, to.seed, position));
  try {
    const drawn = await redraw.run({ clean: null, initialNoise, random, mixes: positions.map((position) => blendMixes(from.mix, to.mix, position)), onStep: show, signal });
    const values = (await drawn.data()) as Float32Array;
    drawn.dispose();
    return itemsOf(pipeline, values);
  } finally {
    initialNoise.dispose();
  }
}

/** At an end that is a sound, keeps what the sampler missed of it. Mutates: the end. */
function rememberMissed(ends: readonly End[], position: number, raw: Float32Array): void {
  const end = position === 0 ? ends[0] : position === 1 ? ends[1] : undefined;
  if (end !== undefined && end.latents !== null) end.missed = end.latents.map((value, index) => value - raw[index]);
}

function addMissed([from, to]: readonly End[], position: number, raw: Float32Array): Float32Array {
  if (position === 0 && from.latents !== null) return from.latents;
  if (position === 1 && to.latents !== null) return to.latents;
  return raw.map((value, index) => value + (1 - position) * (from.missed?.[index] ?? 0) + position * (to.missed?.[index] ?? 0));
}

/** Memory: leaves no tensor. */
async function decodeAll(pipeline: Pipeline, latents: readonly Float32Array[]): Promise<Float32Array[]> {
  const shape = sampleShape(pipeline);
  const decoded = tf.tidy(() => hostOrder(decodeLatents(pipeline, tf.stack(latents.map((values) => tf.tensor3d(values, [...shape]))) as tf.Tensor4D)));
  const values = (await decoded.data()) as Float32Array;
  decoded.dispose();
  const size = values.length / latents.length;
  return latents.map((_, item) => values.slice(item * size, (item + 1) * size).map((value) => Math.min(1, Math.max(-1, value))));
}

/** The noise that a sampler adds on its way, between those of two seeds as the initial noise is. */
function blendedRandom(from: number, to: number, position: number): Random {
  const [a, b] = [from, to].map((seed) => createRandom(seed, 'noise', 'steps'));
  if (from === to || position === 0) return a;
  return position === 1 ? b : { ...a, normals: (count) => slerp(a.normals(count), b.normals(count), position) };
}

/** Shape: [B*H*W*C] -> B times [H*W*C]. */
function itemsOf(pipeline: Pipeline, values: Float32Array): Float32Array[] {
  const size = itemSize(pipeline);
  return Array.from({ length: values.length / size }, (_, item) => values.slice(item * size, (item + 1) * size));
}

function itemSize(pipeline: Pipeline): number {
  return sampleShape(pipeline).reduce((product, size) => product * size, 1);
}

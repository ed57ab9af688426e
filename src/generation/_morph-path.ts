// The way between the two ends of a morph: what lies at a position, and which positions are as far from one another.
import * as tf from '@tensorflow/tfjs';
import type { Random } from '../base/random.js';
import { slerp } from '../diffusion/slerp.js';
import { hostOrder } from '../pipeline/image-tensor.js';
import { decodeLatents } from '../pipeline/latents.js';
import type { Pipeline, SampleShape } from '../pipeline/pipeline.js';
import { withGain } from '../spectrogram/image-level.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { evenPositions, unevenness } from './_even-steps.js';
import { noiseSequence, type NetworkNoise } from './_noise.js';
import type { Redraw } from './_redraw.js';
import type { SoundEncoder, SoundSamples } from './_sounds.js';
import type { UnguidedLevel } from './_unguided-level.js';
import { networkShapes, resultShape } from './length.js';
import { blendMixes, type SoundMix } from './mix.js';
import type { Preview } from './request.js';

/** A clip of the morph, as what the networks come to: latents, or where an upscaler follows, the image. */
export interface MorphPoint {
  readonly position: number;
  readonly latents: Float32Array;
  /** The same drawn without guidance, as loud as which it is to be; null: it has the level that it was drawn with. */
  readonly unguided: Float32Array | null;
  /** Mean change of a cell since the point before; null for the first. Unit: dB. */
  readonly changeDb: number | null;
}

interface PathOptions {
  readonly ends: readonly { readonly seed: number; readonly samples: SoundSamples | null; readonly mix: SoundMix }[];
  readonly redraw: Redraw;
  /** What says how loud each clip is to be. */
  readonly level: (Pick<UnguidedLevel, 'gainDb'> & { readonly redraw: Redraw }) | null;
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

/** One end: its noise for each network, and of a sound the latents and what its noise misses of them. */
interface End {
  readonly noise: readonly Float32Array[];
  readonly seed: number;
  readonly mix: SoundMix;
  readonly latents: Float32Array | null;
  missed: Float32Array | null;
}

interface Drawn {
  readonly position: number;
  readonly latents: Float32Array;
  readonly unguided: Float32Array | null;
  /** Clipped to [-1, 1], at its level. */
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
  const { batchSize, level } = options;
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
      const unguided = level && (await drawRaw(pipeline, { ...options, redraw: level.redraw, onPreview: undefined, ends }, { places: batch, steps }));
      const told = unguided && (await decodeAll(pipeline, unguided));
      const [drawnImages, toldImages] = [images, told ?? []].map((list) => list.map((data): MelImage => ({ settings: pipeline.mel, frameCount: frames, data })));
      batch.forEach(({ position }, item) => {
        const image = level === null ? images[item] : withGain(drawnImages[item], level.gainDb(drawnImages[item], toldImages[item])).data;
        drawn.push({ position, latents: latents[item], unguided: unguided?.[item] ?? null, image });
      });
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
      const { steps } = options.redraw;
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
      return best.map(({ position, latents, unguided }, index) => ({ position, latents, unguided, changeDb: index === 0 ? null : changes[index - 1] }));
    },
  };
}

async function findEnd(pipeline: Pipeline, { seed, samples, mix }: PathOptions['ends'][number], { redraw, encoder, corrections, onStep, signal }: PathOptions): Promise<End> {
  if (samples === null) return { noise: networkShapes(pipeline).map((shape, network) => noiseSequence(seed, network, 'initial').normals(sizeOf(shape))), seed, mix, latents: null, missed: null };
  const clean = encoder.latents([encoder.image(samples)]);
  try {
    const noise = await redraw.invert({ clean, mixes: [mix], corrections, onStep, signal });
    const values = (await Promise.all(noise.map((tensor) => tensor.data()))) as Float32Array[];
    tf.dispose(noise);
    return { noise: values, seed, mix, latents: (await clean.data()) as Float32Array, missed: null };
  } finally {
    clean.dispose();
  }
}

/** What the sampler makes of the noise at some positions. */
async function drawRaw(pipeline: Pipeline, { ends, redraw, onStep, onPreview, previewEvery = 1, signal }: Omit<PathOptions, 'ends'> & { ends: readonly End[] }, { places, steps }: { readonly places: readonly Place[]; readonly steps: DrawingSteps }): Promise<Float32Array[]> {
  const [from, to] = ends;
  const positions = places.map(({ position }) => position);
  const show = async (step: number, denoised?: tf.Tensor4D): Promise<void> => {
    onStep();
    const doneSteps = steps.before + step;
    if (onPreview === undefined || denoised === undefined || doneSteps === steps.total || doneSteps % previewEvery !== 0) return;
    const seen = itemsOf(pipeline, (await denoised.data()) as Float32Array).map((values, item) => addMissed(ends, positions[item], values));
    const images = await decodeAll(pipeline, seen);
    for (const [item, { index }] of places.entries()) await onPreview({ index, doneSteps, totalSteps: steps.total, image: { settings: pipeline.mel, frameCount: pipeline.mel.frames, data: images[item] } });
  };
  const noise = networkShapes(pipeline).map((shape, network): NetworkNoise => ({
    initial: tf.tidy(() => tf.stack(positions.map((position) => tf.tensor3d(slerp(from.noise[network], to.noise[network], position), [...shape]))) as tf.Tensor4D),
    added: positions.map((position) => blendedSequence(from.seed, to.seed, { position, network })),
  }));
  try {
    const drawn = await redraw.run({ clean: null, noise, mixes: positions.map((position) => blendMixes(from.mix, to.mix, position)), onStep: show, signal });
    const values = (await drawn.data()) as Float32Array;
    drawn.dispose();
    return itemsOf(pipeline, values);
  } finally {
    tf.dispose(noise.map(({ initial }) => initial));
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
  const shape = resultShape(pipeline);
  const decoded = tf.tidy(() => hostOrder(decodeLatents(pipeline, tf.stack(latents.map((values) => tf.tensor3d(values, [...shape]))) as tf.Tensor4D)));
  const values = (await decoded.data()) as Float32Array;
  decoded.dispose();
  const size = values.length / latents.length;
  return latents.map((_, item) => values.slice(item * size, (item + 1) * size).map((value) => Math.min(1, Math.max(-1, value))));
}

/** The noise that a sampler adds on its way, between those of two seeds as the initial noise is. */
function blendedSequence(from: number, to: number, { position, network }: { position: number; network: number }): Random {
  const [a, b] = [from, to].map((seed) => noiseSequence(seed, network, 'steps'));
  if (from === to || position === 0) return a;
  return position === 1 ? b : { ...a, normals: (count) => slerp(a.normals(count), b.normals(count), position) };
}

/** Shape: [B*H*W*C] -> B times [H*W*C]. */
function itemsOf(pipeline: Pipeline, values: Float32Array): Float32Array[] {
  const size = sizeOf(resultShape(pipeline));
  return Array.from({ length: values.length / size }, (_, item) => values.slice(item * size, (item + 1) * size));
}

function sizeOf(shape: SampleShape): number {
  return shape.reduce((product, size) => product * size, 1);
}

// Compares a set of clips with the real sounds of a corpus, as sets: what `evaluate` reports beside round trips and agreement.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clip } from '../audio/clip.js';
import { resampleClip } from '../audio/resample.js';
import { MelstromError } from '../base/errors.js';
import { createRandom } from '../base/random.js';
import type { PreparedCorpus } from '../corpus/prepare.node.js';
import { midSide } from '../dsp/mid-side.js';
import { createClipMeter, type ClipMeasures } from '../evaluation/clip-measures.js';
import type { Embedding } from '../evaluation/embedding.js';
import { fineTextureDb } from '../evaluation/fine-texture.js';
import { coarseOf, nearestTraining, reportMemorisation, type Comparable, type MemorisationReport } from '../evaluation/memorisation.js';
import { reportSet, type Compared, type MeasuredClip, type SetReport } from '../evaluation/set-report.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { listRealSlices, readRealSounds, type ReadOptions, type RealSlice, type SharedLabel } from './real-sounds.js';

/** Real clips whose nearest training slice is looked for, at most. */
const MOST_BASELINE = 200;

/** A clip that is judged, in the codec's channels. */
export interface SoundClip {
  readonly name: string;
  readonly clip: Clip;
  readonly image: MelImage;
  /** Number among the shared labels. */
  readonly label: number;
}

/** A clip and the training slice it is nearest to being a copy of. */
export interface NearestPair {
  readonly clip: SoundClip;
  readonly slice: RealSlice;
  readonly distanceDb: number;
}

export interface SetEvaluation {
  readonly embedding: Pick<Embedding, 'name' | 'description'>;
  readonly report: SetReport;
  /** null when no real clip is left to compare with. */
  readonly memorisation: (MemorisationReport & { readonly baseline: Baseline }) | null;
  /** Distances to the nearest training slice, in dB. */
  readonly nearestDb: Compared<readonly number[]>;
  readonly measures: Compared<readonly ClipMeasures[]>;
  /** Nearest first, all clips. */
  readonly pairs: readonly NearestPair[];
}

/** What real clips the baseline is of: held out from training, or of the training set itself, each without its own group. */
export type Baseline = 'held out' | 'other groups';

export interface EvaluateSetsOptions extends ReadOptions {
  readonly clips: readonly SoundClip[];
  readonly corpus: PreparedCorpus;
  readonly shared: readonly SharedLabel[];
  readonly embedding: Embedding;
  readonly seed: number;
}

/**
 * Measures all clips and all real slices of the shared labels.
 *
 * Memory: a vector and a coarse image per slice, and the clips.
 * @throws MelstromError of kind 'data' for fewer than 2 clips or training slices; the signal's reason when aborted
 */
export async function evaluateSets(options: EvaluateSetsOptions): Promise<SetEvaluation> {
  const { clips, corpus, shared, embedding, seed, reporter } = options;
  const training = listRealSlices(corpus, 'train', shared);
  const validation = listRealSlices(corpus, 'validation', shared);
  requireTwo('clips to judge', clips.length);
  requireTwo('real sounds', training.length);
  const measure = createMeasure(embedding, corpus.mel.sampleRateHz);
  const reference = await measureReal(training, options, measure);
  const heldOut = await measureReal(validation, options, measure);
  const judged: MeasuredClip[] = [];
  for (const { clip, image, label } of clips) judged.push({ label, textureDb: fineTextureDb(image), ...await measure(clip) });
  reporter.log.info(`comparing ${clips.length} clips with ${training.length + validation.length} real ones by ${embedding.name} …`);
  const report = reportSet({ clips: judged, reference, heldOut, seed });
  const { nearest, real, baseline } = await findNearest(options, { training, validation });
  const pairs = nearest.map(({ index, distanceDb }, clip) => ({ clip: clips[clip], slice: training[index], distanceDb }));
  const distances = nearest.map(({ distanceDb }) => distanceDb);
  return {
    embedding: { name: embedding.name, description: embedding.description },
    report,
    memorisation: real.length === 0 ? null : { ...reportMemorisation(distances, real), baseline },
    nearestDb: { clips: distances, real },
    measures: { clips: judged.map(({ measures }) => measures), real: [...reference, ...heldOut].map(({ measures }) => measures) },
    pairs: pairs.sort((a, b) => a.distanceDb - b.distanceDb),
  };
}

function requireTwo(where: string, count: number): void {
  if (count < 2) throw new MelstromError({ kind: 'data', where, got: String(count), expected: 'at least 2', fix: 'A set is compared with a set: give more.' });
}

type Measure = (clip: Clip) => Promise<Pick<MeasuredClip, 'embedding' | 'measures'>>;

/** Of stereo sound mid and side are embedded, one behind the other, so that a set of another width is another set. */
function createMeasure(embedding: Embedding, sampleRateHz: number): Measure {
  const meter = createClipMeter(sampleRateHz);
  return async (clip) => {
    const { channels: [left, right] } = await resampleClip(clip, embedding.sampleRateHz);
    const vectors = [];
    for (const signal of right === undefined ? [left] : midSide(left, right)) vectors.push(await embedding.embed(signal));
    return { measures: meter(clip.channels), embedding: vectors.length === 1 ? vectors[0] : Float64Array.from(vectors.flatMap((vector) => [...vector])) };
  };
}

/** In the order of the slices. */
async function measureReal(slices: readonly RealSlice[], options: EvaluateSetsOptions, measure: Measure): Promise<MeasuredClip[]> {
  const found = new Map<RealSlice, MeasuredClip>();
  const { sampleRateHz } = options.corpus.mel;
  if (slices.length === 0) return [];
  for await (const { slice, channels } of readRealSounds(slices, options, 'measure real sounds')) {
    found.set(slice, { label: slice.label, textureDb: fineTextureDb(slice.image()), ...await measure({ sampleRateHz, channels }) });
  }
  return slices.map((slice) => found.get(slice)!);
}

interface RealSets {
  readonly training: readonly RealSlice[];
  readonly validation: readonly RealSlice[];
}

async function findNearest({ clips, seed, reporter, signal }: EvaluateSetsOptions, { training, validation }: RealSets) {
  const slices = training.map((slice) => comparable(() => slice.image(), slice.group));
  const isHeldOut = validation.length > 0;
  const others = isHeldOut ? validation.map((slice) => comparable(() => slice.image(), slice.group)) : slices;
  const chosen = Array.from(createRandom(seed, 'memorisation baseline').permutation(others.length).slice(0, MOST_BASELINE), (index) => others[index]);
  const progress = reporter.startProgress('look for copies', clips.length + chosen.length, 'clips');
  const search = async (clip: Comparable, isAllowed?: (slice: Comparable) => boolean) => {
    await nextTurn(); // lets an interrupt in
    signal?.throwIfAborted();
    return nearestTraining(clip, slices, isAllowed);
  };
  const nearest = [];
  const real: number[] = [];
  try {
    for (const { image } of clips) {
      nearest.push((await search(comparable(() => image, '')))!);
      progress.update(nearest.length);
    }
    for (const clip of chosen) {
      const found = await search(clip, isHeldOut ? undefined : ({ group }) => group !== clip.group);
      if (found !== null && Number.isFinite(found.distanceDb)) real.push(found.distanceDb);
      progress.update(nearest.length + real.length);
    }
  } finally {
    progress.end();
  }
  return { nearest, real, baseline: (isHeldOut ? 'held out' : 'other groups') as Baseline };
}

function comparable(image: () => MelImage, group: string): Comparable {
  return { image, group, coarse: coarseOf(image()) };
}

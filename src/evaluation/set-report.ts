// All that is said of one set of clips as a set: distances with their floors, silence, level, spectrum and diversity. Knows no files.
import { createRandom } from '../base/random.js';
import type { ClipMeasures } from './clip-measures.js';
import { meanPairDistance, nearestOthers, repeatedShare, vendiScore } from './diversity.js';
import { frechetDistance, momentsOf, type Moments } from './frechet-distance.js';
import { bootstrapInterval, kernelDistance, kernelMatrix, medianDistance, pairDistances, weightsAt } from './kernel-distance.js';
import { spreadOf, type Spread } from './quantiles.js';
import { planLabelDraw, sameCountFloor, splitHalfFloor, type Floor, type SetDistance } from './score-floors.js';

/** Clips of one set above this number are drawn from, so that the table of pairs stays below 100 MB. */
export const MOST_CLIPS = 1500;

/** One clip to the report. */
export interface MeasuredClip {
  readonly embedding: Float64Array;
  readonly measures: ClipMeasures;
  /** Fine texture of its mel image; NaN where that is near silence. Unit: dB. */
  readonly textureDb: number;
  /** Number of its label; 0 for all where there are none. */
  readonly label: number;
}

export interface Score {
  readonly value: number;
  /** 95 % by bootstrap over both sets, label by label; null where none is computed. */
  readonly interval: readonly [number, number] | null;
  /** Halves of the reference against each other. */
  readonly splitHalf: Floor | null;
  /** As many real clips as were judged, against the rest. */
  readonly sameCount: Floor | null;
  /** Real clips that were held out, against the reference; null without. */
  readonly heldOut: number | null;
}

export interface Compared<T> {
  readonly clips: T;
  readonly real: T;
}

export interface Diversity {
  /** Clips that the effective number is of: all, or fewer where there are not twice as many real ones of each label. */
  readonly countedClips: number;
  /** Effective number of different clips, and that of as many real ones (mean of the draws). */
  readonly effectiveCount: { readonly clips: number; readonly real: number | null };
  /** Mean distance between two clips of one label, in the embedding's unit. */
  readonly withinLabel: Compared<number | null>;
  /** Share in [0, 1] of clips that repeat another one of the set. */
  readonly repeatedShare: number;
}

export interface SetReport {
  readonly counts: { readonly clips: number; readonly reference: number; readonly heldOut: number };
  /** σ of the Gaussian kernel, in the embedding's unit: the median distance within the reference. */
  readonly bandwidth: number;
  /** 100 · unbiased MMD². */
  readonly kernelDistance: Score;
  readonly frechetDistance: Score;
  readonly silentShare: Compared<number>;
  readonly peakDbfs: Compared<Spread>;
  readonly rmsDbfs: Compared<Spread>;
  readonly centroidHz: Compared<Spread>;
  readonly textureDb: Compared<Spread>;
  readonly diversity: Diversity;
}

export interface SetReportOptions {
  readonly clips: readonly MeasuredClip[];
  /** Real clips that the others are compared with: those of training. */
  readonly reference: readonly MeasuredClip[];
  readonly heldOut: readonly MeasuredClip[];
  readonly seed: number;
}

/** Compares a set of clips with real ones. Needs two of each. Cost: the square of the number of clips, each set of at most 1500. */
export function reportSet(options: SetReportOptions): SetReport {
  const { seed } = options;
  const sets = [options.clips, options.reference, options.heldOut].map((set, number) => drawAtMost(set, createRandom(seed, 'set report', 'draw', number)));
  const all = sets.flat();
  const [clips, reference, heldOut] = positionsOf(sets);
  const pairs = { count: all.length, values: pairDistances(all.map((clip) => clip.embedding)) };
  const bandwidth = medianDistance(sets[1].map((clip) => clip.embedding));
  const kernel = kernelMatrix(pairs.values, bandwidth);
  const labelOf = (position: number): number => all[position].label;
  const plan = planLabelDraw(reference, labelOf, clips);

  const scored = (distance: SetDistance, interval: Score['interval']): Score => ({
    value: distance(clips, reference),
    interval,
    splitHalf: splitHalfFloor({ real: reference, distance, random: createRandom(seed, 'set report', 'halves') }),
    sameCount: sameCountFloor({ real: reference, distance, random: createRandom(seed, 'set report', 'same count'), plan }),
    heldOut: heldOut.length < 2 ? null : distance(heldOut, reference),
  });
  const moments = (positions: readonly number[]): Moments => momentsOf(positions.map((position) => all[position].embedding));
  return {
    counts: { clips: options.clips.length, reference: options.reference.length, heldOut: options.heldOut.length },
    bandwidth,
    kernelDistance: scored(
      (a, b) => kernelDistance(kernel, weightsAt(a, kernel.count), weightsAt(b, kernel.count)),
      bootstrapInterval(kernel, { a: clips, b: reference, labelOf, random: createRandom(seed, 'set report', 'bootstrap') }),
    ),
    frechetDistance: scored((a, b) => frechetDistance(moments(a), moments(b)), null),
    silentShare: compare(options, (set) => set.filter(({ measures }) => measures.centroidHz === null).length / Math.max(1, set.length)),
    peakDbfs: compare(options, (set) => spreadOf(audible(set).map(({ peakDbfs }) => peakDbfs))),
    rmsDbfs: compare(options, (set) => spreadOf(audible(set).map(({ rmsDbfs }) => rmsDbfs))),
    centroidHz: compare(options, (set) => spreadOf(audible(set).flatMap(({ centroidHz }) => centroidHz ?? []))),
    textureDb: compare(options, (set) => spreadOf(set.map(({ textureDb }) => textureDb).filter(Number.isFinite))),
    diversity: reportDiversity(),
  };

  function reportDiversity(): Diversity {
    const labels = [...new Set(clips.map(labelOf))];
    const ofLabel = (positions: readonly number[], label: number): number[] => positions.filter((position) => labelOf(position) === label);
    const within = (positions: readonly number[]): number | null => {
      const own = labels.map((label) => ofLabel(positions, label)).filter((one) => one.length > 1);
      return own.length === 0 ? null : own.reduce((sum, one) => sum + meanPairDistance(pairs, one), 0) / own.length;
    };
    // Where real clips are few, fewer of both are counted. Of each draw of real clips only the drawn ones are looked at.
    const counted = labels.flatMap((label, index) => ofLabel(clips, label).slice(0, plan[index].count));
    const real = sameCountFloor({ real: reference, distance: (drawn) => vendiScore(kernel, drawn), random: createRandom(seed, 'set report', 'diversity'), draws: 5, plan });
    return {
      countedClips: real === null ? clips.length : counted.length,
      effectiveCount: { clips: vendiScore(kernel, real === null ? clips : counted), real: real?.mean ?? null },
      withinLabel: { clips: within(clips), real: within(reference) },
      repeatedShare: repeatedShare(nearestOthers(pairs, clips), nearestOthers(pairs, reference)),
    };
  }
}

function drawAtMost(set: readonly MeasuredClip[], random: ReturnType<typeof createRandom>): readonly MeasuredClip[] {
  return set.length <= MOST_CLIPS ? set : Array.from(random.permutation(set.length).slice(0, MOST_CLIPS), (index) => set[index]);
}

function positionsOf(sets: readonly (readonly MeasuredClip[])[]): number[][] {
  let start = 0;
  return sets.map((set) => {
    const positions = Array.from(set.keys(), (index) => start + index);
    start += set.length;
    return positions;
  });
}

function audible(set: readonly MeasuredClip[]): ClipMeasures[] {
  return set.map(({ measures }) => measures).filter(({ centroidHz }) => centroidHz !== null);
}

function compare<T>({ clips, reference, heldOut }: SetReportOptions, measure: (set: readonly MeasuredClip[]) => T): Compared<T> {
  return { clips: measure(clips), real: measure([...reference, ...heldOut]) };
}

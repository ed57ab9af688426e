// Whether clips are copies of training clips: the nearest training slice of each, against what real clips that were not trained on show.
import { levelRows } from '../config/mel-layout.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { quantile, shareBelow } from './quantiles.js';

/** Training slices whose images are compared cell by cell: the nearest by coarse image. */
const CANDIDATES = 16;
/** Rows and frames that are one cell of a coarse image. */
const COARSE = { bins: 8, frames: 2 };
/** A clip may be this many frames early or late and still be a copy. */
const MOST_SHIFT_FRAMES = 4;
/** A clip may be this much louder or softer and still be a copy. Unit: dB. */
const MOST_GAIN_DB = 12;
/** Cells of either image this far above the floor are compared. Unit: dB. */
const ACTIVE_DB = 4;
/** Below this a clip is a copy whatever real clips show. Unit: dB. */
export const CERTAIN_COPY_DB = 1;

/** A clip that may be compared with others: its coarse image, and the whole one when that is wanted. */
export interface Comparable {
  readonly coarse: MelImage;
  /** Clips of one group are not independent of each other. */
  readonly group: string;
  image(): MelImage;
}

export interface Nearest {
  /** Number of the training slice. */
  readonly index: number;
  /** Unit: dB. */
  readonly distanceDb: number;
}

/**
 * How far one image is from being a copy of another: mean absolute difference in dB over cells where either is more than 4 dB above
 * the floor, at the shift of up to 4 frames and the gain of up to 12 dB that make it least. 0 for copies, whatever their gain.
 * Infinite where no cell is compared.
 *
 * Unit: dB. The images are of one codec, of stereo sound mid and side are compared; frames beyond the shorter one are left out.
 */
export function copyDistanceDb(a: MelImage, b: MelImage): number {
  return leastDistanceDb(a, b, MOST_SHIFT_FRAMES);
}

function leastDistanceDb(a: MelImage, b: MelImage, mostShift: number): number {
  let least = Infinity;
  for (let shift = -mostShift; shift <= mostShift; shift += 1) least = Math.min(least, shiftedDistanceDb(a, b, shift));
  return least;
}

function shiftedDistanceDb(a: MelImage, b: MelImage, shift: number): number {
  const { floorDb, ceilingDb } = a.settings;
  const rows = levelRows(a.settings);
  const perUnit = (ceilingDb - floorDb) / 2;
  const active = ACTIVE_DB / perUnit - 1;
  const first = Math.max(0, shift);
  const last = Math.min(a.frameCount, b.frameCount + shift);
  let [louder, both] = [0, 0];
  for (let bin = 0; bin < rows; bin += 1) {
    for (let frame = first; frame < last; frame += 1) {
      const [x, y] = [a.data[bin * a.frameCount + frame], b.data[bin * b.frameCount + frame - shift]];
      if (x <= active || y <= active) continue;
      louder += x - y;
      both += 1;
    }
  }
  const most = MOST_GAIN_DB / perUnit;
  const gain = both === 0 ? 0 : Math.max(-most, Math.min(most, louder / both));
  let [difference, cells] = [0, 0];
  for (let bin = 0; bin < rows; bin += 1) {
    for (let frame = first; frame < last; frame += 1) {
      const [x, y] = [a.data[bin * a.frameCount + frame], b.data[bin * b.frameCount + frame - shift]];
      if (x <= active && y <= active) continue;
      difference += Math.abs(x - Math.max(-1, Math.min(1, y + (y > -1 ? gain : 0))));
      cells += 1;
    }
  }
  return cells === 0 ? Infinity : (difference / cells) * perUnit;
}

/** The image that candidates are found by: means of 8 bins and 2 frames, rounded up. Shape: [M, N] -> [M/8, N/2], of stereo sound [3·M, N] -> [2·(M/8), N/2]. */
export function coarseOf({ settings, frameCount, data }: MelImage): MelImage {
  const rows = levelRows(settings);
  const binsOfChannel = Math.ceil(settings.melBins / COARSE.bins);
  const melBins = (rows / settings.melBins) * binsOfChannel;
  const frames = Math.ceil(frameCount / COARSE.frames);
  const [sums, cells] = [new Float32Array(melBins * frames), new Float32Array(melBins * frames)];
  for (let bin = 0; bin < rows; bin += 1) {
    const coarseBin = Math.floor(bin / settings.melBins) * binsOfChannel + Math.floor((bin % settings.melBins) / COARSE.bins);
    for (let frame = 0; frame < frameCount; frame += 1) {
      const cell = coarseBin * frames + Math.floor(frame / COARSE.frames);
      sums[cell] += data[bin * frameCount + frame];
      cells[cell] += 1;
    }
  }
  return { settings: { ...settings, channels: 1, melBins, frames }, frameCount: frames, data: sums.map((sum, cell) => sum / cells[cell]) };
}

/**
 * The training slice that a clip is nearest to being a copy of, among the 16 nearest by coarse image.
 *
 * @param isAllowed leaves training slices out, for a clip that is one itself
 */
export function nearestTraining(clip: Comparable, training: readonly Comparable[], isAllowed: (slice: Comparable) => boolean = () => true): Nearest | null {
  const candidates = training
    .flatMap((slice, index) => (isAllowed(slice) ? [{ index, away: leastDistanceDb(clip.coarse, slice.coarse, MOST_SHIFT_FRAMES / COARSE.frames) }] : []))
    .sort((a, b) => a.away - b.away)
    .slice(0, CANDIDATES);
  const image = clip.image();
  let nearest: Nearest | null = null;
  for (const { index } of candidates) {
    const distanceDb = copyDistanceDb(image, training[index].image());
    if (nearest === null || distanceDb < nearest.distanceDb) nearest = { index, distanceDb };
  }
  return nearest;
}

export interface MemorisationReport {
  /** Below this a clip counts as a copy: the distance that 1 % of real clips fall below, at least 1 dB. Unit: dB. */
  readonly thresholdDb: number;
  /** Share of clips in [0, 1] that count as copies; about 0.01 for clips no nearer than real ones. */
  readonly copiedShare: number;
  /** How often a clip is nearer to a training slice than a real clip is: 0.5 when clips are as new as real ones, 1 for copies. */
  readonly nearerThanReal: number;
  readonly medianDb: number;
  readonly realMedianDb: number;
}

/** Sums up the distances of clips against those of real clips that were not trained on. Unit: dB. */
export function reportMemorisation(clips: readonly number[], real: readonly number[]): MemorisationReport {
  const thresholdDb = Math.max(CERTAIN_COPY_DB, quantile(real, 0.01));
  return {
    thresholdDb,
    copiedShare: clips.filter((distance) => distance < thresholdDb).length / Math.max(1, clips.length),
    nearerThanReal: shareBelow(clips, real),
    medianDb: quantile(clips, 0.5),
    realMedianDb: quantile(real, 0.5),
  };
}

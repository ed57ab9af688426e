// Distances in decibels between two mel images of one codec. Knows nothing of how either was made.
import { requireShape } from '../base/checks.js';
import { levelRows } from '../config/mel-layout.js';
import type { MelImage } from '../spectrogram/mel-image.js';

export interface MelDistance {
  /** Mean absolute difference over cells whose reference is louder than the threshold, in dB. NaN when there is none. */
  readonly activeErrorDb: number;
  /** Mean absolute difference over all cells, in dB. */
  readonly errorDb: number;
  /** Cells of the reference louder than the threshold. */
  readonly activeCells: number;
  /** Mean signed difference over active cells, in dB: above 0 the candidate is louder. */
  readonly biasDb: number;
}

/**
 * Compares a candidate with a reference, cell by cell; of stereo sound the cells of mid and side, since panning is no level.
 *
 * Unit: `aboveFloorDb` (default 4 dB) is how far above the codec's floor a reference cell counts as active, so that a
 * codec with its floor at −80 dB calls cells louder than −76 dB active.
 *
 * @throws MelstromError when the images differ in size or in channels.
 */
export function melDistance(reference: MelImage, candidate: MelImage, { aboveFloorDb = 4 } = {}): MelDistance {
  const { floorDb, ceilingDb } = reference.settings;
  const rows = levelRows(reference.settings);
  requireShape('melDistance', [levelRows(candidate.settings), candidate.frameCount], [rows, reference.frameCount]);
  const cells = rows * reference.frameCount;
  const decibelsPerUnit = (ceilingDb - floorDb) / 2;
  const threshold = -1 + aboveFloorDb / decibelsPerUnit;
  let all = 0;
  let active = 0;
  let signed = 0;
  let activeCells = 0;
  for (let index = 0; index < cells; index += 1) {
    const difference = candidate.data[index] - reference.data[index];
    all += Math.abs(difference);
    if (reference.data[index] > threshold) {
      active += Math.abs(difference);
      signed += difference;
      activeCells += 1;
    }
  }
  return {
    activeErrorDb: activeCells === 0 ? Number.NaN : (active / activeCells) * decibelsPerUnit,
    errorDb: (all / Math.max(1, cells)) * decibelsPerUnit,
    biasDb: activeCells === 0 ? Number.NaN : (signed / activeCells) * decibelsPerUnit,
    activeCells,
  };
}

/** Pools distances over clips, each active cell counting once. */
export function poolDistances(distances: readonly MelDistance[]): MelDistance {
  const activeCells = distances.reduce((sum, one) => sum + one.activeCells, 0);
  const pooled = (pick: (one: MelDistance) => number): number =>
    distances.reduce((sum, one) => sum + (one.activeCells === 0 ? 0 : pick(one) * one.activeCells), 0) / activeCells;
  return {
    activeErrorDb: pooled((one) => one.activeErrorDb),
    biasDb: pooled((one) => one.biasDb),
    errorDb: distances.reduce((sum, one) => sum + one.errorDb, 0) / Math.max(1, distances.length),
    activeCells,
  };
}

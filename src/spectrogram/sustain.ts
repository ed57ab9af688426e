// How steadily a spectrogram sounds for a moment: a held chord or a wash of noise, against an attack, a decay or silence.
import type { MelImage } from './mel-image.js';

/** Mean change of level, in decibels, up to which a sound is wholly sustained, and from which it is not at all. */
const [STEADY_DB, CHANGING_DB] = [3, 9];
/** Cells further below the loudest are not listened to. */
const LISTENED_DB = 40;
/** A loudest cell that is not as far above the codec's floor is silence. */
const SILENCE_DB = 20;

/**
 * 0 to 1, by how much the level of each row that sounds changes from the first half of some frames to the second. Of stereo sound, by the mid.
 *
 * @param isHeard rows that count. Default all
 */
export function sustainOf({ data, frameCount, settings }: MelImage, { from, to }: { readonly from: number; readonly to: number }, isHeard: (row: number) => boolean = () => true): number {
  if (to - from < 2) return 0;
  const half = Math.floor((to - from) / 2);
  const decibels = (settings.ceilingDb - settings.floorDb) / 2; // of a step of 1
  const rows = Array.from({ length: settings.melBins }, (_, row) => row).filter(isHeard).map((row) => data.subarray(row * frameCount + from, row * frameCount + to));
  const peaks = rows.map((cells) => Math.max(...cells));
  const loudest = Math.max(-1, ...peaks);
  if ((loudest + 1) * decibels < SILENCE_DB) return 0;
  const changes = rows.filter((_, index) => peaks[index] >= loudest - LISTENED_DB / decibels).map((cells) => Math.abs(mean(cells.subarray(0, half)) - mean(cells.subarray(cells.length - half))) * decibels);
  const change = changes.reduce((sum, value) => sum + value / changes.length, 0);
  return Math.min(1, Math.max(0, (CHANGING_DB - change) / (CHANGING_DB - STEADY_DB)));
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

// How much goes on from one cell of a mel image to the next: the grain of noise, partials, attacks. Knows nothing of what made the image.
import { levelRows } from '../config/mel-layout.js';
import type { MelImage } from '../spectrogram/mel-image.js';

/** Cells whose surroundings lie lower are near silence, where the floor cuts texture off. Unit: dB above the codec's floor. */
const ABOVE_FLOOR_DB = 20;

/**
 * Root mean square of the difference between a cell and its surroundings, the 3 × 3 cells weighted 1 2 1 either way, over cells whose
 * surroundings are loud enough. Of stereo sound over the cells of mid and side. An image that was smoothed has less of it, whatever its
 * mean error. Unit: dB; NaN where nothing is loud enough.
 */
export function fineTextureDb({ settings, frameCount, data }: MelImage): number {
  const decibelsPerUnit = (settings.ceilingDb - settings.floorDb) / 2;
  const threshold = -1 + ABOVE_FLOOR_DB / decibelsPerUnit;
  const channelRows = settings.melBins;
  let [sum, cells] = [0, 0];
  for (let row = 0; row < levelRows(settings); row += 1) {
    const isEdge = row % channelRows === 0 || row % channelRows === channelRows - 1;
    for (let frame = 1; frame < frameCount - 1 && !isEdge; frame += 1) {
      const at = row * frameCount + frame;
      const across = (cell: number): number => data[cell - 1] + 2 * data[cell] + data[cell + 1];
      const around = (across(at - frameCount) + 2 * across(at) + across(at + frameCount)) / 16;
      if (around <= threshold) continue;
      sum += (data[at] - around) ** 2;
      cells += 1;
    }
  }
  return cells === 0 ? Number.NaN : Math.sqrt(sum / cells) * decibelsPerUnit;
}

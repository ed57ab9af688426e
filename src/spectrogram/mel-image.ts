// The image of a sound: what networks see, and what its values mean.
import { MelstromError } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';

/** Shape: data is [melBins, frameCount], row after row, row 0 the lowest frequency. Unit: [-1, 1] from floorDb to ceilingDb. */
export interface MelImage {
  readonly settings: MelSettings;
  readonly frameCount: number;
  readonly data: Float32Array;
}

/** Image value → decibels re full scale. Linear; -1 is floorDb, which stands for silence. */
export function imageValueToDb(value: number, { floorDb, ceilingDb }: MelSettings): number {
  return floorDb + ((value + 1) / 2) * (ceilingDb - floorDb);
}

/** Decibels re full scale → image value, clipped to [-1, 1]. */
export function dbToImageValue(db: number, { floorDb, ceilingDb }: MelSettings): number {
  return Math.min(Math.max((2 * (db - floorDb)) / (ceilingDb - floorDb) - 1, -1), 1);
}

/** @throws MelstromError when the size does not fit the settings, or a value is not finite. */
export function requireMelImage({ settings, frameCount, data }: MelImage, where: string): void {
  if (!Number.isSafeInteger(frameCount) || frameCount < 1 || data.length !== settings.melBins * frameCount) {
    throw new MelstromError({
      kind: 'internal',
      where,
      got: `${data.length} values for ${frameCount} frames`,
      expected: `${settings.melBins} mel bins × at least 1 frame`,
    });
  }
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const cell = `mel bin ${Math.floor(bad / frameCount)}, frame ${bad % frameCount}`;
    throw new MelstromError({ kind: 'numeric', where, got: `${data[bad]} at ${cell}`, expected: 'finite values' });
  }
}

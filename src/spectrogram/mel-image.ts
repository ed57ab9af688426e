// The image of a sound: what networks see, and what its values mean.
import { MelstromError } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';
import { imageRows } from '../config/mel-layout.js';

/**
 * Shape: data is [melBins, frameCount], row after row, row 0 the lowest frequency. Unit: [-1, 1] from floorDb to ceilingDb.
 * Stereo: [3·melBins, frameCount], the rows of mid, then those of side, then those of panning, whose unit is that of createStereoCodec.
 */
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

/** Makes power → image value, which is dbToImageValue of 10·log10(power · scale) with its constants worked out before. NaN stays NaN. */
export function powerToImageValue({ floorDb, ceilingDb }: MelSettings, scale: number): (power: number) => number {
  const slope = 20 / Math.LN10 / (ceilingDb - floorDb);
  const offset = slope * Math.log(scale) - (2 * floorDb) / (ceilingDb - floorDb) - 1;
  return (power) => Math.min(Math.max(slope * Math.log(power) + offset, -1), 1);
}

/** @throws MelstromError when the size does not fit the settings, or a value is not finite. */
export function requireMelImage({ settings, frameCount, data }: MelImage, where: string): void {
  if (!Number.isSafeInteger(frameCount) || frameCount < 1 || data.length !== imageRows(settings) * frameCount) {
    throw new MelstromError({
      kind: 'internal',
      where,
      got: `${data.length} values for ${frameCount} frames`,
      expected: `${imageRows(settings)} rows × at least 1 frame`,
    });
  }
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const cell = `mel bin ${Math.floor(bad / frameCount) % settings.melBins}, frame ${bad % frameCount}`;
    throw new MelstromError({ kind: 'numeric', where, got: `${data[bad]} at ${cell}`, expected: 'finite values' });
  }
}

/** One channel of a stereo image, as an image of that one: 0 mid, 1 side, 2 panning. Memory: shares the values. */
export function imageChannel({ settings, frameCount, data }: MelImage, channel: number): MelImage {
  const size = settings.melBins * frameCount;
  return { settings: { ...settings, channels: 1 }, frameCount, data: data.subarray(channel * size, (channel + 1) * size) };
}

/** The values of a frame of silence: the floor, and 0 for panning. Shape: [rows]. */
export function silentFrame(settings: Parameters<typeof imageRows>[0]): Float32Array {
  return new Float32Array(imageRows(settings)).fill(-1).fill(0, 2 * settings.melBins);
}

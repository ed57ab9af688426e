// How loud a mel image is as a whole, and the image of the same sound at another level.
import type { MelImage } from './mel-image.js';

/** Rounds of finding the gain: cells that meet the floor or the ceiling on the way leave a little of it undone. */
const ROUNDS = 12;

/**
 * Level of the mean power of all cells, of stereo sound in mid and side.
 *
 * Unit: dB, as the cells have it.
 * @param square cells to a side that are averaged in decibels before their power is taken, as an image that was averaged down has them. Default 1
 */
export function imageLevelDb({ settings, frameCount, data }: MelImage, square = 1): number {
  const rows = settings.channels * settings.melBins; // panning is no level
  let power = 0;
  for (let row = 0; row + square <= rows; row += square) {
    for (let frame = 0; frame + square <= frameCount; frame += square) power += 10 ** (meanDb({ settings, frameCount, data }, { row, frame, square }) / 10);
  }
  return 10 * Math.log10(power / (Math.floor(rows / square) * Math.floor(frameCount / square)));
}

/**
 * The gain that makes an image as loud as is wanted; of one that is silent, none does.
 *
 * Unit: dB.
 * @param levelDb as imageLevelDb has it, with the same squares
 */
export function gainToLevel(image: MelImage, levelDb: number, square = 1): number {
  let gainDb = 0;
  for (let round = 0; round < ROUNDS; round += 1) gainDb += levelDb - imageLevelDb(withGain(image, gainDb), square);
  return gainDb;
}

/** The image with all levels moved alike, as a gain moves those of its sound; cells stay between floor and ceiling, and what is silent is left so. Unit: dB. */
export function withGain(image: MelImage, gainDb: number): MelImage {
  const { settings: { channels, floorDb, ceilingDb }, data } = image;
  const levels = (data.length / imageParts(image)) * channels;
  const step = (2 * gainDb) / (ceilingDb - floorDb);
  return { ...image, data: data.map((value, cell) => (cell < levels && value > -1 ? Math.min(1, Math.max(-1, value + step)) : value)) };
}

/** Parts of the image, one below the other, of the mel bins each: one, or mid, side and panning. */
function imageParts({ settings, frameCount, data }: MelImage): number {
  return data.length / (settings.melBins * frameCount);
}

function meanDb({ settings: { floorDb, ceilingDb }, frameCount, data }: MelImage, { row, frame, square }: { readonly row: number; readonly frame: number; readonly square: number }): number {
  let sum = 0;
  for (let down = 0; down < square; down += 1) for (let along = 0; along < square; along += 1) sum += data[(row + down) * frameCount + frame + along];
  return floorDb + ((sum / square ** 2 + 1) / 2) * (ceilingDb - floorDb);
}

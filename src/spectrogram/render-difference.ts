// A picture of where one mel image differs from another: blue where it is softer, orange where it is louder, dark where they agree.
import { encode } from 'fast-png';
import { requireInteger, requireShape } from '../base/checks.js';
import { levelRows } from '../config/mel-layout.js';
import { requireMelImage, type MelImage } from './mel-image.js';

const SOFTER = [70, 150, 255];
const LOUDER = [255, 140, 40];
const EQUAL = 24;

export interface DifferenceOptions {
  /** Screen pixels per cell, in [1, 32], default 1. */
  readonly scale?: number;
  /** Difference shown in full colour, default 20. Unit: dB. */
  readonly rangeDb?: number;
}

/** As large as the reference's own picture, low frequency at the bottom; of stereo sound mid below side, without panning, which is no level. @throws MelstromError when the images differ in size */
export function renderDifferencePng(reference: MelImage, candidate: MelImage, { scale = 1, rangeDb = 20 }: DifferenceOptions = {}): Uint8Array {
  requireInteger('renderDifference: scale', scale, { min: 1, max: 32 });
  requireMelImage(reference, 'renderDifference');
  const { settings: { floorDb, ceilingDb }, frameCount } = reference;
  const rows = levelRows(reference.settings);
  requireShape('renderDifference', [levelRows(candidate.settings), candidate.frameCount], [rows, frameCount]);
  const perUnit = (ceilingDb - floorDb) / 2 / rangeDb;
  const [width, height] = [frameCount * scale, rows * scale];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    const row = rows - 1 - Math.floor(y / scale);
    for (let x = 0; x < width; x += 1) {
      const cell = row * frameCount + Math.floor(x / scale);
      const share = Math.max(-1, Math.min(1, (candidate.data[cell] - reference.data[cell]) * perUnit));
      const colour = share < 0 ? SOFTER : LOUDER;
      for (let channel = 0; channel < 3; channel += 1) data[3 * (y * width + x) + channel] = Math.round(EQUAL + Math.abs(share) * (colour[channel] - EQUAL));
    }
  }
  return encode({ width, height, data, depth: 8, channels: 3 });
}

// Some frames of an image, of one channel or three, and images put one behind the other. Knows no sound.
import { MelstromError } from '../base/errors.js';
import { imageRows } from '../config/mel-layout.js';
import type { MelImage } from './mel-image.js';

/** Frames `from` to before `to`; all of them are the image itself. Shape: [M, N] -> [M, to - from]. */
export function sliceFrames(image: MelImage, from: number, to: number): MelImage {
  const { settings, frameCount, data } = image;
  if (from === 0 && to === frameCount) return image;
  const rows = imageRows(settings);
  const part = new Float32Array(rows * (to - from));
  for (let row = 0; row < rows; row += 1) part.set(data.subarray(row * frameCount + from, row * frameCount + to), row * (to - from));
  return { settings, frameCount: to - from, data: part };
}

/** Shape: several [M, n] -> [M, sum of n]. @throws MelstromError when there is none */
export function joinFrames(images: readonly MelImage[]): MelImage {
  const [first] = images;
  if (first === undefined) throw new MelstromError({ kind: 'internal', where: 'joinFrames', got: 'no image' });
  if (images.length === 1) return first;
  const { settings } = first;
  const frameCount = images.reduce((sum, image) => sum + image.frameCount, 0);
  const rows = imageRows(settings);
  const data = new Float32Array(rows * frameCount);
  let at = 0;
  for (const image of images) {
    for (let row = 0; row < rows; row += 1) data.set(image.data.subarray(row * image.frameCount, (row + 1) * image.frameCount), row * frameCount + at);
    at += image.frameCount;
  }
  return { settings, frameCount, data };
}

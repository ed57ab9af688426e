// A detector of seams: how much the spectrum changes from frame to frame, at suspected places against elsewhere.
import type { MelCodec } from '../../src/spectrogram/mel-codec.js';
import type { MelImage } from '../../src/spectrogram/mel-image.js';

/** Mean absolute change of an image's cells from each frame to the next. */
export function imageFlux({ data, frameCount, settings: { melBins } }: MelImage): number[] {
  return Array.from({ length: frameCount - 1 }, (_, frame) => {
    let sum = 0;
    for (let row = 0; row < melBins; row += 1) sum += Math.abs(data[row * frameCount + frame + 1] - data[row * frameCount + frame]);
    return sum / melBins;
  });
}

/** The same for a sound. */
export function frameFlux(codec: MelCodec, sound: Float32Array): number[] {
  return imageFlux(codec.analyse(sound));
}

/** Means of the flux within a distance of some frames, and of all others but those at the ends. */
export function fluxAt(flux: readonly number[], frames: readonly number[], distance: number): { readonly near: number; readonly elsewhere: number } {
  const isNear = flux.map((_, index) => frames.some((frame) => Math.abs(index + 0.5 - frame) <= distance));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const inside = flux.map((value, index) => ({ value, isNear: isNear[index] })).slice(4, -4);
  return { near: mean(inside.filter((one) => one.isNear).map(({ value }) => value)), elsewhere: mean(inside.filter((one) => !one.isNear).map(({ value }) => value)) };
}

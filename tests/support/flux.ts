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

export interface Seam {
  /** Mean flux beside the borders over that elsewhere. */
  readonly ratio: number;
  /** The same, counted from the mean of what is found at other places, in deviations of that: beyond about 3 there is a seam. */
  readonly deviations: number;
}

/** Looks for a seam at borders that come about every `period` frames: at them, and as often at every other place between two of them. */
export function findSeam(flux: readonly number[], borders: readonly number[], period: number): Seam {
  const ratioAt = (frames: readonly number[]): number => {
    const { near, elsewhere } = fluxAt(flux, frames, 1);
    return near / elsewhere;
  };
  const others = movedBorders(borders, period, flux.length).map(ratioAt);
  const mean = others.reduce((sum, value) => sum + value / others.length, 0);
  const deviation = Math.sqrt(others.reduce((sum, value) => sum + (value - mean) ** 2 / others.length, 0));
  const ratio = ratioAt(borders);
  return { ratio, deviations: (ratio - mean) / deviation };
}

/** Frames nearer than this to a border are not another place. */
const APART = 3;

function movedBorders(borders: readonly number[], period: number, length: number): number[][] {
  const isInside = (frame: number): boolean => frame > 4 && frame < length - 4;
  return Array.from({ length: period - 2 * APART + 1 }, (_, index) => borders.map((border) => border + APART + index).map((frame) => (isInside(frame) ? frame : frame - period)).filter(isInside));
}

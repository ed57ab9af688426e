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
  /** Mean flux beside the borders over that at other places. */
  readonly ratio: number;
  /** The same, counted from 1 in deviations of what is found at other places: beyond about 3 there is a seam. */
  readonly deviations: number;
}

export interface Borders {
  readonly frames: readonly number[];
  /** Frames from one to the next, about. */
  readonly period: number;
  /** Frames of a latent column, at whose edges all borders lie: other places lie at such edges too, since the decoder changes more there. Default 1. */
  readonly grid?: number;
}

/** Looks for a seam: at the borders, and as often at every other place between two of them. */
export function findSeam(flux: readonly number[], { frames, period, grid = 1 }: Borders): Seam {
  const near = (places: readonly number[]): number => fluxAt(flux, places, 1).near;
  const others = movedBorders({ frames, period, grid }, flux.length).map(near);
  const mean = others.reduce((sum, value) => sum + value / others.length, 0);
  const deviation = Math.sqrt(others.reduce((sum, value) => sum + (value - mean) ** 2 / others.length, 0));
  return { ratio: near(frames) / mean, deviations: (near(frames) - mean) / deviation };
}

/** Frames nearer than this to a border are not another place. */
const APART = 3;

function movedBorders({ frames, period, grid }: Required<Borders>, length: number): number[][] {
  const isInside = (frame: number): boolean => frame > 4 && frame < length - 4;
  const moves = Array.from({ length: Math.floor(period / grid) }, (_, index) => index * grid).filter((move) => move >= APART && move <= period - APART);
  return moves.map((move) => frames.map((frame) => frame + move).map((frame) => (isInside(frame) ? frame : frame - period)).filter(isInside));
}

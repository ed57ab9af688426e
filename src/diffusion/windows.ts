// Long samples as overlapping windows of the width that a network knows. Knows no network: the windows' answers are averaged at each call.
import * as tf from '@tensorflow/tfjs';
import { requireInteger, requireNumber } from '../base/checks.js';
import { createRandom } from '../base/random.js';
import type { Denoiser } from './denoiser.js';

/** Where windows lie along a sample. */
export interface Windows {
  /** Columns of the sample. */
  readonly length: number;
  /** Columns of a window; in a loop one that passes the end goes on at the start. */
  readonly width: number;
  /** First column of each window, rising. */
  readonly starts: readonly number[];
  /** Whether each window stands for itself, from its start to that of the next. Default false: windows are averaged where they overlap. */
  readonly isSideBySide?: boolean;
}

export interface WindowOptions {
  readonly length: number;
  readonly width: number;
  /**
   * Least share of a window that its neighbour covers too, in [0, 0.9]. Default 0.5. More: closer agreement, slower. 0 puts windows side by
   * side, each for itself: for data in which every window begins anew, as single hits do.
   */
  readonly overlap?: number;
  /** Whether the last column is followed by the first. Default false. */
  readonly isLoop?: boolean;
}

/** Share of a window that its neighbours cover, when nothing is said. */
export const DEFAULT_OVERLAP = 0.5;

/**
 * Spreads as few windows as the overlap allows, evenly. Exactly as long as a window: that window alone; but a loop has always two or
 * more, so that each window's edges lie inside another.
 *
 * @throws MelstromError of kind 'usage' when the sample is shorter than a window
 */
export function spreadWindows({ length, width, overlap = DEFAULT_OVERLAP, isLoop = false }: WindowOptions): Windows {
  requireInteger('windows: width', width, { min: 1 });
  requireInteger('windows: length', length, { min: width });
  requireNumber('windows: overlap', overlap, { min: 0, max: 0.9 });
  const stride = Math.max(1, Math.floor(width * (1 - overlap)));
  const isSideBySide = overlap === 0;
  if (isLoop) {
    const count = Math.max(Math.ceil(length / stride), isSideBySide ? 1 : Math.min(2, length));
    return { length, width, isSideBySide, starts: Array.from({ length: count }, (_, index) => Math.round((index * length) / count)) };
  }
  const gaps = Math.ceil((length - width) / stride);
  return { length, width, isSideBySide, starts: Array.from({ length: gaps + 1 }, (_, index) => (gaps === 0 ? 0 : Math.round((index * (length - width)) / gaps))) };
}

/**
 * The windows at a noise level: moved along by what the level alone decides, those of a loop all the way round, others between the first and the
 * last, which stay. The mean of two answers is smoother than either, so that with windows that never moved the sample would change more
 * where one window alone decides than where two do: a seam that comes back with every window.
 */
export function windowsAt(windows: Windows, sigma: number): Windows {
  const { length, width, starts, isSideBySide = false } = windows;
  if (isSideBySide || starts.length < 2) return windows;
  const share = createRandom(0, 'windows', String(sigma)).uniform();
  const isLoop = starts[starts.length - 1] + width > length;
  if (isLoop) {
    const move = Math.floor((share * length) / starts.length);
    return { ...windows, starts: starts.map((start) => start + move) };
  }
  const stride = (length - width) / (starts.length - 1);
  const room = Math.min(stride, width - stride) / 2; // to either side: neighbours stay in touch
  const last = starts.length - 1;
  return { ...windows, starts: starts.map((start, index) => (index === 0 || index === last ? start : start + Math.round((2 * share - 1) * room))) };
}

/** Which columns of the sample a window sees, in order. */
export function windowColumns({ length, width }: Pick<Windows, 'length' | 'width'>, start: number): Int32Array {
  return Int32Array.from({ length: width }, (_, offset) => (start + offset) % length);
}

/** A part of the mean at a column: a window, the column inside it, and its weight. */
export interface Cover {
  readonly window: number;
  readonly offset: number;
  readonly weight: number;
}

/**
 * What each column's mean is made of. Weights fall off to either edge of a window as a squared sine, so that no window's edge can be
 * told; they add up to 1.
 */
export function coverColumns(windows: Windows): readonly (readonly Cover[])[] {
  const { length, width, starts, isSideBySide = false } = windows;
  const covers = Array.from({ length }, (): Cover[] => []);
  if (isSideBySide) {
    return covers.map((_, column) => {
      const window = starts.findLastIndex((start) => start <= column);
      return [{ window, offset: column - starts[window], weight: 1 }];
    });
  }
  starts.forEach((start, window) => {
    windowColumns(windows, start).forEach((column, offset) => covers[column].push({ window, offset, weight: Math.sin((Math.PI * (offset + 0.5)) / width) ** 2 }));
  });
  return covers.map((parts) => {
    const sum = parts.reduce((total, { weight }) => total + weight, 0);
    return parts.map((part) => ({ ...part, weight: parts.length === 1 ? 1 : part.weight / sum }));
  });
}

/** As coverColumns, of one column alone, for a sample that is no loop: what a long one is asked for piece by piece. */
export function coverColumn({ width, starts, isSideBySide = false }: Windows, column: number): readonly Cover[] {
  const last = lastStartAt(starts, column);
  if (isSideBySide) return [{ window: last, offset: column - starts[last], weight: 1 }];
  const parts: Cover[] = [];
  for (let window = last; window >= 0 && starts[window] > column - width; window -= 1) parts.unshift({ window, offset: column - starts[window], weight: edgeWeight(column - starts[window], width) });
  const sum = parts.reduce((total, { weight }) => total + weight, 0);
  return parts.map((part) => ({ ...part, weight: parts.length === 1 ? 1 : part.weight / sum }));
}

/** The last window that starts at a column or before it. */
function lastStartAt(starts: readonly number[], column: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (starts[middle] <= column) low = middle;
    else high = middle - 1;
  }
  return low;
}

function edgeWeight(offset: number, width: number): number {
  return Math.sin((Math.PI * (offset + 0.5)) / width) ** 2;
}

/** A window of one item of a batch. */
export interface Piece {
  readonly item: number;
  readonly start: number;
}

export interface JointOptions<C> {
  readonly windows: Windows;
  /** The condition of pieces of the batch. Memory: what it makes is disposed of here. */
  readonly select: (condition: C, pieces: readonly Piece[]) => C;
  /** Windows that are asked at once at most: bounds the memory, whatever the length. Default 16. */
  readonly batchSize?: number;
}

export const DEFAULT_BATCH_SIZE = 16;

/**
 * Wraps a denoiser of windows as one of whole samples: at each call every window is denoised and the answers are averaged, so that all
 * samplers draw one long sample whose windows agree at every noise level. They lie elsewhere at each (windowsAt). One window alone is the
 * denoiser as it is.
 *
 * Source: Bar-Tal et al., "MultiDiffusion" (2023), equation 4, with the weights of coverColumns, on the denoised sample.
 */
export function withWindows<C>(denoise: Denoiser<C>, { windows, select, batchSize = DEFAULT_BATCH_SIZE }: JointOptions<C>): Denoiser<C> {
  const { length, width, starts } = windows;
  if (starts.length === 1 && length === width) return denoise;
  return (noisy, sigma, condition) => {
    const moved = windowsAt(windows, sigma);
    const columns = Int32Array.from(moved.starts.flatMap((start) => Array.from(windowColumns(windows, start))));
    return denoiseWindows(noisy, sigma, condition, { denoise, starts: moved.starts, width, columns, layers: layersOf(coverColumns(moved), width), select, batchSize });
  };
}

export interface AskedWindows<C> {
  readonly denoise: Denoiser<C>;
  /** As the condition knows them. */
  readonly starts: readonly number[];
  readonly width: number;
  /** Columns of the noisy sample, window after window. */
  readonly columns: Int32Array;
  readonly layers: readonly Layer[];
  readonly select: JointOptions<C>['select'];
  readonly batchSize: number;
}

/** Denoises windows of a sample, some at a time, and puts their answers together layer by layer. Memory: the caller disposes. */
export function denoiseWindows<C>(noisy: tf.Tensor4D, sigma: number, condition: C, { denoise, starts, width, columns, layers, select, batchSize }: AskedWindows<C>): tf.Tensor4D {
  return tf.tidy(() => {
    const [items, height, length, channels] = noisy.shape;
    const count = starts.length;
    const gathered = tf.gather(noisy, tf.tensor1d(columns, 'int32'), 2); // [B, H, n·w, C]
    const pieces = swap(gathered, [items, height, count, width, channels]).reshape([items * count, height, width, channels]) as tf.Tensor4D;
    const asked = Array.from({ length: items * count }, (_, index): Piece => ({ item: Math.floor(index / count), start: starts[index % count] }));
    const answers: tf.Tensor4D[] = [];
    for (let from = 0; from < asked.length; from += batchSize) {
      const part = asked.slice(from, from + batchSize);
      answers.push(tf.tidy(() => denoise(tf.slice(pieces, [from, 0, 0, 0], [part.length, -1, -1, -1]), sigma, select(condition, part))));
    }
    const all = swap(tf.concat(answers, 0), [items, count, height, width, channels]).reshape([items, height, count * width, channels]); // [B, H, n·w, C]
    const terms = layers.map(({ indices, weights }) => tf.mul(tf.gather(all, tf.tensor1d(indices, 'int32'), 2), tf.tensor4d(weights, [1, 1, length, 1])));
    return tf.addN(terms) as tf.Tensor4D;
  });
}

/** Swaps the second and third of five axes. */
function swap(tensor: tf.Tensor, shape: [number, number, number, number, number]): tf.Tensor {
  return tf.transpose(tf.reshape(tensor, shape), [0, 2, 1, 3, 4]);
}

export interface Layer {
  readonly indices: Int32Array;
  readonly weights: Float32Array;
}

/** The covers of columns as one gather per layer of windows' answers; a column that has fewer than another takes some answer with no weight. */
export function layersOf(covers: readonly (readonly Cover[])[], width: number): readonly Layer[] {
  const depth = covers.reduce((most, parts) => Math.max(most, parts.length), 0);
  return Array.from({ length: depth }, (_, layer) => ({
    indices: Int32Array.from(covers, (parts) => indexOf(parts[layer] ?? parts[0], width)),
    weights: Float32Array.from(covers, (parts) => parts[layer]?.weight ?? 0),
  }));
}

function indexOf(cover: Cover | undefined, width: number): number {
  return cover === undefined ? 0 : cover.window * width + cover.offset;
}

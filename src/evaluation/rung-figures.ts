// What one rung of the reconstruction ladder has lost against the original, and the same summed up over files.
import { createRandom } from '../base/random.js';
import { midSide } from '../dsp/mid-side.js';
import type { ImageCodec } from '../spectrogram/image-codec.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { bandwidthHz } from './bandwidth.js';
import { fineTextureDb } from './fine-texture.js';
import { measureLevel } from './level-guard.js';
import { melDistance } from './mel-distance.js';
import { compareOnsets } from './onset-timing.js';
import { quantile } from './quantiles.js';
import { logSpectralDistance, multiResolutionDistance } from './spectral-distances.js';

/** The rungs, from the least lost: the mel image with the original's phase, the mel image inverted, and through the autoencoder. */
export const RUNGS = ['codec', 'inverted', 'vae'] as const;
export type RungName = (typeof RUNGS)[number];

/** All of them against the original. NaN where the original is silent. Of stereo sound, means over the channels that are not silent, unless it says otherwise. */
export interface RungFigures {
  /** Above 0 the rung is louder. Of stereo sound, of the mid. Unit: dB of RMS. */
  readonly levelDifferenceDb: number;
  /** Of stereo sound alone: by how much the side's level against the mid's is off; above 0 the rung is wider. Unit: dB of RMS. */
  readonly widthDifferenceDb?: number;
  /** Unit: dB. */
  readonly logSpectralDb: number;
  /** Spectral convergence plus log magnitude, over three resolutions. */
  readonly multiResolution: number;
  /** Mean absolute difference of mel images over cells more than 4 dB above the floor; of stereo sound over those of mid and side. Unit: dB. */
  readonly melErrorDb: number;
  /** Fine texture of the mel image over the original's: below 1 it was smoothed, as the grain of noise is first. */
  readonly textureKept: number;
  /** Share of the original's bandwidth that is left; that of the file at its own rate. Of stereo sound, of the mid. */
  readonly bandwidthKept: number;
  /** Unit: ms. */
  readonly onsetErrorMs: number;
}

export interface RungComparison {
  /** At the codec's rate, as many channels as it has. */
  readonly original: readonly Float32Array[];
  /** Of the file at its own rate. Unit: Hz. */
  readonly originalBandwidthHz: number;
  readonly originalImage: MelImage;
  /** As long as the original, or longer. */
  readonly rung: readonly Float32Array[];
  readonly codec: ImageCodec;
}

/** Measures one rung. What it has beyond the original's length is left out, but for the mel error. */
export function measureRung({ original, originalBandwidthHz, originalImage, rung, codec }: RungComparison): RungFigures {
  const { sampleRateHz } = codec.settings;
  const candidates = rung.map((channel) => channel.subarray(0, original[0].length));
  const overChannels = (measure: (reference: Float32Array, candidate: Float32Array) => number): number => {
    const values = original.map((channel, index) => measure(channel, candidates[index])).filter(Number.isFinite);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const [wanted, got] = [original, candidates].map(midLevels);
  const image = codec.analyse(rung);
  return {
    levelDifferenceDb: got.midDb - wanted.midDb,
    ...(original.length === 2 && { widthDifferenceDb: got.widthDb - wanted.widthDb }),
    logSpectralDb: overChannels((reference, candidate) => logSpectralDistance({ reference, candidate })),
    multiResolution: overChannels((reference, candidate) => multiResolutionDistance({ reference, candidate }).distance),
    melErrorDb: melDistance(originalImage, image).activeErrorDb,
    textureKept: fineTextureDb(image) / fineTextureDb(originalImage),
    bandwidthKept: originalBandwidthHz === 0 ? Number.NaN : Math.min(1, bandwidthHz(got.mid, sampleRateHz) / originalBandwidthHz),
    onsetErrorMs: overChannels((reference, candidate) => compareOnsets(reference, candidate, sampleRateHz).errorMs),
  };
}

/** Of a sound of one channel that channel is the mid, and has no width. */
function midLevels([left, right]: readonly Float32Array[]): { readonly mid: Float32Array; readonly midDb: number; readonly widthDb: number } {
  const [mid, side] = right === undefined ? [left] : midSide(left, right);
  const midDb = measureLevel(mid).rmsDbfs;
  return { mid, midDb, widthDb: side === undefined ? Number.NaN : measureLevel(side).rmsDbfs - midDb };
}

export interface Estimate {
  readonly mean: number;
  /** 95 % by bootstrap over files; null for fewer than 2. */
  readonly interval: readonly [number, number] | null;
  /** Files that have a value. */
  readonly count: number;
}

/** Mean over files and its interval. Values that are not finite are left out. */
export function estimateMean(values: readonly number[], { seed = 0, draws = 1000 } = {}): Estimate {
  const known = values.filter(Number.isFinite);
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  if (known.length < 2) return { mean: mean(known), interval: null, count: known.length };
  const random = createRandom(seed, 'mean over files');
  const means = Array.from({ length: draws }, () => mean(known.map(() => known[random.integer(known.length)])));
  return { mean: mean(known), interval: [quantile(means, 0.025), quantile(means, 0.975)], count: known.length };
}

export type RungSummary = { readonly [figure in keyof RungFigures]: Estimate };

/** Every figure of one rung over files. */
export function summariseRung(files: readonly RungFigures[]): RungSummary {
  const of = (figure: keyof RungFigures): Estimate => estimateMean(files.map((file) => file[figure] ?? Number.NaN));
  return {
    ...(files.some(({ widthDifferenceDb }) => widthDifferenceDb !== undefined) && { widthDifferenceDb: of('widthDifferenceDb') }),
    levelDifferenceDb: of('levelDifferenceDb'), logSpectralDb: of('logSpectralDb'), multiResolution: of('multiResolution'),
    melErrorDb: of('melErrorDb'), textureKept: of('textureKept'), bandwidthKept: of('bandwidthKept'), onsetErrorMs: of('onsetErrorMs'),
  };
}

// What one rung of the reconstruction ladder has lost against the original, and the same summed up over files.
import { createRandom } from '../base/random.js';
import type { MelCodec } from '../spectrogram/mel-codec.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { bandwidthHz } from './bandwidth.js';
import { measureLevel } from './level-guard.js';
import { melDistance } from './mel-distance.js';
import { compareOnsets } from './onset-timing.js';
import { quantile } from './quantiles.js';
import { logSpectralDistance, multiResolutionDistance } from './spectral-distances.js';

/** The rungs, from the least lost: the mel image with the original's phase, the mel image inverted, and through the autoencoder. */
export const RUNGS = ['codec', 'inverted', 'vae'] as const;
export type RungName = (typeof RUNGS)[number];

/** All of them against the original. NaN where the original is silent. */
export interface RungFigures {
  /** Above 0 the rung is louder. Unit: dB of RMS. */
  readonly levelDifferenceDb: number;
  /** Unit: dB. */
  readonly logSpectralDb: number;
  /** Spectral convergence plus log magnitude, over three resolutions. */
  readonly multiResolution: number;
  /** Mean absolute difference of mel images over cells more than 4 dB above the floor. Unit: dB. */
  readonly melErrorDb: number;
  /** Share of the original's bandwidth that is left; that of the file at its own rate. */
  readonly bandwidthKept: number;
  /** Unit: ms. */
  readonly onsetErrorMs: number;
}

export interface RungComparison {
  /** At the codec's rate. */
  readonly original: Float32Array;
  /** Of the file at its own rate. Unit: Hz. */
  readonly originalBandwidthHz: number;
  readonly originalImage: MelImage;
  /** As long as the original, or longer. */
  readonly rung: Float32Array;
  readonly codec: MelCodec;
}

/** Measures one rung. What it has beyond the original's length is left out, but for the mel error. */
export function measureRung({ original, originalBandwidthHz, originalImage, rung, codec }: RungComparison): RungFigures {
  const { sampleRateHz } = codec.settings;
  const candidate = rung.subarray(0, original.length);
  const pair = { reference: original, candidate };
  return {
    levelDifferenceDb: measureLevel(candidate).rmsDbfs - measureLevel(original).rmsDbfs,
    logSpectralDb: logSpectralDistance(pair),
    multiResolution: multiResolutionDistance(pair).distance,
    melErrorDb: melDistance(originalImage, codec.analyse(rung)).activeErrorDb,
    bandwidthKept: originalBandwidthHz === 0 ? Number.NaN : Math.min(1, bandwidthHz(candidate, sampleRateHz) / originalBandwidthHz),
    onsetErrorMs: compareOnsets(original, candidate, sampleRateHz).errorMs,
  };
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
  const of = (figure: keyof RungFigures): Estimate => estimateMean(files.map((file) => file[figure]));
  return {
    levelDifferenceDb: of('levelDifferenceDb'), logSpectralDb: of('logSpectralDb'), multiResolution: of('multiResolution'),
    melErrorDb: of('melErrorDb'), bandwidthKept: of('bandwidthKept'), onsetErrorMs: of('onsetErrorMs'),
  };
}

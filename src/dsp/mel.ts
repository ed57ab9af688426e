// Mel scales and triangular filter banks. Knows no sound: only frequencies and weights.
import { requireInteger, requireNumber } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';

export type MelScale = 'slaney' | 'htk';
export type MelNorm = 'slaney' | 'none';

export interface MelFilterBankSettings {
  readonly sampleRateHz: number;
  readonly fftSize: number;
  readonly melBins: number;
  readonly minHz: number;
  readonly maxHz: number;
  readonly melScale: MelScale;
  readonly melNorm: MelNorm;
}

/** Triangular filters over linear bins. Any bin lies under at most two filters, and these are neighbours. */
export interface MelFilterBank {
  readonly melBins: number;
  readonly binCount: number;
  /** Shape: [M*F], filter after filter. */
  readonly weights: Float32Array;
  /** Peak of each filter. Shape: [M]. */
  readonly centresHz: Float64Array;
  /** The lower filter over each bin, or -1 where there is none. Shape: [F]. */
  readonly filterOf: Int32Array;
  /** Weight of each bin in filterOf. Shape: [F]. */
  readonly lowerWeights: Float64Array;
  /** Weight of each bin in filterOf + 1; 0 where that does not exist. Shape: [F]. */
  readonly upperWeights: Float64Array;
  /** The first bin over each filter's filterOf, and the one behind the last: filter m is the lower one from starts[m] on and before starts[m+1]. Shape: [M+1]. */
  readonly starts: Int32Array;
}

const LINEAR_HZ_PER_MEL = 200 / 3;
const LOG_START_HZ = 1000;
const LOG_START_MEL = LOG_START_HZ / LINEAR_HZ_PER_MEL;
const LOG_STEP = Math.log(6.4) / 27;
/** A weight below this share of its filter's peak is rounding at the foot of a triangle. */
const ROUNDING = 1e-12;

/** Hertz → mel. slaney: linear to 1 kHz, then logarithmic (Auditory Toolbox, 1998); htk: 2595·log10(1 + f/700). */
export function hzToMel(hz: number, scale: MelScale): number {
  if (scale === 'htk') return 2595 * Math.log10(1 + hz / 700);
  return hz < LOG_START_HZ ? hz / LINEAR_HZ_PER_MEL : LOG_START_MEL + Math.log(hz / LOG_START_HZ) / LOG_STEP;
}

/** Mel → hertz, the inverse of hzToMel. */
export function melToHz(mel: number, scale: MelScale): number {
  if (scale === 'htk') return 700 * (10 ** (mel / 2595) - 1);
  return mel < LOG_START_MEL ? mel * LINEAR_HZ_PER_MEL : LOG_START_HZ * Math.exp(LOG_STEP * (mel - LOG_START_MEL));
}

/**
 * Creates triangular filters spaced evenly in mel between minHz and maxHz, each from the centre of the one below to the
 * centre of the one above.
 *
 * Source: agrees with librosa 0.11 `filters.mel` (htk and norm arguments).
 * @throws MelstromError when a setting is out of range.
 */
export function melFilterBank(settings: MelFilterBankSettings): MelFilterBank {
  const { sampleRateHz, fftSize, melBins, minHz, maxHz, melScale, melNorm } = settings;
  requireInteger('mel: melBins', melBins, { min: 1, max: 8192 });
  requireNumber('mel: maxHz', maxHz, { min: Number.MIN_VALUE, max: sampleRateHz / 2, fix: 'Half of the sample rate is the highest.' });
  requireNumber('mel: minHz', minHz, { min: 0, max: maxHz * (1 - 1e-9) });
  const binCount = fftSize / 2 + 1;
  const lowest = hzToMel(minHz, melScale);
  const step = (hzToMel(maxHz, melScale) - lowest) / (melBins + 1);
  const edges = Float64Array.from({ length: melBins + 2 }, (_, index) => melToHz(lowest + index * step, melScale));
  const weights = new Float32Array(melBins * binCount);
  const filterOf = new Int32Array(binCount).fill(-1);
  const lowerWeights = new Float64Array(binCount);
  const upperWeights = new Float64Array(binCount);
  for (let filter = 0; filter < melBins; filter += 1) {
    const [from, peak, to] = edges.subarray(filter, filter + 3);
    const height = melNorm === 'slaney' ? 2 / (to - from) : 1;
    for (let bin = 0; bin < binCount; bin += 1) {
      const hz = (bin * sampleRateHz) / fftSize;
      const triangle = Math.min((hz - from) / (peak - from), (to - hz) / (to - peak));
      if (triangle <= ROUNDING) continue;
      weights[filter * binCount + bin] = triangle * height;
      if (filterOf[bin] < 0) {
        filterOf[bin] = filter;
        lowerWeights[bin] = triangle * height;
      } else {
        upperWeights[bin] = triangle * height;
      }
    }
  }
  return { melBins, binCount, weights, centresHz: edges.slice(1, -1), filterOf, lowerWeights, upperWeights, starts: startsOf(filterOf, melBins) };
}

/** Bins under filters lie side by side, and their lower filters never fall. */
function startsOf(filterOf: Int32Array, melBins: number): Int32Array {
  const starts = new Int32Array(melBins + 1);
  let bin = Math.max(0, filterOf.findIndex((filter) => filter >= 0));
  for (let filter = 0; filter < melBins; filter += 1) {
    starts[filter] = bin;
    while (filterOf[bin] === filter) bin += 1;
  }
  starts[melBins] = bin;
  return starts;
}

/** Filters under which no bin lies: their rows would read as silence whatever sounds. */
export function emptyFilters(bank: MelFilterBank): number[] {
  const sums = new Float64Array(bank.melBins);
  applyMelFilterBank(bank, new Float64Array(bank.binCount).fill(1), sums);
  return Array.from(sums.entries(), ([filter, sum]) => (sum > 0 ? -1 : filter)).filter((filter) => filter >= 0);
}

/** @throws MelstromError that names the first empty filter and what to change. */
export function requireNoEmptyFilter(bank: MelFilterBank): void {
  const empty = emptyFilters(bank);
  if (empty.length === 0) return;
  throw new MelstromError({
    kind: 'configuration',
    where: 'mel.melBins',
    got: `${empty.length} of ${bank.melBins} mel bins without a single bin of the transform (the first: ${empty[0]}, at ${bank.centresHz[empty[0]].toFixed(0)} Hz)`,
    fix: 'Use fewer mel bins, a larger fftSize or a higher minHz.',
  });
}

/**
 * Sums under the filters, of one frame or of several. Four frames go side by side, because one sum alone waits for each of its additions.
 *
 * Shape: [n, F] -> [M, n]. Mutates: out.
 */
export function applyMelFilterBank({ melBins, binCount, starts, lowerWeights, upperWeights }: MelFilterBank, linear: Float64Array, out: Float64Array): void {
  const count = linear.length / binCount;
  for (let n0 = 0; n0 < count; n0 += 4) {
    // Where fewer than four are left, the last one is summed again.
    const n1 = Math.min(n0 + 1, count - 1);
    const n2 = Math.min(n0 + 2, count - 1);
    const n3 = Math.min(n0 + 3, count - 1);
    let upper0 = 0;
    let upper1 = 0;
    let upper2 = 0;
    let upper3 = 0;
    for (let filter = 0; filter < melBins; filter += 1) {
      let sum0 = upper0;
      let sum1 = upper1;
      let sum2 = upper2;
      let sum3 = upper3;
      upper0 = upper1 = upper2 = upper3 = 0;
      const end = starts[filter + 1];
      for (let bin = starts[filter]; bin < end; bin += 1) {
        const lower = lowerWeights[bin];
        const upper = upperWeights[bin];
        const value0 = linear[n0 * binCount + bin];
        const value1 = linear[n1 * binCount + bin];
        const value2 = linear[n2 * binCount + bin];
        const value3 = linear[n3 * binCount + bin];
        sum0 += lower * value0;
        sum1 += lower * value1;
        sum2 += lower * value2;
        sum3 += lower * value3;
        upper0 += upper * value0;
        upper1 += upper * value1;
        upper2 += upper * value2;
        upper3 += upper * value3;
      }
      out[filter * count + n0] = sum0;
      out[filter * count + n1] = sum1;
      out[filter * count + n2] = sum2;
      out[filter * count + n3] = sum3;
    }
  }
}

// Sample-rate conversion of one channel by a Kaiser-windowed sinc in polyphase form. Knows nothing of clips or files.
import { requireInteger } from '../base/checks.js';
import { besselI0, sinc } from './kaiser.js';

/** Tones up to this share of the lower Nyquist frequency pass unchanged; above that Nyquist frequency nothing passes. */
const PASS_BAND_SHARE = 0.94;
/** Rejection beyond the stop band's edge, and so also the error left in the pass band. Unit: decibels. */
const ATTENUATION_DB = 130;
/** Ratios of more phases than this are served by linear interpolation between rows, whose error is below -150 dB. */
const LARGEST_PHASE_COUNT = 8192;
const KEPT_FILTERS = 8;

/** Converts one channel of samples piece by piece. */
export interface ChannelResampler {
  /** Takes the next input samples, gives the output samples that they complete. */
  process(block: Float32Array): Float32Array;
  /** Ends the input and gives the remaining output: in all, ceil(T · toHz / fromHz) samples. */
  flush(): Float32Array;
}

interface PolyphaseFilter {
  /** Row r holds the taps for a fractional position r / phaseCount; one row more than phases, for interpolation. */
  readonly rows: Float32Array;
  readonly phaseCount: number;
  /** Taps on either side; a row has twice as many. */
  readonly halfWidth: number;
}

const filters = new Map<string, PolyphaseFilter>();

/**
 * Creates a converter that neither delays nor aliases: output sample m lies at m / toHz seconds of the input.
 * Tones above the lower Nyquist frequency fall by 125 dB or more; tones below 0.94 of it pass within -120 dB.
 *
 * Source: J. O. Smith, "Digital Audio Resampling"; window shape after Kaiser's formulas.
 * @throws MelstromError when a rate is not a whole number of hertz in [1, 1 000 000]
 */
export function createChannelResampler(fromHz: number, toHz: number): ChannelResampler {
  requireInteger('resample: fromHz', fromHz, { min: 1, max: 1_000_000 });
  requireInteger('resample: toHz', toHz, { min: 1, max: 1_000_000 });
  if (fromHz === toHz) return { process: (block) => block.slice(), flush: () => new Float32Array(0) };
  const divisor = greatestCommonDivisor(fromHz, toHz);
  return convert(filterFor(fromHz, toHz), fromHz / divisor, toHz / divisor);
}

/** Output m is the filter centred at input position m · step / phases. */
function convert(filter: PolyphaseFilter, step: number, phases: number): ChannelResampler {
  const { halfWidth } = filter;
  let held = new Float32Array(halfWidth - 1);
  /** Input index of held[0]; the first taps reach before the sound, where there is silence. */
  let heldFrom = 1 - halfWidth;
  let inputCount = 0;
  let outputCount = 0;

  const produce = (limit: number): Float32Array => {
    const available = heldFrom + held.length;
    // The last output whose right-most tap, floor(m·step/phases) + halfWidth, is available.
    const reachable = Math.max(outputCount, Math.ceil(((available - halfWidth) * phases) / step));
    const end = Math.min(limit, reachable);
    const output = new Float32Array(Math.max(0, end - outputCount));
    for (let index = 0; index < output.length; index += 1) {
      const scaled = (outputCount + index) * step;
      const position = Math.floor(scaled / phases);
      const start = position - halfWidth + 1 - heldFrom;
      output[index] = applyFilter(filter, held, start, (scaled - position * phases) / phases);
    }
    outputCount += output.length;
    const needed = Math.floor((outputCount * step) / phases) - halfWidth + 1;
    const drop = Math.min(held.length, Math.max(0, needed - heldFrom));
    held = held.slice(drop);
    heldFrom += drop;
    return output;
  };
  const append = (block: Float32Array): void => {
    const joined = new Float32Array(held.length + block.length);
    joined.set(held);
    joined.set(block, held.length);
    held = joined;
  };
  return {
    process(block) {
      inputCount += block.length;
      append(block);
      return produce(Infinity);
    },
    flush() {
      append(new Float32Array(halfWidth + 1));
      return produce(Math.ceil((inputCount * phases) / step));
    },
  };
}

function applyFilter(filter: PolyphaseFilter, signal: Float32Array, start: number, fraction: number): number {
  const { rows, phaseCount, halfWidth } = filter;
  const width = 2 * halfWidth;
  const exactRow = fraction * phaseCount;
  const row = Math.floor(exactRow + 1e-9);
  const low = dot(rows, row * width, signal, start, width);
  const share = exactRow - row;
  if (share < 1e-9) return low;
  return low + share * (dot(rows, (row + 1) * width, signal, start, width) - low);
}

function dot(rows: Float32Array, rowStart: number, signal: Float32Array, start: number, width: number): number {
  let even = 0;
  let odd = 0;
  for (let tap = 0; tap < width; tap += 2) {
    even += rows[rowStart + tap] * signal[start + tap];
    odd += rows[rowStart + tap + 1] * signal[start + tap + 1];
  }
  return even + odd;
}

function filterFor(fromHz: number, toHz: number): PolyphaseFilter {
  const key = `${fromHz}/${toHz}`;
  let filter = filters.get(key);
  if (filter === undefined) {
    filter = designFilter(fromHz, toHz);
    if (filters.size >= KEPT_FILTERS) filters.delete(filters.keys().next().value ?? '');
    filters.set(key, filter);
  }
  return filter;
}

function designFilter(fromHz: number, toHz: number): PolyphaseFilter {
  const band = Math.min(1, toHz / fromHz);
  const transitionRadians = Math.PI * band * (1 - PASS_BAND_SHARE);
  const halfWidth = Math.ceil((ATTENUATION_DB - 8) / (2.285 * transitionRadians) / 2);
  const cutoff = (band * (1 + PASS_BAND_SHARE)) / 2;
  const beta = 0.1102 * (ATTENUATION_DB - 8.7);
  const windowScale = 1 / besselI0(beta);
  const phaseCount = Math.min(LARGEST_PHASE_COUNT, toHz / greatestCommonDivisor(fromHz, toHz));
  const width = 2 * halfWidth;
  const rows = new Float32Array((phaseCount + 1) * width);
  for (let row = 0; row <= phaseCount; row += 1) {
    for (let tap = 0; tap < width; tap += 1) {
      const distance = row / phaseCount - (tap - halfWidth + 1);
      const edge = distance / halfWidth;
      const window = Math.abs(edge) < 1 ? besselI0(beta * Math.sqrt(1 - edge * edge)) * windowScale : 0;
      rows[row * width + tap] = cutoff * sinc(cutoff * distance) * window;
    }
  }
  return { rows, phaseCount, halfWidth };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

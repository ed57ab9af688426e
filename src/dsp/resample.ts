// Sample-rate conversion of one channel by a Kaiser-windowed sinc in polyphase form. Knows nothing of clips or files.
import { requireInteger } from '../base/checks.js';
import { createBlockFilter, type BlockFilter } from './block-filter.js';
import { besselI0, sinc } from './kaiser.js';

/** Tones up to this share of the lower Nyquist frequency pass unchanged; above that Nyquist frequency nothing passes. */
const PASS_BAND_SHARE = 0.94;
/** Rejection beyond the stop band's edge, and so also the error left in the pass band. Unit: decibels. */
const ATTENUATION_DB = 130;
/** Ratios of more phases than this are served by linear interpolation between rows, whose error is below -150 dB. */
const LARGEST_PHASE_COUNT = 8192;
const KEPT_FILTERS = 8;
/** Longer rows are applied output by output. Unit: taps. */
const LONGEST_IN_BLOCKS = 1 << 16;

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
  /** To a whole fraction of the rate: its one row, that gives many outputs at once. null for other ratios. */
  readonly blocks: BlockFilter | null;
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
  const filter = filterFor(fromHz, toHz);
  return filter.blocks === null ? convert(filter, fromHz / divisor, toHz / divisor) : convertInBlocks(filter.blocks, { halfWidth: filter.halfWidth, step: fromHz / toHz });
}

/** Output m is the one row centred at input position m · step, block after block. */
function convertInBlocks(filter: BlockFilter, { halfWidth, step }: { readonly halfWidth: number; readonly step: number }): ChannelResampler {
  /** From the first input of the next block on; before the sound there is silence. */
  let held = new Float32Array(halfWidth - 1);
  let inputCount = 0;
  let outputCount = 0;

  /** So many more outputs, a whole number of blocks of them before the end. */
  const produce = (count: number): Float32Array => {
    const output = new Float32Array(count);
    let start = 0;
    for (let done = 0; done < count; done += filter.outputCount) {
      filter.apply(held, start, output, done);
      start += filter.outputCount * step;
    }
    held = held.slice(start);
    outputCount += count;
    return output;
  };
  return {
    process(block) {
      inputCount += block.length;
      held = joined(held, block);
      const blocks = held.length < filter.inputCount ? 0 : 1 + Math.floor((held.length - filter.inputCount) / (filter.outputCount * step));
      return produce(blocks * filter.outputCount);
    },
    flush: () => produce(Math.ceil(inputCount / step) - outputCount),
  };
}

function joined(a: Float32Array, b: Float32Array): Float32Array<ArrayBuffer> {
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
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
    held = joined(held, block);
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
  // Four sums that do not wait for each other. Rows are of even length.
  const whole = width - (width % 4);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let tap = 0; tap < whole; tap += 4) {
    a += rows[rowStart + tap] * signal[start + tap];
    b += rows[rowStart + tap + 1] * signal[start + tap + 1];
    c += rows[rowStart + tap + 2] * signal[start + tap + 2];
    d += rows[rowStart + tap + 3] * signal[start + tap + 3];
  }
  if (whole < width) {
    a += rows[rowStart + whole] * signal[start + whole];
    b += rows[rowStart + whole + 1] * signal[start + whole + 1];
  }
  return a + b + (c + d);
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
  const isInBlocks = fromHz % toHz === 0 && width <= LONGEST_IN_BLOCKS;
  return { rows, phaseCount, halfWidth, blocks: isInBlocks ? createBlockFilter({ weights: rows.subarray(0, width), step: fromHz / toHz }) : null };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

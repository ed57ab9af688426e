// A low-pass filter without delay: a symmetric row of weights. Runs in the browser too.
import { requireNumber } from '../base/checks.js';
import { besselI0, sinc } from './kaiser.js';

/** Rejection above the transition; the ripple below it is the same share, ±0.009 dB. Unit: decibels. */
const ATTENUATION_DB = 60;
/** Where the stop band begins, as a multiple of the pass band's edge: 4 kHz for 3.5 kHz. */
const STOP_RATIO = 4 / 3.5;

export interface LowPassOptions {
  readonly sampleRateHz: number;
  /** Edge of the pass band, below 7/16 of the rate, so that the transition of a seventh ends below half of it. */
  readonly passHz: number;
}

/** Whether a rate leaves room for the transition above `passHz`. */
export function canLowPass({ sampleRateHz, passHz }: LowPassOptions): boolean {
  return passHz * STOP_RATIO < sampleRateHz / 2;
}

/**
 * The right half of the filter's weights, from the middle outwards. Flat up to passHz, 60 dB down from 8/7 of it on.
 *
 * Source: Kaiser, "Nonrecursive digital filter design using the I0-sinh window function" (1974).
 * @throws MelstromError when the rate leaves no room for the transition
 */
export function lowPassWeights({ sampleRateHz, passHz }: LowPassOptions): Float64Array {
  requireNumber('low-pass: passHz', passHz, { min: 1, max: sampleRateHz / 2 / STOP_RATIO });
  const transitionRadians = (2 * Math.PI * passHz * (STOP_RATIO - 1)) / sampleRateHz;
  const halfWidth = Math.ceil((ATTENUATION_DB - 7.95) / (2.285 * transitionRadians) / 2) + 1;
  const beta = 0.1102 * (ATTENUATION_DB - 8.7);
  const cutoff = (passHz * (1 + STOP_RATIO)) / sampleRateHz;
  return Float64Array.from({ length: halfWidth }, (_, tap) => cutoff * sinc(cutoff * tap) * (besselI0(beta * Math.sqrt(1 - (tap / halfWidth) ** 2)) / besselI0(beta)));
}

/** Filters a signal, silent before and after. Shape: [T] -> [T]. */
export function lowPass(signal: Float32Array, options: LowPassOptions): Float32Array<ArrayBuffer> {
  const weights = lowPassWeights(options);
  const reach = weights.length - 1;
  const padded = new Float64Array(signal.length + 2 * reach);
  padded.set(signal, reach);
  return Float32Array.from({ length: signal.length }, (_, at) => {
    const middle = at + reach;
    let sum = weights[0] * padded[middle];
    for (let tap = 1; tap <= reach; tap += 1) sum += weights[tap] * (padded[middle - tap] + padded[middle + tap]);
    return sum;
  });
}

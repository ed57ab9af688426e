// How loud a signal is: peak and root mean square, re full scale.
import { amplitudeToDb } from './decibels.js';

/** Largest magnitude; 0 for no samples. NaN when any sample is. */
export function peak(signal: ArrayLike<number>): number {
  let largest = 0;
  for (let index = 0; index < signal.length; index += 1) largest = Math.max(largest, Math.abs(signal[index]));
  return largest;
}

/** Root mean square; 0 for no samples. */
export function rms(signal: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < signal.length; index += 1) sum += signal[index] ** 2;
  return signal.length === 0 ? 0 : Math.sqrt(sum / signal.length);
}

/** Peak in dBFS: 0 is a sample at ±1; -Infinity is digital silence. */
export function peakDb(signal: ArrayLike<number>): number {
  return amplitudeToDb(peak(signal));
}

/** RMS level in dBFS where a full-scale square wave reads 0 and a full-scale sine -3.01; -Infinity is digital silence. */
export function rmsDb(signal: ArrayLike<number>): number {
  return amplitudeToDb(rms(signal));
}

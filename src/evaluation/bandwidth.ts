// How far up a sound's spectrum reaches.
import { createStft } from '../dsp/stft.js';

const FFT_SIZE = 2048;

/**
 * The highest frequency at which the mean power of a sound, in bands of about 100 Hz, lies within `rangeDb` of its loudest band's.
 * 0 for silence.
 *
 * @param options.rangeDb default 60: what lies lower is seldom heard beside the rest
 */
export function bandwidthHz(signal: Float32Array, sampleRateHz: number, { rangeDb = 60 } = {}): number {
  const stft = createStft({ fftSize: FFT_SIZE, hopSamples: FFT_SIZE / 4 });
  const [re, im] = [new Float64Array(stft.binCount), new Float64Array(stft.binCount)];
  const binHz = sampleRateHz / FFT_SIZE;
  const binsPerBand = Math.max(1, Math.round(100 / binHz));
  const bands = new Float64Array(Math.ceil(stft.binCount / binsPerBand));
  for (let frame = 0; frame < stft.frameCount(signal.length); frame += 1) {
    stft.frameInto(signal, frame, { re, im });
    for (let bin = 0; bin < stft.binCount; bin += 1) bands[Math.floor(bin / binsPerBand)] += re[bin] * re[bin] + im[bin] * im[bin];
  }
  const least = bands.reduce((most, power) => Math.max(most, power), 0) * 10 ** (-rangeDb / 10);
  const highest = least === 0 ? -1 : bands.findLastIndex((power) => power >= least);
  return Math.min(sampleRateHz / 2, (highest + 1) * binsPerBand * binHz);
}

// What a mel image says of the magnitudes behind it, as one matrix: the start from which the neural vocoder learns. Knows no network.
import type { MelSettings } from '../config/mel.js';
import { melFilterBank } from '../dsp/mel.js';
import { fullScaleFactor, centredHannWindow } from '../dsp/windows.js';
import type { MagnitudePrior } from '../models/index.js';

/**
 * The line from image values to natural logarithms of the transform's magnitudes: the power of a filter, spread evenly over the bins under
 * it, and between the centres of two filters along a straight line in decibels.
 *
 * Shape: weights [M, F], bias [F].
 */
export function melPrior(mel: MelSettings): MagnitudePrior {
  const { melBins, floorDb, ceilingDb, sampleRateHz, fftSize } = mel;
  const { binCount, weights: filters, centresHz } = melFilterBank(mel);
  const nepersPerUnit = ((ceilingDb - floorDb) / 2 / 20) * Math.LN10;
  const fullScale = fullScaleFactor(centredHannWindow(mel.windowSamples, fftSize));
  const ofSilence = (floorDb / 20) * Math.LN10 - Math.log(fullScale);
  // The image's -1 is the floor; a filter that sums the power of w bins reads it √w times too high in magnitude.
  const start = Float64Array.from({ length: melBins }, (_, filter) => {
    const width = filters.subarray(filter * binCount, (filter + 1) * binCount).reduce((sum, weight) => sum + weight, 0);
    return ofSilence + nepersPerUnit - 0.5 * Math.log(width);
  });
  const weights = new Float32Array(melBins * binCount);
  const bias = new Float32Array(binCount);
  for (let bin = 0; bin < binCount; bin += 1) {
    const hz = (bin * sampleRateHz) / fftSize;
    const above = centresHz.findIndex((centre) => centre > hz);
    const upper = above < 0 ? melBins - 1 : above;
    const lower = above < 0 ? melBins - 1 : Math.max(0, above - 1);
    const share = upper === lower ? 0 : (hz - centresHz[lower]) / (centresHz[upper] - centresHz[lower]);
    for (const [filter, part] of [[lower, 1 - share], [upper, share]] as const) {
      weights[filter * binCount + bin] += part * nepersPerUnit;
      bias[bin] += part * start[filter];
    }
  }
  return { weights, bias };
}

// Which cells of a mel image hear any of a stretch of time and a band of pitch.
import type { MelSettings } from '../config/mel.js';
import { melFilterBank } from '../dsp/mel.js';

interface HeardRegion {
  readonly fromSample: number;
  readonly toSample: number;
  readonly lowHz: number;
  readonly highHz: number;
}

/** 1 for each cell whose window and filter reach into the region, else 0. Shape: [M, N]. */
export function heardCells(settings: MelSettings, frameCount: number, { fromSample, toSample, lowHz, highHz }: HeardRegion): Float32Array {
  const { melBins, hopSamples, windowSamples } = settings;
  const rows = heardRows(settings, lowHz, highHz);
  const cells = new Float32Array(melBins * frameCount);
  for (let frame = 0; frame < frameCount; frame += 1) {
    const centre = frame * hopSamples;
    if (centre + windowSamples / 2 <= fromSample || centre - windowSamples / 2 >= toSample) continue;
    for (let row = 0; row < melBins; row += 1) cells[row * frameCount + frame] = rows[row];
  }
  return cells;
}

function heardRows(settings: MelSettings, lowHz: number, highHz: number): Uint8Array {
  const { weights, binCount } = melFilterBank(settings);
  const binHz = settings.sampleRateHz / settings.fftSize;
  return Uint8Array.from({ length: settings.melBins }, (_, row) => {
    const filter = weights.subarray(row * binCount, (row + 1) * binCount);
    return filter.some((weight, bin) => weight > 0 && bin * binHz >= lowHz && bin * binHz <= highHz) ? 1 : 0;
  });
}

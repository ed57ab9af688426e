// How a sound's energy divides between the frequencies a codec keeps and those it loses. Knows no files.
import { createRealFft } from '../dsp/real-fft.js';
import { hannWindow } from '../dsp/windows.js';

const SIZE = 2048;

export interface BandEnergy {
  /** Sums of power; only their ratios mean something. */
  readonly below: number;
  readonly within: number;
  readonly above: number;
}

export interface BandMeter {
  push(samples: Float32Array): void;
  /** The sums, the last incomplete window padded with silence. */
  end(): BandEnergy;
}

/** Creates a meter for one sound at its own rate: half-overlapping windows of 2048 samples. */
export function createBandMeter(sampleRateHz: number, { minHz, maxHz }: { readonly minHz: number; readonly maxHz: number }): BandMeter {
  const fft = createRealFft(SIZE);
  const window = hannWindow(SIZE);
  const re = new Float64Array(fft.binCount);
  const im = new Float64Array(fft.binCount);
  const frame = new Float64Array(SIZE);
  const kept = new Float64Array(SIZE);
  let keptCount = 0;
  let newCount = 0;
  const sums = { below: 0, within: 0, above: 0 };

  const measure = (): void => {
    for (let index = 0; index < SIZE; index += 1) frame[index] = kept[index] * window[index];
    fft.forward(frame, re, im);
    for (let bin = 0; bin < fft.binCount; bin += 1) {
      const hz = (bin * sampleRateHz) / SIZE;
      const power = re[bin] * re[bin] + im[bin] * im[bin];
      if (hz < minHz) sums.below += power;
      else if (hz > maxHz) sums.above += power;
      else sums.within += power;
    }
    kept.copyWithin(0, SIZE / 2);
    keptCount = SIZE / 2;
    newCount = 0;
  };

  return {
    push(samples) {
      for (let index = 0; index < samples.length; index += 1) {
        kept[keptCount] = samples[index];
        keptCount += 1;
        newCount += 1;
        if (keptCount === SIZE) measure();
      }
    },
    end() {
      if (newCount > 0) {
        kept.fill(0, keptCount);
        measure();
      }
      return { ...sums };
    },
  };
}

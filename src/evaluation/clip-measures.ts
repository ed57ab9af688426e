// What is measured of one clip by itself: its level and where its spectrum lies.
import { midSide } from '../dsp/mid-side.js';
import { createStft } from '../dsp/stft.js';
import { measureLevel, SILENT_PEAK_DBFS, type ClipLevel } from './level-guard.js';

export interface ClipMeasures extends ClipLevel {
  /** Mean frequency of the energy of the clip, of stereo sound of its mid; null where that is silent. Unit: Hz. */
  readonly centroidHz: number | null;
}

/** Measures clips of one rate, by all their channels. Shape: [T] each. Memory: buffers are reused; one object serves one computation at a time. */
export function createClipMeter(sampleRateHz: number): (channels: readonly Float32Array[]) => ClipMeasures {
  const stft = createStft({ fftSize: 1024, hopSamples: 512 });
  const [re, im] = [new Float64Array(stft.binCount), new Float64Array(stft.binCount)];
  return (channels) => {
    const level = measureLevel(...channels);
    const [left, right] = channels;
    const signal = right === undefined ? left : midSide(left, right)[0];
    if (!(level.peakDbfs >= SILENT_PEAK_DBFS)) return { ...level, centroidHz: null };
    let [energy, weighted] = [0, 0];
    for (let frame = 0; frame < stft.frameCount(signal.length); frame += 1) {
      stft.frameInto(signal, frame, { re, im });
      for (let bin = 1; bin < stft.binCount; bin += 1) {
        const power = re[bin] * re[bin] + im[bin] * im[bin];
        energy += power;
        weighted += bin * power;
      }
    }
    return { ...level, centroidHz: energy === 0 ? null : ((weighted / energy) * sampleRateHz) / stft.fftSize };
  };
}

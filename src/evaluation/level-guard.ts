// Guards that a distribution metric lacks: is a clip silent, and is it as loud as the real clips of its label are?
import { integratedLoudness } from '../dsp/integrated-loudness.js';

/** Below this peak, in dBFS, a clip counts as silent. */
export const SILENT_PEAK_DBFS = -60;

export interface ClipLevel {
  /** Highest sample magnitude, in dBFS; −∞ for digital silence. */
  readonly peakDbfs: number;
  /** Root mean square over the whole clip, in dBFS; −∞ for digital silence. */
  readonly rmsDbfs: number;
}

/** A clip to the guard. */
export interface GuardedClip extends ClipLevel {
  /** Number of its label; the same for all where there are none. */
  readonly label: number;
  /** Gated loudness, in LUFS; −∞ for what never rises above −70. */
  readonly loudnessLufs: number;
}

export interface LevelReport {
  /** Share of clips in [0, 1] whose peak is below −60 dBFS. */
  readonly silentShare: number;
  /** Share of clips in [0, 1] whose loudness lies within the range of the real clips of their label, widened by the tolerance. */
  readonly inRangeShare: number;
  /** Median loudness of the judged and of the real clips, in LUFS. */
  readonly medianLufs: number;
  readonly realMedianLufs: number;
  /** Lowest and highest loudness of the real clips of all labels, in LUFS. */
  readonly realRangeLufs: readonly [number, number];
  /** Peaks, in dBFS, to be looked at: no clip is judged by its peak, since a mel image does not hold the phases that decide it. */
  readonly medianPeakDbfs: number;
  readonly realMedianPeakDbfs: number;
  readonly highestPeakDbfs: number;
  readonly realHighestPeakDbfs: number;
}

/** Measures the peak and the RMS level of a sound over all its channels. Shape: [T] each. Unit: dBFS. */
export function measureLevel(...channels: readonly Float32Array[]): ClipLevel {
  let peak = 0;
  let squares = 0;
  let count = 0;
  for (const channel of channels) {
    for (const sample of channel) {
      peak = Math.max(peak, Math.abs(sample));
      squares += sample * sample;
    }
    count += channel.length;
  }
  return { peakDbfs: 20 * Math.log10(peak), rmsDbfs: 10 * Math.log10(squares / Math.max(1, count)) };
}

/** Measures what the guard compares, over all channels. Shape: [T] each. */
export function guardedClip(channels: readonly Float32Array[], { sampleRateHz, label }: { readonly sampleRateHz: number; readonly label: number }): GuardedClip {
  return { ...measureLevel(...channels), label, loudnessLufs: integratedLoudness(channels, sampleRateHz) };
}

/**
 * Compares levels of judged clips with those of real clips, label by label: over all labels together the range of real clips is so wide
 * that a clip at ten times its power would pass. A judged clip of a label without audible real clips is out of range.
 *
 * Unit: `toleranceDb` widens each range on both sides, default 3 dB.
 */
export function reportLevels(judged: readonly GuardedClip[], real: readonly GuardedClip[], { toleranceDb = 3 } = {}): LevelReport {
  const audible = real.filter(({ peakDbfs, loudnessLufs }) => peakDbfs >= SILENT_PEAK_DBFS && loudnessLufs > -Infinity);
  const ranges = new Map(audible.map(({ label }) => [label, rangeOf(audible.filter((clip) => clip.label === label))]));
  const isInRange = ({ label, loudnessLufs }: GuardedClip): boolean => {
    const [low, high] = ranges.get(label) ?? [Infinity, -Infinity];
    return loudnessLufs >= low - toleranceDb && loudnessLufs <= high + toleranceDb;
  };
  const share = (test: (clip: GuardedClip) => boolean): number => judged.filter(test).length / Math.max(1, judged.length);
  const [peaks, realPeaks] = [judged, audible].map((clips) => clips.map(({ peakDbfs }) => peakDbfs));
  const [loudness, realLoudness] = [judged, audible].map((clips) => clips.map(({ loudnessLufs }) => loudnessLufs));
  return {
    silentShare: share(({ peakDbfs }) => !(peakDbfs >= SILENT_PEAK_DBFS)),
    inRangeShare: share(isInRange),
    medianLufs: median(loudness), realMedianLufs: median(realLoudness), realRangeLufs: rangeOf(audible),
    medianPeakDbfs: median(peaks), realMedianPeakDbfs: median(realPeaks), highestPeakDbfs: Math.max(...peaks), realHighestPeakDbfs: Math.max(...realPeaks),
  };
}

function rangeOf(clips: readonly GuardedClip[]): readonly [number, number] {
  const loudness = clips.map(({ loudnessLufs }) => loudnessLufs);
  return [Math.min(...loudness), Math.max(...loudness)];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

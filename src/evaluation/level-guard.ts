// Guards that a distribution metric lacks: is a clip silent, and does its level lie where the real clips' levels lie?

/** Below this peak, in dBFS, a clip counts as silent. */
export const SILENT_PEAK_DBFS = -60;

export interface ClipLevel {
  /** Highest sample magnitude, in dBFS; −∞ for digital silence. */
  readonly peakDbfs: number;
  /** Root mean square over the whole clip, in dBFS; −∞ for digital silence. */
  readonly rmsDbfs: number;
}

export interface LevelReport {
  /** Share of clips in [0, 1] whose peak is below −60 dBFS. */
  readonly silentShare: number;
  /** Share of clips in [0, 1] whose peak lies within the real clips' range, widened by the tolerance. */
  readonly inRangeShare: number;
  /** Lowest and highest peak of the real clips, in dBFS. */
  readonly realRangeDbfs: readonly [number, number];
  /** Median peak of the judged and of the real clips, in dBFS. */
  readonly medianPeakDbfs: number;
  readonly realMedianPeakDbfs: number;
}

/** Measures peak and RMS level of a mono signal. Shape: [T]. Unit: dBFS. */
export function measureLevel(signal: Float32Array): ClipLevel {
  let peak = 0;
  let squares = 0;
  for (const sample of signal) {
    peak = Math.max(peak, Math.abs(sample));
    squares += sample * sample;
  }
  return { peakDbfs: 20 * Math.log10(peak), rmsDbfs: 10 * Math.log10(squares / Math.max(1, signal.length)) };
}

/** Compares levels of judged clips with those of real clips. `toleranceDb` widens the real range on both sides, default 3 dB. */
export function reportLevels(judged: readonly ClipLevel[], real: readonly ClipLevel[], { toleranceDb = 3 } = {}): LevelReport {
  const audible = real.map((level) => level.peakDbfs).filter((peak) => peak >= SILENT_PEAK_DBFS);
  const low = Math.min(...audible);
  const high = Math.max(...audible);
  const peaks = judged.map((level) => level.peakDbfs);
  const share = (test: (peak: number) => boolean): number => peaks.filter(test).length / Math.max(1, peaks.length);
  return {
    silentShare: share((peak) => !(peak >= SILENT_PEAK_DBFS)),
    inRangeShare: share((peak) => peak >= low - toleranceDb && peak <= high + toleranceDb),
    realRangeDbfs: [low, high],
    medianPeakDbfs: median(peaks),
    realMedianPeakDbfs: median(audible),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

// How loud each sound of a test is to be played, so that none is preferred for its level. Pure.
import { integratedLoudness } from '../../dsp/integrated-loudness.js';
import { peakDb } from '../../dsp/loudness.js';
import type { Clip } from '../../audio/clip.js';

/** The loudness aimed at. Source: EBU R 128. Unit: LUFS. */
const TARGET_LUFS = -23;
/** Highest peak after matching; the loudness of all is lowered until it is kept. Unit: dBFS. */
const HIGHEST_PEAK_DBFS = -1;

export interface MatchedLevels {
  /** Linear, one for each clip; 1 for a silent one. */
  readonly gains: readonly number[];
  /** What every audible sound now has. Unit: LUFS. */
  readonly loudness: number;
}

/** Gains that bring all clips to one loudness after BS.1770, −23 LUFS or as much lower as the clip with the highest crest needs. */
export function matchLevels(clips: readonly Clip[]): MatchedLevels {
  const measured = clips.map(({ channels, sampleRateHz }) => ({ loudness: integratedLoudness(channels, sampleRateHz), peak: Math.max(...channels.map((channel) => peakDb(channel))) }));
  const loudness = measured.reduce((least, clip) => (Number.isFinite(clip.loudness) ? Math.min(least, HIGHEST_PEAK_DBFS - (clip.peak - clip.loudness)) : least), TARGET_LUFS);
  return { gains: measured.map((clip) => (Number.isFinite(clip.loudness) ? 10 ** ((loudness - clip.loudness) / 20) : 1)), loudness };
}

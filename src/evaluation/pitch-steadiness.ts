// How steadily a sustained note is held, in pitch and in level. Knows no files.
import { requireInteger, requireNumber } from '../base/checks.js';

export interface PitchSteadinessOptions {
  readonly sampleRateHz: number;
  /** The lowest pitch that is looked for; default 50. Half of the frame is at least one period of it. */
  readonly minHz?: number;
  /** The highest one; default 2000. */
  readonly maxHz?: number;
  /** Samples of one reading, default 2048; readings are a quarter of it apart. */
  readonly frameSamples?: number;
}

export interface PitchSteadiness {
  /** Median over the frames that have a pitch. NaN where none has. */
  readonly medianHz: number;
  /** Root mean square deviation from the median. Unit: cents. A steady tone reads below 1; from about 10 it is heard as a wobble. */
  readonly wobbleCents: number;
  /** Standard deviation of the frames' level about its straight line, so that a decay does not count. Unit: dB. */
  readonly levelWobbleDb: number;
  /** Share of the frames that have a pitch. A note of which much is lost is rough, not steady. */
  readonly pitchedShare: number;
}

/** Difference, as a share of what unrelated halves would have, below which a frame counts as periodic. */
const PERIODIC_BELOW = 0.2;

/**
 * Reads pitch and level frame by frame. Give the sustained part alone: attack and release are no steady note.
 *
 * Source: de Cheveigné and Kawahara, "YIN, a fundamental frequency estimator" (2002), steps 1 to 5.
 * @throws MelstromError when the sound is shorter than two frames
 */
export function pitchSteadiness(sound: Float32Array, { sampleRateHz, minHz = 50, maxHz = 2000, frameSamples = 2048 }: PitchSteadinessOptions): PitchSteadiness {
  requireInteger('pitch steadiness: samples', sound.length, { min: 2 * frameSamples });
  requireNumber('pitch steadiness: minHz', minHz, { min: (2 * sampleRateHz) / frameSamples, max: maxHz });
  const lags = { least: Math.max(2, Math.floor(sampleRateHz / maxHz)), most: Math.ceil(sampleRateHz / minHz) };
  const pitches: number[] = [];
  const levels: number[] = [];
  for (let start = 0; start + frameSamples <= sound.length; start += frameSamples / 4) {
    const frame = sound.subarray(start, start + frameSamples);
    const lag = periodOf(frame, lags);
    if (lag !== null) pitches.push(sampleRateHz / lag);
    levels.push(10 * Math.log10(frame.reduce((sum, sample) => sum + sample * sample, 1e-12) / frameSamples));
  }
  const medianHz = pitches.toSorted((a, b) => a - b)[Math.floor(pitches.length / 2)] ?? Number.NaN;
  const cents = pitches.map((hz) => 1200 * Math.log2(hz / medianHz));
  return { medianHz, wobbleCents: pitches.length === 0 ? Number.NaN : rootMeanSquare(cents), levelWobbleDb: rootMeanSquare(withoutLine(levels)), pitchedShare: pitches.length / levels.length };
}

/** The period in samples, between whole ones by a parabola; null where the frame has none. */
function periodOf(frame: Float32Array, { least, most }: { least: number; most: number }): number | null {
  const half = frame.length / 2;
  const differences = new Float64Array(most + 2);
  let sum = 0;
  for (let lag = 1; lag <= most + 1; lag += 1) {
    let difference = 0;
    for (let index = 0; index < half; index += 1) difference += (frame[index] - frame[index + lag]) ** 2;
    sum += difference;
    differences[lag] = sum === 0 ? 1 : (difference * lag) / sum;
  }
  let lag = least;
  while (lag <= most && differences[lag] >= PERIODIC_BELOW) lag += 1;
  while (lag < most && differences[lag + 1] < differences[lag]) lag += 1; // down to the bottom of the dip
  if (lag > most) return null;
  const [before, at, after] = [differences[lag - 1], differences[lag], differences[lag + 1]];
  const curvature = before - 2 * at + after;
  return lag + (curvature > 0 ? (0.5 * (before - after)) / curvature : 0);
}

/** What is left of values beside their straight line of least squares. */
function withoutLine(values: readonly number[]): number[] {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = values.reduce((sum, _, index) => sum + (index - middle) ** 2, 0);
  const slope = values.reduce((sum, value, index) => sum + (index - middle) * (value - mean), 0) / spread;
  return values.map((value, index) => value - mean - slope * (index - middle));
}

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

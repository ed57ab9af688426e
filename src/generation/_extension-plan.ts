// Where the given sound and the new one lie in the region that is drawn for an extension. Numbers only.
import { requireNumber } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';
import type { MelSettings } from '../config/mel.js';
import { DEFAULT_OVERLAP } from '../diffusion/windows.js';
import type { ClipLength } from './length.js';

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Frames and samples of the region are counted from its start, of which sample regionStart of the given sound is the first. */
export interface ExtensionPlan {
  readonly length: ClipLength;
  /** Negative where the region begins before the sound. */
  readonly regionStart: number;
  readonly newSamples: number;
  readonly isBefore: boolean;
  /** The part of the given sound that the region has: its first sample in the sound, its first frame in the region, and its frames. */
  readonly contextStart: number;
  readonly firstContextFrame: number;
  readonly contextFrames: number;
  /** Frames beside the join, within the given sound, that are drawn anew: their windows reach into what is new. */
  readonly marginFrames: number;
  readonly knownFrames: Span;
  readonly knownSamples: Span;
}

interface PlanOptions {
  readonly settings: MelSettings;
  readonly columnFrames: number;
  readonly givenSamples: number;
  readonly newSamples: number;
  readonly isBefore: boolean;
  readonly overlap?: number;
  /** Over which the given sound is to fade: a margin that is shorter grows to it. Default the shortest margin. */
  readonly fadeSamples?: number;
}

/**
 * The region begins, or ends, half a window inside the given sound, so that the first window of new sound sees as much of the old. Frames
 * lie on a grid that puts the sound's end, or its start, at the edge of a latent column.
 *
 * @throws MelstromError of kind 'usage' when the sound is too short, for itself or for its fade
 */
export function planExtension({ settings, columnFrames, givenSamples, newSamples, isBefore, overlap = DEFAULT_OVERLAP, fadeSamples = 0 }: PlanOptions): ExtensionPlan {
  const { hopSamples: hop, fftSize, frames: windowFrames } = settings;
  const toColumns = (frames: number, round: (value: number) => number): number => round(frames / columnFrames) * columnFrames;
  const leastMargin = toColumns(fftSize / 2 / hop, Math.ceil);
  const contextFrames = Math.min(toColumns(windowFrames / 2, Math.ceil), toColumns(givenSamples / hop, Math.floor));
  if (contextFrames <= leastMargin) {
    const least = ((leastMargin + columnFrames) * hop) / settings.sampleRateHz;
    throw new MelstromError({ kind: 'usage', where: 'extend', got: `a sound of ${(givenSamples / settings.sampleRateHz).toFixed(3)} s`, expected: `at least ${least.toFixed(3)} s, to go on from` });
  }
  const longestFade = ((contextFrames - columnFrames) * hop) / settings.sampleRateHz;
  requireNumber('fadeSeconds', fadeSamples / settings.sampleRateHz, { min: 0, max: longestFade, fix: 'Half a window of the model, or the given sound where it is shorter, is all that the new one is drawn with.' });
  const marginFrames = Math.max(leastMargin, toColumns(fadeSamples / hop, Math.ceil));
  const wantedFrames = Math.ceil(newSamples / hop) + (isBefore ? 0 : 1);
  const drawnFrames = Math.max(windowFrames, contextFrames + toColumns(wantedFrames, Math.ceil));
  const firstContextFrame = isBefore ? drawnFrames - contextFrames : 0;
  const contextStart = isBefore ? 0 : givenSamples - contextFrames * hop;
  const sampleCount = isBefore ? (drawnFrames - 1) * hop : contextFrames * hop + newSamples;
  const frameCount = isBefore ? drawnFrames : 1 + Math.floor(sampleCount / hop);
  const knownFrames = isBefore ? { from: firstContextFrame + marginFrames, to: drawnFrames } : { from: 0, to: contextFrames - marginFrames };
  return {
    length: { sampleCount, frameCount, drawnFrames, isLoop: false, overlap: drawnFrames === windowFrames ? null : overlap },
    regionStart: contextStart - firstContextFrame * hop,
    newSamples, isBefore, contextStart, firstContextFrame, contextFrames, marginFrames, knownFrames,
    knownSamples: isBefore ? { from: knownFrames.from * hop, to: sampleCount } : { from: 0, to: knownFrames.to * hop },
  };
}

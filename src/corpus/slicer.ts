// Cuts a stream of mel frames into slices of a fixed number of frames. Knows no files.

/** Frames kept before the first onset. */
const LEAD_FRAMES = 2;
/** The image value of silence. */
export const SILENCE = -1;

export interface SlicerSettings {
  /** Rows of a frame; of a stereo image those of all its channels. */
  readonly melBins: number;
  /** The values of silence, one per row. Default SILENCE in all. */
  readonly silentFrame?: Float32Array;
  /** Frames of a slice. */
  readonly frames: number;
  /** Frames from one slice's start to the next. */
  readonly hopFrames: number;
  /** Least share of sound in slices after the first, 0 to 1. */
  readonly minFill: number;
  readonly maxSlices: number | null;
  readonly alignOnset: boolean;
}

export interface Slice {
  /** Shape: [M, N], row 0 the lowest frequency. */
  readonly image: Float32Array;
  /** Frames of sound; the rest, at the end, is padding. */
  readonly fillFrames: number;
  /** Frame of the sound at which the slice starts. */
  readonly offsetFrames: number;
}

export interface Slicer {
  /** Takes frames, frame after frame, and gives the slices that are complete. */
  push(block: Float32Array): Slice[];
  /** The last slice, padded with silence, if there is one. */
  end(): Slice[];
  /** True once maxSlices have been given: the rest of the sound need not be read. */
  readonly isDone: boolean;
}

/** Creates the slicer of one sound. A sound of any length gives at least one slice. */
export function createSlicer(settings: SlicerSettings): Slicer {
  const { melBins, frames, hopFrames, minFill, alignOnset, silentFrame = new Float32Array(melBins).fill(SILENCE) } = settings;
  const maxSlices = settings.maxSlices ?? Infinity;
  const waiting = new Float32Array(frames * melBins);
  const silenceFrom = (first: number): void => {
    for (let frame = first; frame < frames; frame += 1) waiting.set(silentFrame, frame * melBins);
  };
  silenceFrom(0);
  let waitingFrames = 0;
  let offsetFrames = 0;
  let coveredFrames = 0;
  let sliceCount = 0;
  let hasOnset = !alignOnset;

  const give = (): Slice => {
    const slice = { image: transpose(waiting, melBins), fillFrames: waitingFrames, offsetFrames };
    coveredFrames = offsetFrames + waitingFrames;
    sliceCount += 1;
    waiting.copyWithin(0, hopFrames * melBins);
    waitingFrames = Math.max(0, waitingFrames - hopFrames);
    silenceFrom(waitingFrames);
    offsetFrames += hopFrames;
    return slice;
  };

  /** While nothing has sounded: keeps the last frames only, so that the onset stands just behind them. */
  const skipSilence = (frame: Float32Array): boolean => {
    if (hasOnset) return false;
    hasOnset = frame.some((value, row) => value > silentFrame[row]);
    if (hasOnset) return false;
    if (waitingFrames === LEAD_FRAMES) offsetFrames += 1;
    else waitingFrames += 1;
    return true;
  };

  return {
    get isDone() {
      return sliceCount >= maxSlices;
    },
    push(block) {
      const slices: Slice[] = [];
      for (let start = 0; start < block.length; start += melBins) {
        if (sliceCount >= maxSlices) break;
        const frame = block.subarray(start, start + melBins);
        if (skipSilence(frame)) continue;
        waiting.set(frame, waitingFrames * melBins);
        waitingFrames += 1;
        if (waitingFrames === frames) slices.push(give());
      }
      return slices;
    },
    end() {
      if (sliceCount >= maxSlices) return [];
      if (!hasOnset) {
        waitingFrames = Math.min(frames, offsetFrames + waitingFrames);
        offsetFrames = 0;
      }
      const hasNew = offsetFrames + waitingFrames > coveredFrames;
      if (!hasNew || (sliceCount > 0 && waitingFrames < minFill * frames)) return [];
      return [give()];
    },
  };
}

/** Shape: [N*M] frame after frame -> [M, N]. */
function transpose(waiting: Float32Array, melBins: number): Float32Array {
  const frames = waiting.length / melBins;
  const image = new Float32Array(waiting.length);
  for (let frame = 0; frame < frames; frame += 1) {
    for (let row = 0; row < melBins; row += 1) image[row * frames + frame] = waiting[frame * melBins + row];
  }
  return image;
}

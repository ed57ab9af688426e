// Mel frames of a sound that arrives in pieces, the same as if it had come whole. Knows no files.
import { joinBlocks } from '../audio/resample.js';
import type { MelSettings } from '../config/mel.js';
import { createImageCodec, type ImageCodec } from '../spectrogram/image-codec.js';

/** Frames analysed at once: a few hundred keep the cost of the overlap below 2 %. */
const CHUNK_FRAMES = 512;

/** Shape: frame after frame, [n*M], of stereo sound [n*3·M]. Unit: image values. */
export type FrameBlock = Float32Array;

export interface FrameStream {
  /** The frames that this piece completes, perhaps none. Shape: one [T] per channel. */
  push(channels: readonly Float32Array[]): FrameBlock;
  /** The frames at the end of the sound. */
  end(): FrameBlock;
}

/** Creates a stream of one sound's mel frames. Memory: holds about CHUNK_FRAMES hops of samples, whatever the length of the sound. */
export function createFrameStream(settings: MelSettings, codec: ImageCodec = createImageCodec(settings)): FrameStream {
  const { hopSamples, fftSize } = settings;
  const contextFrames = Math.ceil(fftSize / 2 / hopSamples);
  const wantedSamples = (CHUNK_FRAMES + 2 * contextFrames) * hopSamples;
  let kept: readonly Float32Array[] = Array.from({ length: settings.channels }, () => new Float32Array(0));
  let isStart = true;

  /** Frames whose window lies inside what is kept; at the ends of the sound its mirrored edges count as inside. */
  const analyse = (isEnd: boolean): FrameBlock => {
    const { data, frameCount } = codec.analyse(kept);
    const first = isStart ? 0 : contextFrames;
    const end = isEnd ? frameCount : Math.floor((kept[0].length - fftSize / 2) / hopSamples) + 1;
    const block = transposeFrames(data, { frameCount, first, end });
    const drop = Math.max(0, end - contextFrames);
    if (drop > 0) isStart = false;
    kept = kept.map((samples) => samples.slice(drop * hopSamples));
    return block;
  };

  return {
    push(channels) {
      kept = kept.map((samples, index) => joinBlocks([samples, channels[index]]));
      return kept[0].length < wantedSamples ? new Float32Array(0) : analyse(false);
    },
    end: () => (kept[0].length === 0 ? new Float32Array(0) : analyse(true)),
  };
}

/** Shape: [M, N] -> [(end-first)*M]. */
function transposeFrames(data: Float32Array, { frameCount, first, end }: { frameCount: number; first: number; end: number }): Float32Array {
  const melBins = data.length / frameCount;
  const block = new Float32Array(Math.max(0, end - first) * melBins);
  for (let row = 0; row < melBins; row += 1) {
    for (let frame = first; frame < end; frame += 1) block[(frame - first) * melBins + row] = data[row * frameCount + frame];
  }
  return block;
}

// One sound file to slices: streamed, analysed and cut. Knows neither the cache nor threads.
import { streamSound } from '../audio/load.node.js';
import { messageOf } from '../base/errors.js';
import type { CorpusConfig } from '../config/corpus.js';
import type { MelSettings } from '../config/mel.js';
import { imageRows } from '../config/mel-layout.js';
import type { ImageCodec } from '../spectrogram/image-codec.js';
import { silentFrame } from '../spectrogram/mel-image.js';
import { createFrameStream } from './frame-stream.js';
import { createSlicer, type Slice } from './slicer.js';

/** The settings that decide a file's slices. */
export interface SliceSettings {
  readonly mel: MelSettings;
  readonly corpus: Pick<CorpusConfig, 'downmix' | 'sliceHopFrames' | 'minFill' | 'maxSlicesPerFile' | 'alignOnset'>;
}

/** Frame of the sound at which a slice starts, and frames of sound in it. */
export type SlicePlacing = readonly [offsetFrames: number, fillFrames: number];

/**
 * Gives the slices of a file in order.
 *
 * Memory: one block of the file, about a slice of frames.
 * @param codec of the same mel settings; it serves one file at a time
 * @throws MelstromError of kind 'data' that names the file
 */
export async function* sliceFile(path: string, { mel, corpus }: SliceSettings, codec: ImageCodec): AsyncGenerator<Slice> {
  const frameStream = createFrameStream(mel, codec);
  const slicer = createSlicer({
    melBins: imageRows(mel), silentFrame: silentFrame(mel), frames: mel.frames, hopFrames: corpus.sliceHopFrames ?? mel.frames,
    minFill: corpus.minFill, maxSlices: corpus.maxSlicesPerFile, alignOnset: corpus.alignOnset,
  });
  for await (const channels of streamSound(path, { ...mel, downmix: corpus.downmix })) {
    yield* slicer.push(frameStream.push(channels));
    if (slicer.isDone) return;
  }
  yield* slicer.push(frameStream.end());
  yield* slicer.end();
}

/** What is wrong with a file, in words that need not name it again. */
export function problemOf(path: string, error: unknown): string {
  return messageOf(error).replace(`${path}: `, '');
}

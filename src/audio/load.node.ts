// From a file to one channel, or left and right, at a wanted rate: decode, downmix and resample in one pass over the file.
import { MelstromError } from '../base/errors.js';
import { createChannelResampler } from '../dsp/resample.js';
import type { AudioSource } from './audio-source.js';
import { openAudio } from './decode.node.js';
import { downmix, type DownmixRule } from './downmix.js';
import { joinBlocks } from './resample.js';

export interface LoadOptions {
  readonly sampleRateHz: number;
  readonly downmix: DownmixRule;
}

export interface SoundOptions extends LoadOptions {
  /** 1: as the rule of downmixing says; 2: left and right as they are, and a sound of one channel in both. */
  readonly channels: 1 | 2;
}

/** Reads a file as one channel or two at the given rate. Memory: the result, and while it is read the same again. @throws MelstromError as `loadMono` */
export async function loadSound(path: string, options: SoundOptions): Promise<Float32Array[]> {
  if (options.channels === 1) return [await loadMono(path, options)];
  const blocks: (readonly Float32Array[])[] = [];
  for await (const block of streamSound(path, options)) blocks.push(block);
  return [0, 1].map((channel) => joinBlocks(blocks.map((block) => block[channel])));
}

/**
 * Reads a file as one channel or two at the given rate, block by block.
 *
 * @throws MelstromError as `loadMono`, and for more than two channels where two are wanted
 */
export async function* streamSound(path: string, options: SoundOptions): AsyncGenerator<readonly Float32Array[]> {
  const source = await openAudio(path);
  try {
    if (options.channels === 2) yield* stereoBlocks(source, options);
    else for await (const block of monoBlocks(source, options)) yield [block];
  } finally {
    await source.close();
  }
}

/**
 * Reads a file as one channel at the given rate.
 *
 * Memory: the result alone (an hour at 22.05 kHz is 318 MB); use `streamMono` for what is longer.
 * @throws MelstromError of kind 'data' that names the file
 */
export async function loadMono(path: string, options: LoadOptions): Promise<Float32Array> {
  const source = await openAudio(path);
  try {
    // Filled in place where the header tells the length, so that a long sound lies in memory only once.
    let samples: Float32Array = new Float32Array(Math.ceil(((source.frameCountEstimate ?? 0) * options.sampleRateHz) / source.sampleRateHz));
    let filled = 0;
    for await (const block of monoBlocks(source, options)) {
      if (filled + block.length > samples.length) samples = joinBlocks([samples.subarray(0, filled), new Float32Array(filled + 2 * block.length)]);
      samples.set(block, filled);
      filled += block.length;
    }
    return filled === samples.length ? samples : samples.slice(0, filled);
  } finally {
    await source.close();
  }
}

/** Reads a file as one channel at the given rate, block by block. @throws MelstromError as `loadMono` */
export async function* streamMono(path: string, options: LoadOptions): AsyncGenerator<Float32Array> {
  const source = await openAudio(path);
  try {
    yield* monoBlocks(source, options);
  } finally {
    await source.close();
  }
}

async function* monoBlocks(source: AudioSource, options: LoadOptions): AsyncGenerator<Float32Array> {
  const resampler = createChannelResampler(source.sampleRateHz, options.sampleRateHz);
  for await (const block of source.blocks()) yield resampler.process(mixNaming(source.path, block, options.downmix));
  yield resampler.flush();
}

async function* stereoBlocks(source: AudioSource, { sampleRateHz }: LoadOptions): AsyncGenerator<readonly Float32Array[]> {
  const resamplers = [0, 1].map(() => createChannelResampler(source.sampleRateHz, sampleRateHz));
  for await (const block of source.blocks()) yield leftAndRight(source.path, block).map((channel, index) => resamplers[index].process(channel));
  yield resamplers.map((resampler) => resampler.flush());
}

/** The two channels of a block, of a mono sound twice the one. @throws MelstromError of kind 'data' for more */
export function leftAndRight(path: string, block: readonly Float32Array[]): readonly [Float32Array, Float32Array] {
  if (block.length <= 2) return [block[0], block[block.length - 1]];
  throw new MelstromError({ kind: 'data', where: path, got: `${block.length} channels`, expected: '1 or 2', fix: 'Mix it to stereo first, or set mel.channels to 1.' });
}

function mixNaming(path: string, block: readonly Float32Array[], rule: DownmixRule): Float32Array {
  try {
    return downmix(block, rule);
  } catch (thrown) {
    if (!(thrown instanceof MelstromError)) throw thrown;
    const { kind, got, expected, fix } = thrown;
    throw new MelstromError({ kind, where: path, got, expected, fix, cause: thrown });
  }
}

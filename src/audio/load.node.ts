// From a file to one channel at a wanted rate: decode, downmix and resample in one pass over the file.
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

function mixNaming(path: string, block: readonly Float32Array[], rule: DownmixRule): Float32Array {
  try {
    return downmix(block, rule);
  } catch (thrown) {
    if (!(thrown instanceof MelstromError)) throw thrown;
    const { kind, got, expected, fix } = thrown;
    throw new MelstromError({ kind, where: path, got, expected, fix, cause: thrown });
  }
}

// Sample-rate conversion of clips and of streams of blocks. The filter itself is in dsp.
import { createChannelResampler } from '../dsp/resample.js';
import { createClip, type Clip } from './clip.js';

/** Converts blocks of all channels in step. */
export interface Resampler {
  process(block: readonly Float32Array[]): Float32Array[];
  /** Ends the stream and gives the samples still owed. */
  flush(): Float32Array[];
}

export interface ResamplerOptions {
  readonly fromHz: number;
  readonly toHz: number;
  readonly channelCount: number;
}

/** Creates a converter for a stream of blocks; without delay, of ceil(T · toHz / fromHz) samples in all. */
export async function createResampler({ fromHz, toHz, channelCount }: ResamplerOptions): Promise<Resampler> {
  const channels = Array.from({ length: channelCount }, () => createChannelResampler(fromHz, toHz));
  return {
    process: (block) => channels.map((channel, index) => channel.process(block[index])),
    flush: () => channels.map((channel) => channel.flush()),
  };
}

/** Converts a whole clip to another rate; a clip already at that rate is returned as it is. */
export async function resampleClip(clip: Clip, toHz: number): Promise<Clip> {
  if (clip.sampleRateHz === toHz) return clip;
  const channels = clip.channels.map((channel) => {
    const resampler = createChannelResampler(clip.sampleRateHz, toHz);
    return joinBlocks([resampler.process(channel), resampler.flush()]);
  });
  return createClip(toHz, channels);
}

/** Joins blocks of one channel. */
export function joinBlocks(blocks: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(blocks.reduce((total, block) => total + block.length, 0));
  let offset = 0;
  for (const block of blocks) {
    joined.set(block, offset);
    offset += block.length;
  }
  return joined;
}

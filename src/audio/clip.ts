// The value that carries sound through the program. Knows nothing of files or devices.
import { requireInteger, requireNumber } from '../base/checks.js';
import { MelstromError } from '../base/errors.js';

/** A piece of sound: one Float32Array per channel, all of one length; ±1 is full scale. */
export interface Clip {
  /** Unit: samples per second and channel. */
  readonly sampleRateHz: number;
  readonly channels: readonly Float32Array[];
}

/** Creates a clip after checking that it has a rate, a channel, and channels of one length. @throws MelstromError */
export function createClip(sampleRateHz: number, channels: readonly Float32Array[]): Clip {
  requireNumber('clip: sampleRateHz', sampleRateHz, { min: 1, max: 1_000_000 });
  requireInteger('clip: channel count', channels.length, { min: 1 });
  const lengths = new Set(channels.map((channel) => channel.length));
  if (lengths.size > 1) {
    throw new MelstromError({
      kind: 'usage',
      where: 'clip: channels',
      got: `lengths ${[...lengths].join(' and ')}`,
      expected: 'channels of one length',
    });
  }
  return { sampleRateHz, channels };
}

/** Number of samples in each channel. */
export function frameCountOf(clip: Clip): number {
  return clip.channels[0]?.length ?? 0;
}

/** Unit: seconds. */
export function durationSeconds(clip: Clip): number {
  return frameCountOf(clip) / clip.sampleRateHz;
}

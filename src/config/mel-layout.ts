// What follows from mel settings for the rows and channels of an image. Loads no schema library, which every thread would wait for.
import type { MelSettings } from './mel.js';

/** Channels of a mel image: 1, or for stereo sound 3: mid, side and panning. */
export function imageChannels({ channels = 1 }: { readonly channels?: MelSettings['channels'] }): 1 | 3 {
  return channels === 1 ? 1 : 3;
}

/** The settings of one channel of that sound, as its mid and its side have them. */
export function monoMel(mel: MelSettings): MelSettings {
  return mel.channels === 1 ? mel : { ...mel, channels: 1 };
}

/** Rows of a mel image that are levels in decibels, the first ones: all but panning. */
export function levelRows({ melBins, channels = 1 }: Pick<MelSettings, 'melBins'> & { readonly channels?: MelSettings['channels'] }): number {
  return channels * melBins;
}

/** Rows of a mel image with its channels on top of one another, the first one lowest. */
export function imageRows({ melBins, channels }: Pick<MelSettings, 'melBins'> & { readonly channels?: MelSettings['channels'] }): number {
  return melBins * imageChannels({ channels });
}

/** The settings as files and hashes have them: `channels` only where there are two, so that those of one channel stay what they were before there was a choice. */
export function storedMel<T extends Partial<MelSettings>>(mel: T): Omit<T, 'channels'> & Pick<Partial<MelSettings>, 'channels'> {
  const { channels, ...rest } = mel;
  return channels === 2 ? mel : rest;
}

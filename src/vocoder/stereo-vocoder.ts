// Two channels from a stereo image by a vocoder of one: mid and what of the side is its own are inverted, the rest of the side follows the mid.
import type { MelSettings } from '../config/mel.js';
import { leftRight } from '../dsp/mid-side.js';
import { requireOneChannel } from '../spectrogram/one-channel.js';
import { createStereoCodec } from '../spectrogram/stereo-codec.js';
import { composeSide } from './_compose-side.js';
import type { PromptVocoder } from './vocoder.js';

/**
 * Creates the vocoder of stereo settings.
 *
 * The mid is inverted as a sound of one channel is, so that the mono sum is what a model of one channel would give. Where the side hangs together
 * with it, it is that very sound at another gain: it has the mid's phases, and a sound that was left is left again, at any quality of the
 * inversion. What hangs together with nothing is inverted by itself and turned by a quarter of a wave, since where it looks just like the mid
 * both would else be given the same phases. Where there is no side both channels are the same numbers; where there is no mid they are each other's negative.
 *
 * @param mono of the same settings with one channel
 */
export function createStereoVocoder(settings: MelSettings, mono: PromptVocoder): PromptVocoder {
  const codec = createStereoCodec(settings);
  return {
    name: mono.name,
    invert(image, options = {}) {
      if (options.known !== undefined || options.around !== undefined) requireOneChannel(settings, 'sound made to go with given sound');
      const { mid, loose, gains } = codec.split(image);
      const { sampleRateHz, channels: [middle] } = mono.invert(mid, options);
      const { channels: [own] } = mono.invert(loose, options);
      const side = composeSide({ settings, frameCount: image.frameCount, mid: middle, own, gains, isLoop: options.isLoop ?? false });
      return { sampleRateHz, channels: leftRight(middle, side) };
    },
  };
}

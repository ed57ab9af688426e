// Two channels from a stereo image by a vocoder of one: mid and what of the side is its own are inverted, the rest of the side follows the mid.
import type { Clip } from '../audio/clip.js';
import { replaceWithin } from '../audio/region.js';
import { createRandom } from '../base/random.js';
import type { MelSettings } from '../config/mel.js';
import { leftRight, midSide } from '../dsp/mid-side.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import { createStereoCodec } from '../spectrogram/stereo-codec.js';
import { composeSide } from './_compose-side.js';
import type { PromptVocoder, VocoderOptions } from './vocoder.js';

/**
 * Creates the vocoder of stereo settings.
 *
 * The mid is inverted as a sound of one channel is, so that the mono sum is what a model of one channel would give. Where the side hangs together
 * with it, it is that very sound at another gain: it has the mid's phases, and a sound that was left is left again, at any quality of the
 * inversion. What hangs together with nothing is inverted by itself and turned by a quarter of a wave, since where it looks just like the mid
 * both would else be given the same phases. Where there is no side both channels are the same numbers; where there is no mid they are each other's negative.
 *
 * Of given sound, too, the mid goes on by itself; what the given side is beyond the mid at its gains is then what the side's own sound goes on
 * from, with no turn, in phase as the vocoder of one channel does it.
 *
 * @param mono of the same settings with one channel
 */
export function createStereoVocoder(settings: MelSettings, mono: PromptVocoder): PromptVocoder {
  const codec = createStereoCodec(settings);
  return {
    name: mono.name,
    isContinuing: mono.isContinuing,
    contextFrames: mono.contextFrames,
    invert(image, options = {}) {
      const { mid, loose, gains } = codec.split(image);
      const { isLoop = false } = options;
      const follow = (middle: Float32Array, own: Float32Array): Float32Array => composeSide({ settings, frameCount: image.frameCount, mid: middle, own, gains, isLoop });
      if (options.known !== undefined || options.around !== undefined) return invertBesides(mono, { mid, loose, options, follow: (middle) => follow(middle, new Float32Array(middle.length)) });
      const { sampleRateHz, channels: [middle] } = mono.invert(mid, options);
      const { channels: [own] } = mono.invert(loose, options);
      return { sampleRateHz, channels: leftRight(middle, follow(middle, own)) };
    },
  };
}

interface BesidesOptions {
  readonly mid: MelImage;
  readonly loose: MelImage;
  /** With known samples, or a sound of which a part is made anew. */
  readonly options: VocoderOptions;
  /** The part of the side that goes with a mid. Shape: [T] -> [T]. */
  readonly follow: (middle: Float32Array) => Float32Array;
}

/** Inverts what goes with given sound. Shape: [T] twice. */
function invertBesides(mono: PromptVocoder, { mid, loose, options, follow }: BesidesOptions): Clip {
  const { known, around, seed = 0 } = options;
  const [givenMid, givenSide] = midSide(...pairOf(known ?? around!));
  const besides = (samples: Float32Array): VocoderOptions => ({ known: known && { ...known, channels: [samples] }, around: around && { ...around, channels: [samples] } });
  const { sampleRateHz, channels: [made] } = mono.invert(mid, { ...options, ...besides(givenMid) });
  const middle = around === undefined ? made : replaceWithin(around.limit, { samples: givenMid, made });
  const following = follow(middle);
  const own = givenSide.map((sample, index) => sample - following[index]);
  const strange = createRandom(seed, 'side').uint32(); // so that what has nothing to go on from is not given the mid's phases
  const { channels: [rest] } = mono.invert(loose, { ...options, ...besides(own), seed: strange });
  const channels = leftRight(middle, rest.map((sample, index) => sample + following[index]));
  known?.channels.forEach((channel, index) => known.spans.forEach(({ from, to }) => channels[index].set(channel.subarray(from, to), from))); // as they are, without rounding
  return { sampleRateHz, channels };
}

function pairOf({ channels: [left, right] }: { readonly channels: readonly Float32Array[] }): [Float32Array, Float32Array] {
  return [left, right];
}

// The vocoder of a network that predicts magnitudes: those of the network, phases by the classical inverter.
import type { Clip } from '../audio/clip.js';
import type { Magnitudes } from '../dsp/magnitudes.js';
import { correctToMel } from '../dsp/mel-consistency.js';
import { assertSameCodec } from '../spectrogram/codec-identity.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
import { dbToImageValue, requireMelImage, type MelImage } from '../spectrogram/mel-image.js';
import { framesOf, overFrames } from './_network-frames.js';
import { weightsHash } from './_weights-hash.js';
import type { Inverter } from './griffin-lim-vocoder.js';
import type { VocoderNetwork } from './vocoder-network.js';

/** Steps that lead the network's magnitudes to the mel image, so that its level and its silence are the image's. With 1 the mel error of held-out hits is 0.01 dB larger, with 12 the same. */
const CORRECTIONS = 4;

/**
 * Creates the vocoder. It does all that the inverter does, with given sound, loops and pieces, and is as fast but for the network.
 *
 * Memory: the network stays the caller's. No tensor is left after a call.
 *
 * @param inverter of the network's codec, on this thread or in others
 */
export function createMagnitudeVocoder<C extends Clip | Promise<Clip>>({ mel: settings, vocos }: VocoderNetwork, inverter: Inverter<C>, { gateDb = 0 }: { readonly gateDb?: number } = {}): Inverter<C> {
  const codec = createMelCodec(settings);
  const { binCount } = codec.stft;
  const silent = Math.fround(dbToImageValue(settings.floorDb + gateDb, settings));
  const magnitudesOf = (image: MelImage, isLoop: boolean): Magnitudes => {
    const { frameCount } = image;
    const magnitude = overFrames(vocos, { frames: framesOf(image, silent), isLoop, width: binCount }, (mel) => vocos.magnitudes(mel));
    const target = codec.toMelTarget(image, { gateDb });
    const magnitudes = { magnitude, frameCount, binCount };
    correctToMel(magnitudes, target, CORRECTIONS);
    return magnitudes;
  };
  return {
    ...inverter,
    name: `vocos-${weightsHash(vocos)}-${inverter.name}`,
    contextFrames: vocos.contextFrames,
    invert(image, request = {}) {
      assertSameCodec(image.settings, settings, 'mel image');
      requireMelImage(image, 'mel image');
      return inverter.invert(image, { ...request, magnitudes: magnitudesOf(image, request.isLoop ?? false) });
    },
  };
}

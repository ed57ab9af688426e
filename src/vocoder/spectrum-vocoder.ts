// The vocoder of a network that predicts a whole spectrum, phases included: the inverse transform is its sound.
import { requireInteger, requireNumber } from '../base/checks.js';
import { createLoopStft } from '../dsp/loop-stft.js';
import { resampleLoop } from '../dsp/resample-loop.js';
import type { Spectrum } from '../dsp/stft.js';
import type { Vocos } from '../models/index.js';
import { assertSameCodec } from '../spectrogram/codec-identity.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
import { dbToImageValue, requireMelImage, type MelImage } from '../spectrogram/mel-image.js';
import { joinAround, joinKnown } from './_join.js';
import { framesOf, overFrames } from './_network-frames.js';
import { weightsHash } from './_weights-hash.js';
import type { PromptVocoder } from './vocoder.js';
import type { VocoderNetwork } from './vocoder-network.js';

export interface SpectrumVocoderOptions {
  /** Decibels above floorDb that still count as silence, in [0, 60], default 0; as of the Griffin-Lim vocoder. */
  readonly gateDb?: number;
}

/** Window sums below this share of the largest count as that share, so that the last samples beyond the last frame stay as quiet as they are. */
const LEAST_WEIGHT = 0.01;

/**
 * Creates the vocoder of a trained network.
 *
 * A loop is made of frames a hop apart that go on at the other end, and where its length is no whole number of hops brought there as a
 * tape is: at most half a hop longer or shorter in all, 7 cents at 128 frames. Of given sound the network knows nothing: beside it some transforms
 * are found anew at the network's magnitudes, so that the one goes on from the other in phase. Only for that, phases may be drawn by the seed.
 *
 * Memory: the network stays the caller's. No tensor is left after a call.
 */
export function createSpectrumVocoder({ mel: settings, vocos }: VocoderNetwork, { gateDb = 0 }: SpectrumVocoderOptions = {}): PromptVocoder {
  requireNumber('neural vocoder: gateDb', gateDb, { min: 0, max: 60 });
  const { stft } = createMelCodec(settings);
  const silent = Math.fround(dbToImageValue(settings.floorDb + gateDb, settings));
  const { sampleRateHz, hopSamples } = settings;

  const makeLoop = (image: MelImage, wanted: number): Float32Array => {
    const frameCount = Math.max(1, Math.round(wanted / hopSamples));
    const sampleCount = frameCount * hopSamples;
    const loop = createLoopStft({ ...settings, sampleCount, frames: frameCount });
    const made = new Float32Array(sampleCount);
    loop.inverseInto(spectrumOf(vocos, spreadFrames(framesOf(image, silent), settings.melBins, frameCount), true), made);
    return resampleLoop(made, wanted);
  };
  const make = (image: MelImage, wanted: number): Float32Array => {
    const { frameCount } = image;
    const shortest = Math.max(1, (frameCount - 1) * hopSamples);
    const longest = Math.max(shortest, frameCount * hopSamples - 1);
    const made = new Float32Array(Math.min(Math.max(wanted, shortest), longest));
    stft.inverseInto(spectrumOf(vocos, framesOf(image, silent), false), made, LEAST_WEIGHT);
    if (made.length === wanted) return made;
    const samples = new Float32Array(wanted);
    samples.set(made.subarray(0, Math.min(wanted, made.length)));
    return samples;
  };
  return {
    name: `vocos-${weightsHash(vocos)}`,
    isContinuing: true,
    contextFrames: vocos.contextFrames,
    invert(image, { seed = 0, sampleCount, isLoop = false, known, around } = {}) {
      assertSameCodec(image.settings, settings, 'mel image');
      requireMelImage(image, 'mel image');
      const wanted = requireInteger('invert: sampleCount', sampleCount ?? Math.max(1, (image.frameCount - (isLoop ? 0 : 1)) * hopSamples), { min: 1, max: 2 ** 31 });
      if (isLoop) return { sampleRateHz, channels: [makeLoop(image, wanted)] };
      const made = make(image, wanted);
      if (known !== undefined) joinKnown(settings, made, { ...known, samples: known.channels[0], seed });
      return { sampleRateHz, channels: [around === undefined ? made : joinAround(settings, made, { samples: around.channels[0], limit: around.limit })] };
    },
  };
}

/** Shape: [N*M] -> [N, F] complex. */
function spectrumOf(vocos: Vocos, frames: Float32Array, isLoop: boolean): Spectrum {
  const { input_channels: melBins, n_fft: size } = vocos.config;
  const [frameCount, binCount] = [frames.length / melBins, size / 2 + 1];
  const rows = overFrames(vocos, { frames, isLoop, width: 2 * binCount }, (mel) => vocos.spectrum(mel));
  const [re, im] = [new Float32Array(frameCount * binCount), new Float32Array(frameCount * binCount)];
  for (let frame = 0; frame < frameCount; frame += 1) {
    const at = frame * 2 * binCount;
    re.set(rows.subarray(at, at + binCount), frame * binCount);
    im.set(rows.subarray(at + binCount, at + 2 * binCount), frame * binCount);
  }
  return { re, im, frameCount, binCount };
}

/** As many frames spread evenly over the same loop, each between the two that it lies between. Shape: [N*M] -> [count*M]. */
function spreadFrames(frames: Float32Array, melBins: number, count: number): Float32Array {
  const before = frames.length / melBins;
  if (before === count) return frames;
  return Float32Array.from({ length: count * melBins }, (_, cell) => {
    const position = (Math.floor(cell / melBins) * before) / count;
    const [low, row] = [Math.floor(position), cell % melBins];
    const share = position - low;
    return (1 - share) * frames[low * melBins + row] + share * frames[((low + 1) % before) * melBins + row];
  });
}

// Takes one sound file through the rungs of the reconstruction ladder.
import { basename, extname, resolve } from 'node:path';
import type { Clip } from '../audio/clip.js';
import { openAudio } from '../audio/decode.node.js';
import type { DownmixRule } from '../audio/downmix.js';
import { loadMono } from '../audio/load.node.js';
import { bandwidthHz } from '../evaluation/bandwidth.js';
import type { FileRungs } from '../evaluation/ladder-verdict.js';
import { measureRung, type RungFigures, type RungName } from '../evaluation/rung-figures.js';
import { reconstructImage } from '../generation/reconstruct.js';
import { frameMultiple, type Pipeline } from '../pipeline/pipeline.js';
import type { MelCodec } from '../spectrogram/mel-codec.js';
import type { MelImage } from '../spectrogram/mel-image.js';
import type { Vocoder } from '../vocoder/vocoder.js';

export interface Rung {
  readonly name: RungName;
  readonly clip: Clip;
  /** Of the sound as it is heard. */
  readonly image: MelImage;
  readonly figures: RungFigures;
}

/** One file and its rungs, from the least lost. */
export interface Ladder {
  readonly name: string;
  readonly original: Clip;
  readonly image: MelImage;
  readonly rungs: readonly Rung[];
  /** The autoencoder's image against the original's, before inversion. Unit: dB; null on pixels. */
  readonly vaeImage: MelImage | null;
}

export interface ClimbOptions {
  readonly pipeline: Pipeline;
  readonly codec: MelCodec;
  readonly vocoder: Vocoder;
  readonly downmix: DownmixRule;
}

/** Reads a file and reconstructs it by every rung. The sound is filled with silence to a length that the networks take. */
export async function climbLadder(file: string, { pipeline, codec, vocoder, downmix }: ClimbOptions): Promise<Ladder> {
  const { sampleRateHz, hopSamples } = pipeline.mel;
  const signal = await loadMono(resolve(file), { sampleRateHz, downmix });
  const multiple = frameMultiple(pipeline);
  const frames = Math.ceil((1 + Math.floor(signal.length / hopSamples)) / multiple) * multiple;
  const padded = new Float32Array((frames - 1) * hopSamples);
  padded.set(signal.subarray(0, padded.length));
  const image = codec.analyse(padded);
  const vaeImage = pipeline.vae === null ? null : reconstructImage(pipeline, image);
  const original = padded.subarray(0, Math.min(signal.length, padded.length));
  const originalBandwidthHz = await fileBandwidthHz(resolve(file), downmix);
  const [inverted, decoded] = await Promise.all([vocoder.invert(image), vaeImage === null ? null : vocoder.invert(vaeImage)]);
  const climb = (name: RungName, clip: Clip): Rung => ({
    name, clip, image: codec.analyse(clip.channels[0]),
    figures: measureRung({ original, originalBandwidthHz, originalImage: image, rung: clip.channels[0], codec }),
  });
  return {
    name: basename(file, extname(file)), original: { sampleRateHz, channels: [padded] }, image, vaeImage,
    rungs: [
      climb('codec', { sampleRateHz, channels: [withOriginalPhase(image, padded, codec)] }),
      climb('inverted', inverted),
      ...(decoded === null ? [] : [climb('vae', decoded)]),
    ],
  };
}

/** The figures of a ladder by rung. */
export function rungsOf({ rungs }: Ladder): FileRungs {
  return Object.fromEntries(rungs.map(({ name, figures }) => [name, figures]));
}

async function fileBandwidthHz(path: string, downmix: DownmixRule): Promise<number> {
  const source = await openAudio(path);
  const { sampleRateHz } = source;
  await source.close();
  return bandwidthHz(await loadMono(path, { sampleRateHz, downmix }), sampleRateHz);
}

/** What is left of a sound when its mel image replaces its magnitudes: the loss of the codec alone, since the phase is given. Shape: [T] -> [T]. */
function withOriginalPhase(image: MelImage, signal: Float32Array, codec: MelCodec): Float32Array {
  const spectrum = codec.stft.forward(signal);
  const { magnitude } = codec.invertToMagnitude(image);
  for (let cell = 0; cell < magnitude.length; cell += 1) {
    const own = Math.hypot(spectrum.re[cell], spectrum.im[cell]);
    if (own === 0) spectrum.re[cell] = magnitude[cell];
    else {
      spectrum.re[cell] *= magnitude[cell] / own;
      spectrum.im[cell] *= magnitude[cell] / own;
    }
  }
  return codec.stft.inverse(spectrum, signal.length);
}

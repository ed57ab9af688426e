// Takes one sound file through the rungs of the reconstruction ladder.
import { basename, extname, resolve } from 'node:path';
import type { Clip } from '../audio/clip.js';
import { openAudio } from '../audio/decode.node.js';
import type { DownmixRule } from '../audio/downmix.js';
import { loadMono, loadSound } from '../audio/load.node.js';
import { bandwidthHz } from '../evaluation/bandwidth.js';
import type { FileRungs } from '../evaluation/ladder-verdict.js';
import { measureRung, type RungFigures, type RungName } from '../evaluation/rung-figures.js';
import { reconstructImage } from '../generation/reconstruct.js';
import { frameMultiple, type Pipeline } from '../pipeline/pipeline.js';
import { leftRight, midSide } from '../dsp/mid-side.js';
import { createImageCodec } from '../spectrogram/image-codec.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
import { imageChannel, type MelImage } from '../spectrogram/mel-image.js';
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
  readonly vocoder: Vocoder;
  readonly downmix: DownmixRule;
}

/** Reads a file and reconstructs it by every rung. The sound is filled with silence to a length that the networks take. */
export async function climbLadder(file: string, { pipeline, vocoder, downmix }: ClimbOptions): Promise<Ladder> {
  const { sampleRateHz, hopSamples, channels: count = 1 } = pipeline.mel;
  const codec = createImageCodec(pipeline.mel);
  const signal = await loadSound(resolve(file), { sampleRateHz, channels: count, downmix });
  const [{ length }] = signal;
  const multiple = frameMultiple(pipeline);
  const frames = Math.ceil((1 + Math.floor(length / hopSamples)) / multiple) * multiple;
  const padded = signal.map((samples) => {
    const whole = new Float32Array((frames - 1) * hopSamples);
    whole.set(samples.subarray(0, whole.length));
    return whole;
  });
  const image = codec.analyse(padded);
  const vaeImage = pipeline.vae === null ? null : reconstructImage(pipeline, image);
  const original = padded.map((samples) => samples.subarray(0, length));
  const originalBandwidthHz = await fileBandwidthHz(resolve(file), downmix);
  const [inverted, decoded] = await Promise.all([vocoder.invert(image), vaeImage === null ? null : vocoder.invert(vaeImage)]);
  const climb = (name: RungName, clip: Clip): Rung => ({
    name, clip, image: codec.analyse(clip.channels),
    figures: measureRung({ original, originalBandwidthHz, originalImage: image, rung: clip.channels, codec }),
  });
  return {
    name: basename(file, extname(file)), original: { sampleRateHz, channels: padded }, image, vaeImage,
    rungs: [
      climb('codec', { sampleRateHz, channels: withOriginalPhases(image, padded) }),
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

/** What is left of a sound when its mel image replaces its magnitudes, of stereo sound those of mid and side: the loss of the codec alone, since phases are given. Shape: [T] each. */
function withOriginalPhases(image: MelImage, channels: readonly Float32Array[]): Float32Array[] {
  const [left, right] = channels;
  if (right === undefined) return [withOriginalPhase(image, left)];
  const [mid, side] = midSide(left, right).map((signal, channel) => withOriginalPhase(imageChannel(image, channel), signal));
  return leftRight(mid, side);
}

/** Shape: [T] -> [T]. */
function withOriginalPhase(image: MelImage, signal: Float32Array): Float32Array {
  const codec = createMelCodec(image.settings);
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

// The vocoder that is trained: mel image → spectrum by a network → sound by the inverse transform.
import * as tf from '@tensorflow/tfjs';
import { requireInteger, requireNumber } from '../base/checks.js';
import type { MelSettings } from '../config/mel.js';
import type { VocosConfig } from '../config/vocoder.js';
import { createLoopStft } from '../dsp/loop-stft.js';
import { resampleLoop } from '../dsp/resample-loop.js';
import { spectrumRows } from '../dsp/spectrum-rows.js';
import type { Spectrum, Transform } from '../dsp/stft.js';
import { createVocos, type Vocos } from '../models/index.js';
import { withConvPrecision } from '../nn/operations.js';
import { assertSameCodec } from '../spectrogram/codec-identity.js';
import { createMelCodec } from '../spectrogram/mel-codec.js';
import { dbToImageValue, requireMelImage, type MelImage } from '../spectrogram/mel-image.js';
import { joinAround, joinKnown } from './_join.js';
import { createGriffinLimVocoder } from './griffin-lim-vocoder.js';
import { correctLevels, correctionFrames } from './level-correction.js';
import { melPrior } from './mel-prior.js';
import { createStereoVocoder } from './stereo-vocoder.js';
import type { PromptVocoder } from './vocoder.js';

/** A vocoder's network and the codec, of one channel, whose images it reads. */
export interface VocoderNetwork {
  readonly mel: MelSettings;
  readonly vocos: Vocos;
  /** What its training found on sounds held out; null or absent where nobody measured. */
  readonly measured?: VocoderMeasure | null;
}

/** The loss of its training, of a network and of the classical inverter, on the same windows. Lower is nearer to the real sound. */
export interface VocoderMeasure {
  readonly loss: number;
  readonly inverterLoss: number;
}

/** A loss above this share of the inverter's is not worth it: who hears the difference, and the inverter works in threads and goes on from given sound. */
const CLEARLY_NEARER = 0.98;

/** Whether a network is the better choice. One that nobody measured, as in folders of before it was, is believed. */
export function beatsInverter({ measured }: Pick<VocoderNetwork, 'measured'>): boolean {
  return (measured ?? null) === null || measured!.loss < CLEARLY_NEARER * measured!.inverterLoss;
}

/**
 * Creates the network of a codec. Memory: the caller disposes of it.
 *
 * @param options.seed of its first values; null leaves zeros, for weights that are loaded next
 */
export function createVocoderNetwork(config: VocosConfig, mel: MelSettings, { seed }: { readonly seed: number | null }): VocoderNetwork {
  return { mel, vocos: createVocos(config, { seed, prior: config.mel_prior && !config.from_inverter ? melPrior(mel) : undefined }) };
}

/** The inverter that networks of `from_inverter` begin at: always in its defaults, as those that a network was trained with are those that it needs. */
export function createStartInverter(mel: MelSettings, options: Pick<NeuralVocoderOptions, 'gateDb'> = {}): PromptVocoder {
  return createGriffinLimVocoder(mel, options);
}

export interface NeuralVocoderOptions {
  /** Decibels above floorDb that still count as silence, in [0, 60], default 0; as of the Griffin-Lim vocoder. */
  readonly gateDb?: number;
}

/** Window sums below this share of the largest count as that share, so that the last samples beyond the last frame stay as quiet as they are. */
const LEAST_WEIGHT = 0.01;
/** Frames that go through the network at once: enough to keep the engine busy, few enough to keep memory flat however long the image is. */
const CHUNK_FRAMES = 1024;

/**
 * Creates the vocoder of a trained network.
 *
 * A loop is made of frames a hop apart that go on at the other end, and where its length is no whole number of hops brought there as a
 * tape is: at most half a hop longer or shorter in all, 7 cents at 128 frames. Of given sound the network knows nothing: beside it some transforms
 * are found anew at the network's magnitudes, so that the one goes on from the other in phase. Only for that, phases may be drawn by the seed, and
 * for a network that begins at the classical inverter's sound: there the seed is that one's. Such a network's sound is led back to the levels
 * of the image, which it has only nearly.
 *
 * Memory: the network stays the caller's. No tensor is left after a call.
 */
export function createNeuralVocoder({ mel: settings, vocos }: VocoderNetwork, { gateDb = 0 }: NeuralVocoderOptions = {}): PromptVocoder {
  requireNumber('neural vocoder: gateDb', gateDb, { min: 0, max: 60 });
  const codec = createMelCodec(settings);
  const { stft } = codec;
  const inverter = vocos.config.from_inverter ? createStartInverter(settings, { gateDb }) : undefined;
  const silent = Math.fround(dbToImageValue(settings.floorDb + gateDb, settings));
  const { sampleRateHz, hopSamples } = settings;
  const spectrumOf = (frames: Float32Array, isLoop: boolean, start: Spectrum | undefined): Spectrum => networkSpectrum(vocos, { frames, start, isLoop });
  const correct = (made: Float32Array, image: MelImage, transform: Transform): void => {
    if (inverter !== undefined) correctLevels(made, { transform, target: codec.toMelTarget(image, { gateDb }) }); // the reference knows nothing of it
  };

  const makeLoop = (image: MelImage, wanted: number, seed: number): Float32Array => {
    const frameCount = Math.max(1, Math.round(wanted / hopSamples));
    const sampleCount = frameCount * hopSamples;
    const loop = createLoopStft({ ...settings, sampleCount, frames: frameCount });
    const frames = spreadFrames(framesOf(image, silent), settings.melBins, frameCount);
    const start = inverter && loop.createSpectrum(frameCount);
    if (start) loop.forwardInto(inverter.invert(imageOf(settings, frames), { isLoop: true, sampleCount, seed }).channels[0], start);
    const made = new Float32Array(sampleCount);
    loop.inverseInto(spectrumOf(frames, true, start), made);
    correct(made, imageOf(settings, frames), loop);
    return resampleLoop(made, wanted);
  };
  const make = (image: MelImage, wanted: number, seed: number): Float32Array => {
    const { frameCount } = image;
    const shortest = Math.max(1, (frameCount - 1) * hopSamples);
    const longest = Math.max(shortest, frameCount * hopSamples - 1);
    const made = new Float32Array(Math.min(Math.max(wanted, shortest), longest));
    const start = inverter && stft.forward(inverter.invert(image, { seed, sampleCount: shortest }).channels[0]);
    stft.inverseInto(spectrumOf(framesOf(image, silent), false, start), made, LEAST_WEIGHT);
    correct(made, image, stft);
    if (made.length === wanted) return made;
    const samples = new Float32Array(wanted);
    samples.set(made.subarray(0, Math.min(wanted, made.length)));
    return samples;
  };
  return {
    name: `vocos-${weightsHash(vocos)}`,
    isContinuing: true,
    contextFrames: vocos.contextFrames + (inverter === undefined ? 0 : correctionFrames(settings)),
    invert(image, { seed = 0, sampleCount, isLoop = false, known, around } = {}) {
      assertSameCodec(image.settings, settings, 'mel image');
      requireMelImage(image, 'mel image');
      const wanted = requireInteger('invert: sampleCount', sampleCount ?? Math.max(1, (image.frameCount - (isLoop ? 0 : 1)) * hopSamples), { min: 1, max: 2 ** 31 });
      if (isLoop) return { sampleRateHz, channels: [makeLoop(image, wanted, seed)] };
      const made = make(image, wanted, seed);
      if (known !== undefined) joinKnown(settings, made, { ...known, samples: known.channels[0], seed });
      return { sampleRateHz, channels: [around === undefined ? made : joinAround(settings, made, { samples: around.channels[0], limit: around.limit })] };
    },
  };
}

/** The vocoder of a pipeline's own network, which is one of a single channel: of stereo sound mid and side are made with it. */
export function createOwnVocoder(mel: MelSettings, network: VocoderNetwork): PromptVocoder {
  const mono = createNeuralVocoder(network);
  return mel.channels === 2 ? createStereoVocoder(mel, mono) : mono;
}

interface SpectrumOptions {
  /** Shape: [N*M]. */
  readonly frames: Float32Array;
  /** For a network that begins at a sound: that sound's, of as many frames. */
  readonly start: Spectrum | undefined;
  readonly isLoop: boolean;
}

/** Runs the network over some frames at a time. Shape: [N*M] -> [N, F]. */
function networkSpectrum(vocos: Vocos, { frames, start, isLoop }: SpectrumOptions): Spectrum {
  const { contextFrames } = vocos;
  const { input_channels: melBins, n_fft: size } = vocos.config;
  const frameCount = frames.length / melBins;
  const binCount = size / 2 + 1;
  const [re, im] = [new Float32Array(frameCount * binCount), new Float32Array(frameCount * binCount)];
  const startRows = start && spectrumRows(start, { from: 0, to: frameCount });
  for (let first = 0; first < frameCount; first += CHUNK_FRAMES) {
    const last = Math.min(frameCount, first + CHUNK_FRAMES);
    const from = isLoop ? first - contextFrames : Math.max(0, first - contextFrames);
    const to = isLoop ? last + contextFrames : Math.min(frameCount, last + contextFrames);
    const chunk = runNetwork(vocos, { frames: aroundLoop(frames, melBins, { from, to }), start: startRows && aroundLoop(startRows, 2 * binCount, { from, to }) }, to - from);
    for (let frame = first; frame < last; frame += 1) {
      const at = (frame - from) * 2 * binCount;
      re.set(chunk.subarray(at, at + binCount), frame * binCount);
      im.set(chunk.subarray(at + binCount, at + 2 * binCount), frame * binCount);
    }
  }
  return { re, im, frameCount, binCount };
}

/** Frames `from` to before `to`, those beyond an end from the other one. Shape: [N*width] -> [(to - from)*width]. */
function aroundLoop(frames: Float32Array, width: number, { from, to }: { readonly from: number; readonly to: number }): Float32Array {
  const count = frames.length / width;
  if (from >= 0 && to <= count) return frames.subarray(from * width, to * width);
  const around = new Float32Array((to - from) * width);
  for (let frame = from; frame < to; frame += 1) {
    const at = ((frame % count) + count) % count;
    around.set(frames.subarray(at * width, (at + 1) * width), (frame - from) * width);
  }
  return around;
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

/** Values of [-1, 1] frame after frame, those of silence at -1. Shape: [M, N] -> [N*M]. */
function framesOf({ settings: { melBins }, frameCount, data }: MelImage, silent: number): Float32Array {
  const frames = new Float32Array(data.length);
  for (let row = 0; row < melBins; row += 1) {
    for (let frame = 0; frame < frameCount; frame += 1) {
      const value = data[row * frameCount + frame];
      frames[frame * melBins + row] = value <= silent ? -1 : Math.min(value, 1);
    }
  }
  return frames;
}

/** The image of frames after frames. Shape: [N*M] -> [M, N]. */
export function imageOf(settings: MelSettings, frames: Float32Array): MelImage {
  const { melBins } = settings;
  const frameCount = frames.length / melBins;
  return { settings, frameCount, data: frames.map((_, cell) => frames[(cell % frameCount) * melBins + Math.floor(cell / frameCount)]) };
}

/** In float32 whatever the precision in force: bfloat16 would be heard as noise. Shape: [n*M] -> [n*2·F]. */
function runNetwork(vocos: Vocos, { frames, start }: { readonly frames: Float32Array; readonly start?: Float32Array }, count: number): Float32Array {
  const { input_channels: melBins, n_fft: size } = vocos.config;
  const spectrum = withConvPrecision('float32', () => tf.tidy(() => vocos.spectrum(tf.tensor3d(frames, [1, count, melBins]), start && tf.tensor3d(start, [1, count, size + 2]))));
  try {
    return spectrum.dataSync<'float32'>();
  } finally {
    spectrum.dispose();
  }
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Eight hexadecimal digits by which a clip says which weights made it. */
function weightsHash({ parameters }: Vocos): string {
  let hash = FNV_OFFSET;
  for (const { variable } of parameters.list()) {
    const values = variable.dataSync<'float32'>();
    for (const word of new Uint32Array(values.buffer, values.byteOffset, values.length)) hash = Math.imul(hash ^ word, FNV_PRIME);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}

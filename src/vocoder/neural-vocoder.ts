// The vocoder that is trained: mel image → spectrum by a network → sound by the inverse transform.
import * as tf from '@tensorflow/tfjs';
import { requireInteger, requireNumber } from '../base/checks.js';
import type { MelSettings } from '../config/mel.js';
import type { VocosConfig } from '../config/vocoder.js';
import { createLoopStft } from '../dsp/loop-stft.js';
import { resampleLoop } from '../dsp/resample-loop.js';
import { createStft, type Spectrum } from '../dsp/stft.js';
import { createVocos, type Vocos } from '../models/index.js';
import { withConvPrecision } from '../nn/operations.js';
import { assertSameCodec } from '../spectrogram/codec-identity.js';
import { dbToImageValue, requireMelImage, type MelImage } from '../spectrogram/mel-image.js';
import { joinAround, joinKnown } from './_join.js';
import { melPrior } from './mel-prior.js';
import { createStereoVocoder } from './stereo-vocoder.js';
import type { PromptVocoder } from './vocoder.js';

/** A vocoder's network and the codec, of one channel, whose images it reads. */
export interface VocoderNetwork {
  readonly mel: MelSettings;
  readonly vocos: Vocos;
}

/**
 * Creates the network of a codec. Memory: the caller disposes of it.
 *
 * @param options.seed of its first values; null leaves zeros, for weights that are loaded next
 */
export function createVocoderNetwork(config: VocosConfig, mel: MelSettings, { seed }: { readonly seed: number | null }): VocoderNetwork {
  return { mel, vocos: createVocos(config, { seed, prior: config.mel_prior ? melPrior(mel) : undefined }) };
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
 * are found anew at the network's magnitudes, so that the one goes on from the other in phase. Only for that, phases may be drawn by the seed.
 *
 * Memory: the network stays the caller's. No tensor is left after a call.
 */
export function createNeuralVocoder({ mel: settings, vocos }: VocoderNetwork, { gateDb = 0 }: NeuralVocoderOptions = {}): PromptVocoder {
  requireNumber('neural vocoder: gateDb', gateDb, { min: 0, max: 60 });
  const stft = createStft(settings);
  const silent = Math.fround(dbToImageValue(settings.floorDb + gateDb, settings));
  const { sampleRateHz, hopSamples } = settings;
  const contextFrames = 3 * (vocos.config.num_layers + 1);
  const spectrumOf = (frames: Float32Array, isLoop: boolean): Spectrum => networkSpectrum(vocos, { frames, isLoop, contextFrames });

  const makeLoop = (image: MelImage, wanted: number): Float32Array => {
    const frames = Math.max(1, Math.round(wanted / hopSamples));
    const loop = createLoopStft({ ...settings, sampleCount: frames * hopSamples, frames });
    const made = new Float32Array(frames * hopSamples);
    loop.inverseInto(spectrumOf(spreadFrames(framesOf(image, silent), settings.melBins, frames), true), made);
    return resampleLoop(made, wanted);
  };
  const make = (image: MelImage, wanted: number): Float32Array => {
    const { frameCount } = image;
    const shortest = Math.max(1, (frameCount - 1) * hopSamples);
    const longest = Math.max(shortest, frameCount * hopSamples - 1);
    const made = new Float32Array(Math.min(Math.max(wanted, shortest), longest));
    stft.inverseInto(spectrumOf(framesOf(image, silent), false), made, LEAST_WEIGHT);
    if (made.length === wanted) return made;
    const samples = new Float32Array(wanted);
    samples.set(made.subarray(0, Math.min(wanted, made.length)));
    return samples;
  };
  return {
    name: `vocos-${weightsHash(vocos)}`,
    isContinuing: true,
    contextFrames,
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

/** The vocoder of a pipeline's own network, which is one of a single channel: of stereo sound mid and side are made with it. */
export function createOwnVocoder(mel: MelSettings, network: VocoderNetwork): PromptVocoder {
  const mono = createNeuralVocoder(network);
  return mel.channels === 2 ? createStereoVocoder(mel, mono) : mono;
}

interface SpectrumOptions {
  /** Shape: [N*M]. */
  readonly frames: Float32Array;
  readonly isLoop: boolean;
  /** To either side, that a frame depends on. */
  readonly contextFrames: number;
}

/** Runs the network over some frames at a time. Shape: [N*M] -> [N, F]. */
function networkSpectrum(vocos: Vocos, { frames, isLoop, contextFrames }: SpectrumOptions): Spectrum {
  const { input_channels: melBins, n_fft: size } = vocos.config;
  const frameCount = frames.length / melBins;
  const binCount = size / 2 + 1;
  const [re, im] = [new Float32Array(frameCount * binCount), new Float32Array(frameCount * binCount)];
  for (let first = 0; first < frameCount; first += CHUNK_FRAMES) {
    const last = Math.min(frameCount, first + CHUNK_FRAMES);
    const from = isLoop ? first - contextFrames : Math.max(0, first - contextFrames);
    const to = isLoop ? last + contextFrames : Math.min(frameCount, last + contextFrames);
    const chunk = runNetwork(vocos, aroundLoop(frames, melBins, { from, to }), to - from);
    for (let frame = first; frame < last; frame += 1) {
      const start = (frame - from) * 2 * binCount;
      re.set(chunk.subarray(start, start + binCount), frame * binCount);
      im.set(chunk.subarray(start + binCount, start + 2 * binCount), frame * binCount);
    }
  }
  return { re, im, frameCount, binCount };
}

/** Frames `from` to before `to`, those beyond an end from the other one. Shape: [N*M] -> [(to - from)*M]. */
function aroundLoop(frames: Float32Array, melBins: number, { from, to }: { readonly from: number; readonly to: number }): Float32Array {
  const count = frames.length / melBins;
  if (from >= 0 && to <= count) return frames.subarray(from * melBins, to * melBins);
  const around = new Float32Array((to - from) * melBins);
  for (let frame = from; frame < to; frame += 1) {
    const at = ((frame % count) + count) % count;
    around.set(frames.subarray(at * melBins, (at + 1) * melBins), (frame - from) * melBins);
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

/** In float32 whatever the precision in force: bfloat16 would be heard as noise. Shape: [n*M] -> [n*2·F]. */
function runNetwork(vocos: Vocos, frames: Float32Array, count: number): Float32Array {
  const spectrum = withConvPrecision('float32', () => tf.tidy(() => vocos.spectrum(tf.tensor3d(frames, [1, count, vocos.config.input_channels]))));
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

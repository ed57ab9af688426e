// The vocoder that is trained: mel image → spectrum by a network → sound by the inverse transform.
import * as tf from '@tensorflow/tfjs';
import { requireInteger, requireNumber } from '../base/checks.js';
import type { MelSettings } from '../config/mel.js';
import type { VocosConfig } from '../config/vocoder.js';
import { spectrumRows } from '../dsp/spectrum-rows.js';
import { createStft } from '../dsp/stft.js';
import { createVocos, type Vocos } from '../models/index.js';
import { withConvPrecision } from '../nn/operations.js';
import { assertSameCodec } from '../spectrogram/codec-identity.js';
import { dbToImageValue, requireMelImage, type MelImage } from '../spectrogram/mel-image.js';
import { createGriffinLimVocoder } from './griffin-lim-vocoder.js';
import { melPrior } from './mel-prior.js';
import type { PromptVocoder } from './vocoder.js';

/** A vocoder's network and the codec whose images it reads. */
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
 * Creates the vocoder of a trained network. Nothing is drawn at random, so that the seed changes nothing, but for a network that begins at
 * the classical inverter's sound: there the seed is that one's.
 *
 * Memory: the network stays the caller's. No tensor is left after a call.
 */
export function createNeuralVocoder({ mel: settings, vocos }: VocoderNetwork, { gateDb = 0 }: NeuralVocoderOptions = {}): PromptVocoder {
  requireNumber('neural vocoder: gateDb', gateDb, { min: 0, max: 60 });
  const stft = createStft(settings);
  const inverter = vocos.config.from_inverter ? createStartInverter(settings, { gateDb }) : undefined;
  const silent = Math.fround(dbToImageValue(settings.floorDb + gateDb, settings));
  return {
    name: `vocos-${weightsHash(vocos)}`,
    invert(image, { sampleCount, seed } = {}) {
      assertSameCodec(image.settings, settings, 'mel image');
      requireMelImage(image, 'mel image');
      const { frameCount } = image;
      const shortest = Math.max(1, (frameCount - 1) * settings.hopSamples);
      const wanted = requireInteger('invert: sampleCount', sampleCount ?? shortest, { min: 1, max: 2 ** 31 });
      const spectrum = stft.createSpectrum(frameCount);
      const frames = framesOf(image, silent);
      const start = inverter && stft.forward(inverter.invert(image, { seed, sampleCount: shortest }).channels[0]);
      const reach = 3 * (vocos.config.num_layers + 1) + 1; // frames to either side that a frame depends on, the last one by the phase before it
      for (let first = 0; first < frameCount; first += CHUNK_FRAMES) {
        const last = Math.min(frameCount, first + CHUNK_FRAMES);
        const [from, to] = [Math.max(0, first - reach), Math.min(frameCount, last + reach)];
        const chunk = runNetwork(vocos, { frames: frames.subarray(from * settings.melBins, to * settings.melBins), start: start && spectrumRows(start, { from, to }) }, to - from);
        for (let frame = first; frame < last; frame += 1) {
          const start = (frame - from) * 2 * stft.binCount;
          spectrum.re.set(chunk.subarray(start, start + stft.binCount), frame * stft.binCount);
          spectrum.im.set(chunk.subarray(start + stft.binCount, start + 2 * stft.binCount), frame * stft.binCount);
        }
      }
      const longest = Math.max(shortest, frameCount * settings.hopSamples - 1);
      const made = new Float32Array(Math.min(Math.max(wanted, shortest), longest));
      stft.inverseInto(spectrum, made, LEAST_WEIGHT);
      if (made.length === wanted) return { sampleRateHz: settings.sampleRateHz, channels: [made] };
      const samples = new Float32Array(wanted);
      samples.set(made.subarray(0, Math.min(wanted, made.length)));
      return { sampleRateHz: settings.sampleRateHz, channels: [samples] };
    },
  };
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

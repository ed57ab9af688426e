// What a configuration costs before anything is trained: sizes of image and latent, parameters, and the time of the codec. Measures, and prints nothing.
import { createRandom } from '../base/random.js';
import { deriveNetworks } from '../config/derive.js';
import { imageChannels } from '../config/mel-layout.js';
import type { RunConfig } from '../config/run-config.js';
import { createAutoencoderKL } from '../models/index.js';
import { createAnyUnet } from '../pipeline/unet-classes.js';
import { createImageCodec } from '../spectrogram/image-codec.js';
import { createGriffinLimVocoder } from '../vocoder/griffin-lim-vocoder.js';
import { inverterOptions } from './inverter-flags.js';

type Shape = readonly [rows: number, columns: number, channels: number];

export interface ConfigCost {
  readonly image: Shape;
  /** Of one image. */
  readonly seconds: number;
  /** What the UNet draws: the latent, or on pixels the image. */
  readonly sample: Shape;
  /** Null where there is none: no autoencoder on pixels, and no UNet that is known before its text encoder is. */
  readonly parameters: { readonly vae: number | null; readonly unet: number | null };
  /** Milliseconds per second of sound, on one core of this machine; best of three. */
  readonly codecMs: { readonly analyse: number; readonly invert: number };
  readonly iterations: number;
}

/** Memory: the networks' weights, one network at a time. */
export function measureCost(config: RunConfig, labelCount: number): ConfigCost {
  const { mel, representation, generation } = config;
  const networks = deriveNetworks(config, labelCount);
  const unet = networks.conditionUnet ?? networks.unet;
  const isOpen = 'cross_attention_dim' in unet && unet.cross_attention_dim === null;
  return {
    image: [mel.melBins, mel.frames, imageChannels(mel)],
    seconds: ((mel.frames - 1) * mel.hopSamples) / mel.sampleRateHz,
    sample: networks.sampleShape,
    parameters: {
      vae: representation === 'pixel' ? null : countOf(createAutoencoderKL(networks.vae, { seed: null })),
      unet: isOpen ? null : countOf(createAnyUnet(unet, { seed: null })),
    },
    codecMs: timeCodec(config),
    iterations: generation.griffinLimIterations,
  };
}

/** Frees the network. */
function countOf({ parameters, dispose }: { readonly parameters: { readonly count: number }; dispose(): void }): number {
  const { count } = parameters;
  dispose();
  return count;
}

function timeCodec({ mel, generation }: RunConfig): ConfigCost['codecMs'] {
  const random = createRandom(0, 'cost');
  const sound = Array.from({ length: mel.channels }, () => random.normals(mel.sampleRateHz).map((sample) => 0.1 * sample));
  const codec = createImageCodec(mel);
  const image = codec.analyse(sound);
  const vocoder = createGriffinLimVocoder(mel, inverterOptions(generation));
  return { analyse: bestMs(() => codec.analyse(sound)), invert: bestMs(() => vocoder.invert(image)) };
}

function bestMs(run: () => unknown): number {
  return Math.min(...[0, 1, 2].map(() => {
    const start = performance.now();
    run();
    return performance.now() - start;
  }));
}

/** The cost as lines of text. */
export function describeCost({ image, seconds, sample, parameters, codecMs, iterations }: ConfigCost): string[] {
  const inWords = (count: number | null): string => (count === null ? 'none yet' : `${count.toLocaleString('en')} parameters`);
  const planes = image[2] === 1 ? '' : ' (mid, side, panning)';
  return [
    `image: ${image.join(' × ')}${planes}, ${seconds.toFixed(2)} s; the UNet draws ${sample.join(' × ')}`,
    `networks: ${parameters.vae === null ? '' : `autoencoder ${inWords(parameters.vae)}, `}UNet ${inWords(parameters.unet)}`,
    `codec, per second of sound: ${codecMs.analyse.toFixed(0)} ms to analyse, ${codecMs.invert.toFixed(0)} ms to invert in ${iterations} iterations`,
  ];
}

// The network of a vocoder with the codec it is for, and what its training found. Makes no sound.
import type { MelSettings } from '../config/mel.js';
import type { VocosConfig } from '../config/vocoder.js';
import { createVocos, type Vocos } from '../models/index.js';
import { melPrior } from './mel-prior.js';

/** A vocoder's network and the codec, of one channel, whose images it reads. */
export interface VocoderNetwork {
  readonly mel: MelSettings;
  readonly vocos: Vocos;
  /** What its training found on sounds held out; null or absent where nobody measured. */
  readonly measured?: VocoderMeasure | null;
}

/** The distance to real sound, as training of spectra measures it, of what a network's vocoder and the classical inverter make of the same windows. Lower is nearer. */
export interface VocoderMeasure {
  readonly loss: number;
  readonly inverterLoss: number;
}

/** Whether a network is the better choice. One that nobody measured, as in folders of before it was, is believed. */
export function beatsInverter({ measured }: Pick<VocoderNetwork, 'measured'>): boolean {
  return (measured ?? null) === null || measured!.loss < measured!.inverterLoss;
}

/**
 * Creates the network of a codec. Memory: the caller disposes of it.
 *
 * @param options.seed of its first values; null leaves zeros, for weights that are loaded next
 */
export function createVocoderNetwork(config: VocosConfig, mel: MelSettings, { seed }: { readonly seed: number | null }): VocoderNetwork {
  return { mel, vocos: createVocos(config, { seed, prior: config.mel_prior ? melPrior(mel) : undefined }) };
}

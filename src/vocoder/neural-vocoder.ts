// The vocoder that is trained: a network says magnitudes, whose phases the classical inverter finds, or a whole spectrum.
import type { MelSettings } from '../config/mel.js';
import { createGriffinLimVocoder, type GriffinLimVocoderOptions } from './griffin-lim-vocoder.js';
import { createMagnitudeVocoder } from './magnitude-vocoder.js';
import { createSpectrumVocoder } from './spectrum-vocoder.js';
import { createStereoVocoder } from './stereo-vocoder.js';
import type { PromptVocoder } from './vocoder.js';
import type { VocoderNetwork } from './vocoder-network.js';

/**
 * Creates the vocoder of a trained network, on the thread that asks.
 *
 * Memory: the network stays the caller's. No tensor is left after a call.
 *
 * @param options of the classical inverter, for a network that predicts magnitudes; of a spectrum gateDb alone counts
 */
export function createNeuralVocoder(network: VocoderNetwork, options: GriffinLimVocoderOptions = {}): PromptVocoder {
  if (network.vocos.config.predicts === 'spectrum') return createSpectrumVocoder(network, options);
  return createMagnitudeVocoder(network, createGriffinLimVocoder(network.mel, options), options);
}

/** The vocoder of a pipeline's own network, which is one of a single channel: of stereo sound mid and side are made with it. */
export function createOwnVocoder(mel: MelSettings, network: VocoderNetwork, options: GriffinLimVocoderOptions = {}): PromptVocoder {
  const mono = createNeuralVocoder(network, options);
  return mel.channels === 2 ? createStereoVocoder(mel, mono) : mono;
}

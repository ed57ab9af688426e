// What of a configuration does not go with two channels of sound. Knows no network.
import type { z } from 'zod';
import { imageChannels } from './mel-layout.js';
import type { ConfigProblem } from './problems.js';
import type { runConfigSchema } from './schema.js';

type Config = z.output<typeof runConfigSchema>;

/** Everything in the configuration that is for one channel alone, each with a fix in words. */
export function stereoProblems(config: Config, areNetworksKnown: boolean): ConfigProblem[] {
  const { mel, corpus } = config;
  if (mel.channels === 1) return [];
  const since = `since mel.channels is ${mel.channels}`;
  return [
    ...(corpus.downmix === 'mean' ? [] : [{ key: 'corpus.downmix', got: corpus.downmix, expected: `nothing, ${since}: both channels are kept`, fix: 'Leave it out, or set mel.channels to 1.' }]),
    ...(areNetworksKnown ? initialProblems(config) : []),
  ];
}

/** Networks to go on from see the three channels of a stereo image, as they are. */
function initialProblems({ mel, initialPipeline, initialChannels, representation, vae }: Config): ConfigProblem[] {
  if (initialPipeline === null) return [];
  const count = imageChannels(mel);
  const since = `since mel.channels is ${mel.channels}`;
  const { in_channels: channels } = vae.network;
  return [
    ...(initialChannels === 'repeat' ? [] : [{ key: 'initialChannels', got: initialChannels, expected: `repeat, ${since}: networks of ${count} channels are taken as they are` }]),
    ...(representation === 'pixel' || channels === count ? [] : [{ key: 'initialPipeline', got: `an autoencoder of ${channels} image channel${channels === 1 ? '' : 's'}`, expected: `one of ${count}, ${since}` }]),
  ];
}

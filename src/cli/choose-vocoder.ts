// Which vocoder turns a pipeline's images into sound: its own where it has one that was found to be nearer, else Griffin-Lim, unless one is asked for.
import { Option } from 'commander';
import { MelstromError } from '../base/errors.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import { createGriffinLimVocoder } from '../vocoder/griffin-lim-vocoder.js';
import { createOwnVocoder } from '../vocoder/neural-vocoder.js';
import { createMagnitudeVocoder } from '../vocoder/magnitude-vocoder.js';
import { createThreadedGriffinLim } from '../vocoder/threaded-griffin-lim.node.js';
import type { Vocoder } from '../vocoder/vocoder.js';
import { beatsInverter } from '../vocoder/vocoder-network.js';
import { inverterOptions, type InverterSettings } from './inverter-flags.js';
import { workersFor, type InversionWork } from './workers-flag.js';

export const VOCODER_CHOICES = ['auto', 'neural', 'griffin-lim'] as const;
export type VocoderChoice = (typeof VOCODER_CHOICES)[number];

const NO_THREADS: InversionWork = { workers: 0, clips: 0, frames: 0 };

/** The flag of every command that makes sound of a run. */
export function vocoderOption(): Option {
  return new Option('--vocoder <name>', 'what turns images into sound; auto is the one trained with the run where there is one and its training found it nearer to held-out sounds, else griffin-lim').choices(VOCODER_CHOICES).default('auto');
}

/**
 * Memory: the vocoder uses the pipeline's network, and is of no use once that is disposed of.
 *
 * @param work what it will have to do, for as many threads as that is worth; left out, it works on the main thread. Networks do so always, and so
 *   does all that is of a stereo one or of one that predicts spectra
 * @throws MelstromError of kind 'usage' when a neural one is asked for and the pipeline has none
 */
export function chooseVocoder({ mel, vocoder }: Pick<Pipeline, 'mel' | 'vocoder'>, settings: InverterSettings, choice: VocoderChoice = 'auto', work: InversionWork = NO_THREADS): Vocoder {
  const own = vocoder !== null && (choice === 'neural' || (choice === 'auto' && beatsInverter(vocoder))) ? vocoder : null;
  if (own === null && choice === 'neural') {
    throw new MelstromError({ kind: 'usage', where: '--vocoder', got: 'neural', expected: 'griffin-lim, since the model has no vocoder of its own', fix: 'Leave it out, or train one: melstrom train <config> --stage vocoder.' });
  }
  const options = inverterOptions(settings);
  const isThreadable = own === null || (own.vocos.config.predicts === 'magnitudes' && mel.channels !== 2);
  const workers = isThreadable ? workersFor(work) : 0;
  if (workers === 0) return own === null ? createGriffinLimVocoder(mel, options) : createOwnVocoder(mel, own, options);
  const inverter = createThreadedGriffinLim(mel, options, { workers, signal: work.signal });
  return own === null ? inverter : createMagnitudeVocoder(own, inverter, options);
}

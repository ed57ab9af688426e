// The flags of fill and extend that make what is drawn go with what is kept.
import type { Command } from 'commander';
import { integer, number } from './arguments.js';

export interface HeedingFlags {
  /** Default: what suits the model. */
  readonly heedRounds?: number;
  readonly resamples: number;
  readonly detail: number;
  /** Default: two windows of the codec. */
  readonly hold?: number;
}

export function addHeedingFlags(command: Command): Command {
  return command
    .option('--heed-rounds <n>', 'rounds in which each answer of the network is made to heed what is kept; each costs as much as the steps themselves (default: 2, or 0 for a model trained with unet.inpaintingShare, which sees it)', integer(0))
    .option('--resamples <n>', 'times that each noise level is drawn again so that what is drawn heeds what is kept; each costs as much as the steps with their rounds', integer(0), 0)
    .option('--detail <x>', 'share of the detail which the autoencoder loses of the kept sound that is carried over a join', number(0, 1), 1)
    .option('--hold <seconds>', 'how long the kept sound goes on behind a join, where it is sustained, while what is drawn takes its place; 0 to a third of the slice (default: two windows of the codec)', number(0));
}
